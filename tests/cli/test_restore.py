"""`mgit restore`: paths as they were; the stage dropped."""

from tests.survey.populations import (
    FIRST,
    SPECIES,
    commit,
    move_particles,
    remove,
    shift_defocus,
    stage,
)


def test_a_species_comes_back_with_its_documents(toy):
    commit(toy.repository, remove(SPECIES))
    commit(toy.repository, shift_defocus())
    assert toy("restore", "species/ribosome", "--from", "HEAD~2") == 0
    assert toy.lines("diff", "HEAD~3", "HEAD", "species") == ["no difference"]
    assert "defocus" in "".join(toy.lines("diff", "HEAD~3", "HEAD"))
    place = ":species/ribosome/documents/particles.star"
    assert toy.lines("show", place, "--raw") == ["data_particles"]


def test_single_series_come_back(toy):
    commit(toy.repository, shift_defocus("TS_01"))
    commit(toy.repository, shift_defocus("TS_02"))
    assert toy("restore", "sources/grid/items/TS_01", "--from", "HEAD~2", "-m", "back") == 0
    assert toy.repository.commit("HEAD").subject == "back"
    names = [each["name"] for each in toy.json("diff", "HEAD~3", "HEAD")["sources"][0]["items"]]
    assert names == ["TS_02"]


def test_what_was_not_there_is_removed_and_said_so(toy):
    assert "removed species/ribosome" in "".join(
        toy.lines("restore", "species/ribosome", "--from", "HEAD~1")
    )
    assert not toy.repository.snapshot("HEAD").exists(SPECIES)


def test_nothing_to_restore_is_refused(toy):
    assert toy("restore", "species/ribosome", "--from", "HEAD") == 1
    assert toy("restore", "species/ribosome", "--from", "HEAD", "--no-commit") == 1
    assert toy.repository.stage.read() is None


def test_unknown_paths_and_missing_revisions_are_refused(toy):
    assert toy("restore", "species/ribosom", "--from", "HEAD~1") == 5
    assert toy("restore", "species/ribosome") == 1
    assert toy("restore", "--from", "HEAD") == 1


def test_a_series_does_not_come_back_without_its_source(toy):
    commit(toy.repository, lambda writer: (writer.remove(SPECIES), writer.remove("sources")))
    assert toy("restore", FIRST, "--from", "HEAD~1") == 1
    assert "'grid'" in toy.err
    assert toy("restore", "species/ribosome", "--from", "HEAD~1") == 1
    assert "series that do not exist" in toy.err
    assert toy("restore", "sources/grid", "species/ribosome", "--from", "HEAD~1") == 0


def test_the_stage_is_dropped(toy):
    stage(toy.repository, move_particles(), "move")
    assert toy("restore", "--staged", "--dry-run") == 0
    assert toy.repository.stage.read() is not None
    assert toy.lines("restore", "--staged") == ["dropped what was staged", "  move"]
    assert toy.lines("restore", "--staged") == ["nothing is staged"]
    assert toy("restore", "--staged", "species/ribosome") == 1


def test_a_damaged_stage_can_be_dropped(toy):
    stage(toy.repository, move_particles(), "move")
    with open(toy.repository.layout.stage, "ab") as file:
        file.write(b"x")
    assert toy("restore", "--staged") == 0
    assert "what cannot be read" in toy.out
    assert toy.repository.stage.read() is None
