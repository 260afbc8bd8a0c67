"""One damage of each kind: the audit names exactly that, and nothing besides."""

import os
import shutil

import numpy as np
import pytest

from mgit.cli.main import main
from mgit.digest import StateDigest
from mgit.history import branches
from mgit.history.repository import Repository
from mgit.state.digests import set_inputs
from mgit.state.population import Population
from mgit.state.species import set_particles
from mgit.store.segment_file import SegmentFile
from tests.verify.populations import (
    add_species,
    commit,
    flip,
    item_named,
    later,
    table,
)


def said(report):
    return [(finding.kind, finding.subject) for finding in report.findings]


def write_ref(repository, name, value):
    with open(os.path.join(repository.layout.git, *name.split("/")), "w") as stream:
        stream.write(value + "\n")


def test_a_sound_population_has_no_findings(repository, audit):
    report = audit(repository)
    assert said(report) == []
    assert report.clean
    assert report.consistent
    assert report.signed == "unsigned"
    assert report.replayed == "not run"
    seen = report.coverage
    assert (seen.commits, seen.raw_files, seen.raw_files_absent) == (4, 8, 0)
    assert seen.arrays == seen.arrays_decoded > 20
    assert seen.particles == 24
    assert seen.chunks > 20
    assert seen.objects > 50


def test_one_wrong_byte_of_a_raw_file_is_named_by_file_and_item(repository, folder, audit):
    path = str(folder / "raw" / "TS_02_3.mrc")
    flip(path, 17, 3)
    report = audit(repository)
    assert said(report) == [("raw-file", path)]
    assert "'TS_02'" in report.findings[0].message


def test_one_flipped_bit_of_a_stored_segment_is_named_by_chunk(repository, audit):
    half_map = Population(repository.snapshot("HEAD")).one_species("ribosome").map("half_map_1")
    ((_, chunk),) = half_map.manifest.stored()
    ((segment, place),) = repository.chunks.catalogue.find(chunk.raw)
    path = repository.chunks.catalogue.segment_path(segment)
    flip(path, place.end - 5, 6)
    report = audit(repository)
    ((kind, subject),) = said(report)
    assert kind == "stored-digest"
    assert str(chunk) in subject
    assert segment.hex in subject
    (consequence,) = report.findings[0].consequences
    assert consequence.startswith(half_map.path)


@pytest.mark.parametrize("column", ["position", "angles"])
def test_one_changed_float_below_an_unchanged_state_digest_is_named_by_species(
    repository, audit, column
):
    def change(draft):
        path = f"{Population(draft).one_species('ribosome').path}/particles/{column}"
        values = draft.array(path).read()
        values[3, 0, 1] = np.nextafter(values[3, 0, 1], np.inf)
        draft.set_array(path, values)

    made = commit(repository, change, seal=lambda _writer, _paths: None)
    report = audit(repository)
    species = Population(repository.snapshot("HEAD")).one_species("ribosome")
    assert said(report) == [("state-digest", f"{species.path} in {made.id[:10]}")]
    assert audit(repository, level=1, domain=False).findings == report.findings


def test_an_altered_edge_of_the_graph_is_named_even_if_everything_above_is_sealed_again(
    repository, audit
):
    def change(draft):
        species = Population(draft).one_species("ribosome")
        kept = species.inputs[1:]
        set_inputs(draft, species.path, [*kept, StateDigest.of(b"a state that never was")])

    made = commit(repository, change)
    report = audit(repository)
    species = Population(repository.snapshot("HEAD")).one_species("ribosome")
    assert said(report) == [("provenance-edge", f"{species.path} in {made.id[:10]}")]
    assert audit(repository, domain=False).clean, "without --provenance nobody asks"


def test_an_input_that_comes_later_than_what_was_made_from_it_is_named(repository, audit):
    first = commit(
        repository,
        lambda draft: add_species(draft, "late", resolution_override_angstrom="9"),
        branch="other",
        parents=(repository.resolve("HEAD"),),
    )
    state = Population(repository.snapshot("other")).one_species("late").state

    def change(draft):
        set_inputs(draft, item_named(draft).path, [state])

    made = commit(repository, change)
    report = audit(repository)
    assert first.id != made.id
    path = item_named(repository.snapshot("HEAD")).path
    assert said(report) == [("provenance-edge", f"{path} in {made.id[:10]}")]


def test_a_head_that_points_elsewhere_is_named(repository, audit):
    with open(os.path.join(repository.layout.git, "HEAD"), "w") as stream:
        stream.write("ref: refs/heads/side\n")
    report = audit(repository)
    assert said(report) == [("head-moved", "HEAD")]
    assert not report.consistent


def test_a_ref_that_was_moved_back_is_named(repository, audit):
    write_ref(repository, "refs/heads/main", repository.resolve("HEAD~1"))
    assert said(audit(repository)) == [("ref-moved-back", "refs/heads/main")]


def test_a_ref_that_was_moved_elsewhere_is_named(repository, audit):
    with repository.transaction(
        verb="test", branch="aside", parents=(repository.resolve("side"),)
    ) as transaction:
        add_species(transaction.draft, "other")
        made = transaction.commit(message="aside", who=later(9), provenance={})
    write_ref(repository, "refs/heads/main", made.id)
    assert said(audit(repository)) == [("ref-moved", "refs/heads/main")]


def test_a_ref_that_was_deleted_and_one_that_was_made_without_mgit_are_named(repository, audit):
    value = repository.resolve("side")
    os.unlink(os.path.join(repository.layout.git, "refs", "heads", "side"))
    write_ref(repository, "refs/heads/foreign", value)
    assert sorted(said(audit(repository))) == [
        ("foreign-ref", "refs/heads/foreign"),
        ("ref-missing", "refs/heads/side"),
    ]


def test_a_ref_that_names_nothing_is_one_finding_with_a_consequence(repository, audit):
    write_ref(repository, "refs/heads/side", "ab" * 20)
    report = audit(repository)
    assert said(report) == [("ref-moved", "refs/heads/side")]
    assert "does not exist" in report.findings[0].consequences[0]


def object_offset(repository, name):
    """Pack file of an object and a place in the middle of its deflated bytes."""
    pack, offset = repository.objects._locate(name)
    return f"{pack.path}.pack", offset + 12


def metadata_blob(repository):
    record = repository.commit("HEAD")
    path = Population(repository.snapshot("HEAD")).one_species("ribosome").path
    from mgit.history.graph import entry_at

    return entry_at(repository.objects, record.tree, f"{path}/mask/zarr.json")


@pytest.mark.parametrize("what", ["commit", "tree", "blob"])
def test_one_wrong_byte_of_a_git_object_is_named_by_the_object(repository, audit, what):
    record = repository.commit("HEAD")
    name = {"commit": record.id, "tree": record.tree, "blob": metadata_blob(repository)}[what]
    flip(*object_offset(repository, name), 4)
    report = audit(repository)
    assert said(report) == [("git-object", f"object {name}")]
    assert report.findings[0].consequences


def test_one_wrong_byte_of_a_pack_index_is_named_by_the_index(repository, audit):
    pack = repository.objects.packs()[0].path
    flip(f"{pack}.idx", 8 + 256 * 4 + 7, 2)
    ((kind, subject),) = said(audit(repository))
    assert (kind, os.path.basename(subject)) == ("pack-index", os.path.basename(pack) + ".idx")


def close_pair(draft, *, halves):
    """Two particles 40 A apart in one item; a quarter of the diameter is 75 A."""
    population = Population(draft)
    items = [item.id for item in population.items()][:1]
    positions = 400.0 * np.arange(6.0)[:, None, None] + np.zeros((6, 1, 3))
    positions[5] = positions[4] + (0.0, 24.0, 32.0)
    set_particles(
        draft,
        population.one_species("ribosome").path,
        table(items, positions=positions, half_sets=[1, 2, 1, 2, *halves]),
    )


def test_an_overlap_of_half_sets_in_space_is_named_by_species(repository, audit):
    made = commit(repository, lambda draft: close_pair(draft, halves=(1, 2)))
    report = audit(repository)
    species = Population(repository.snapshot("HEAD")).one_species("ribosome")
    assert said(report) == [("half-set-overlap", f"{species.path}/particles in {made.id[:10]}")]
    assert report.findings[0].message.startswith("2 of 6 particles lie within 75 A")
    assert "40.0 A" in report.findings[0].message
    assert report.consistent, "a poor split is no broken digest"
    assert audit(repository, radius_angstrom=39.0).clean


def test_neighbours_in_one_half_set_are_no_overlap(repository, audit):
    commit(repository, lambda draft: close_pair(draft, halves=(2, 2)))
    assert audit(repository).clean


def test_a_child_species_that_swaps_the_halves_of_its_parent_is_named(repository, audit):
    def change(draft):
        items = [item.id for item in Population(draft).items()]
        swapped = table(items, half_sets=2 - np.arange(12) % 2)
        add_species(draft, "child", columns=swapped, parent="ribosome")

    made = commit(repository, change)
    ((kind, subject),) = said(audit(repository))
    assert kind == "half-set-family"
    assert made.id[:10] in subject


def test_a_neighbour_in_the_other_half_set_of_a_sister_species_is_named(repository, audit):
    def change(draft):
        items = [item.id for item in Population(draft).items()]
        ids = np.arange(32, dtype=np.uint8).reshape(2, 16)
        near = table(
            items[:1], positions=[[[120.0, 100, 100]], [[5000.0] * 3]], half_sets=[2, 1], ids=ids
        )
        add_species(draft, "sister", columns=near, parent="ribosome")

    commit(repository, change)
    ((kind, subject),) = said(audit(repository))
    assert kind == "half-set-overlap"
    assert " and " in subject


def test_particles_of_an_item_that_does_not_exist_are_named(repository, audit):
    def change(draft):
        species = Population(draft).one_species("ribosome")
        set_particles(draft, species.path, table([item_named(draft).id, "f" * 32]))

    commit(repository, change)
    report = audit(repository)
    assert [finding.kind for finding in report.findings] == ["particle-item"]
    assert "6 particles" in report.findings[0].message
    assert "f" * 32 in report.findings[0].message


def test_a_missing_segment_is_found_with_everything_that_needs_it(repository, audit):
    (name, *_) = repository.chunks.segments()
    count = len(SegmentFile(repository.chunks.catalogue.segment_path(name)).footer(name))
    os.unlink(repository.chunks.catalogue.segment_path(name))
    report = audit(repository)
    assert {finding.kind for finding in report.findings} == {"chunk-missing"}
    assert len(report.findings) == count


def test_a_missing_pack_is_found_once_per_object_that_was_to_be_reached(repository, audit):
    record = repository.commit("HEAD")
    pack, _ = repository.objects._locate(record.id)
    os.unlink(f"{pack.path}.pack")
    kinds = [finding.kind for finding in audit(repository).findings]
    assert kinds == ["object-missing"]


def test_a_branch_made_by_mgit_stays_clean(repository, audit):
    branches.create(repository, "more", who=later(20))
    branches.switch(repository, "more", who=later(21))
    assert audit(repository).clean


# --- real data ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hiv(shared_data, tmp_path_factory):
    """EMPIAR-10164 as RELION's tutorial has it: five tilt series, 9,000 particles."""
    project = shared_data / "relion5_hiv_project"
    root = str(tmp_path_factory.mktemp("hiv"))
    tables = str(project / "Refine3D/job023/run_data.star")
    series = str(project / "Polish/job030/tomograms.star")
    assert main(["init", root]) == 0
    assert main(["-C", root, "source", "add", "hiv", "--relion", series]) == 0
    species = ["species", "add", "capsid", "--diameter", "230", "--particles", tables]
    assert main(["-C", root, *species]) == 0
    return root


@pytest.fixture
def real(hiv, tmp_path):
    shutil.copytree(hiv, tmp_path / "hiv")
    return Repository.open(str(tmp_path / "hiv"))


def test_real_data_are_clean_but_for_neighbours_in_opposite_half_sets(real, audit):
    assert said(audit(real, domain=False, raw=None)) == []
    report = audit(real, raw=None)
    assert [finding.kind for finding in report.findings] == ["half-set-overlap"]
    assert report.coverage.particles > 9000
    duplicates = audit(real, raw=None, radius_angstrom=5.0).findings[0].message
    assert "149 pairs" in duplicates, "the tutorial's table still holds duplicates at this round"
    assert audit(real, raw=None, radius_angstrom=0.2).clean


def test_one_real_particle_that_moved_by_the_last_bit_is_named_by_its_species(real, audit):
    def change(draft):
        path = f"{Population(draft).one_species('capsid').path}/particles/position"
        values = draft.array(path).read()
        values[4711, 0, 2] = np.nextafter(values[4711, 0, 2], 0)
        draft.set_array(path, values)

    made = commit(real, change, seal=lambda _writer, _paths: None)
    path = Population(real.snapshot("HEAD")).one_species("capsid").path
    assert said(audit(real, domain=False, raw=None)) == [
        ("state-digest", f"{path} in {made.id[:10]}")
    ]


def test_one_bit_of_a_real_deformation_is_named_by_chunk_and_array(real, audit):
    item = next(Population(real.snapshot("HEAD")).items())
    array = item.array("defocus")
    ((_, chunk),) = array.manifest.stored()
    ((segment, place),) = real.chunks.catalogue.find(chunk.raw)
    flip(real.chunks.catalogue.segment_path(segment), place.end - 1, 7)
    report = audit(real, domain=False, raw=None)
    ((kind, subject),) = said(report)
    assert kind == "stored-digest"
    assert str(chunk) in subject
    assert report.findings[0].consequences[0].startswith(array.path)


def test_one_real_series_that_gets_an_input_from_nowhere_is_named(real, audit):
    item = next(Population(real.snapshot("HEAD")).items())
    made = commit(real, lambda draft: set_inputs(draft, item.path, [StateDigest.of(b"nowhere")]))
    report = audit(real, raw=None, radius_angstrom=0.2)
    assert said(report) == [("provenance-edge", f"{item.path} in {made.id[:10]}")]
