"""Disk use: what is counted where."""

from mgit.history import branches
from mgit.history.undo import undo
from mgit.survey.disk import arrays_below, disk_use
from tests.survey.populations import ADA, FIRST, add_species, commit, shift_defocus, stage


def test_arrays_below_a_path_are_listed(repository):
    tree = repository.snapshot("HEAD")
    assert list(arrays_below(tree, f"{FIRST}/defocus")) == [f"{FIRST}/defocus"]
    assert len(list(arrays_below(tree, FIRST))) == 6
    assert set(arrays_below(tree, FIRST)) < set(arrays_below(tree, ""))


def test_what_nothing_else_shares_is_own(repository):
    alone = {each.name: each for each in disk_use(repository).nodes}["ribosome"]
    assert 0 < alone.own_bytes == alone.stored_bytes
    commit(repository, lambda writer: add_species(writer, "copy"))
    uses = {each.name: each for each in disk_use(repository).nodes}
    assert uses["copy"].stored_bytes == uses["ribosome"].stored_bytes == alone.stored_bytes
    assert uses["copy"].own_bytes == 0


def test_a_commit_counts_what_it_brought(repository):
    commit(repository, shift_defocus(by=1.0))
    commit(repository, shift_defocus(by=-1.0))
    back, forth, species, source, begin = disk_use(repository).commits
    assert (back.chunks, begin.chunks) == (0, 0)
    assert (forth.chunks, forth.raw_bytes) == (1, 4 * 8)
    assert species.raw_bytes > 3 * 64 * 4
    assert source.chunks > 0


def test_chunks_that_nothing_names_are_garbage(repository):
    assert disk_use(repository).garbage_bytes == 0
    commit(repository, shift_defocus(by=3.0))
    undo(repository, who=ADA)
    assert disk_use(repository).garbage_bytes > 0


def test_the_stage_and_other_branches_are_no_garbage(repository):
    branches.create(repository, "side", who=ADA)
    commit(repository, shift_defocus(by=3.0), branch="side")
    stage(repository, shift_defocus(by=4.0))
    assert disk_use(repository).garbage_bytes == 0
    assert disk_use(repository).store_bytes > 0


def test_chunks_that_are_not_here_are_counted(repository):
    import os

    directory = os.path.join(repository.layout.store, "segments")
    for name in os.listdir(directory):
        os.remove(os.path.join(directory, name))
    (first, second) = disk_use(type(repository).open(repository.root)).nodes
    assert first.absent == first.chunks > 0
    assert (second.stored_bytes, second.raw_bytes) == (0, 0)


def test_a_damaged_footer_does_not_stop_the_measurement(repository):
    import os

    directory = os.path.join(repository.layout.store, "segments")
    largest = max(
        (os.path.join(directory, name) for name in os.listdir(directory)), key=os.path.getsize
    )
    os.chmod(largest, 0o644)
    with open(largest, "r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"\xff" * 8)
    assert disk_use(type(repository).open(repository.root)).store_bytes > 0
