"""What REV:PATH means."""

import pytest

from mgit.cli.targets import find_place, locate, split_words
from mgit.errors import NotFound
from tests.survey.populations import FIRST, SOURCE, SPECIES, populate


@pytest.fixture
def repository(tmp_path):
    return populate(tmp_path)


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("HEAD:species/ribosome", "species", SPECIES),
        (":species/ribosome", "species", SPECIES),
        ("species/ribosome", "species", SPECIES),
        ("main:sources/grid", "source", SOURCE),
        (":sources/grid/items/TS_01", "item", FIRST),
        (f":{FIRST}/defocus", "array", f"{FIRST}/defocus"),
        (":", "population", ""),
    ],
)
def test_a_place_is_found_by_the_names_that_people_gave(repository, text, kind, path):
    place = find_place(repository, text)
    assert (place.target.kind, place.target.path) == (kind, path)
    assert place.commit == repository.resolve("HEAD")


def test_a_revision_alone_is_its_commit(repository):
    place = find_place(repository, "HEAD~1")
    assert place.target is None
    assert place.commit == repository.resolve("HEAD~1")


def test_documents_go_by_file_name_and_columns_by_foreign_name(repository):
    tree = repository.snapshot("HEAD")
    assert locate(tree, "species/ribosome/documents/particles.star").kind == "document"
    column = locate(tree, "species/ribosome/particles/columns/rlnScore")
    assert tree.array(column.path).shape == (10,)


@pytest.mark.parametrize("text", ["nowhere", ":species/x", ":sources/grid/items/TS_9", "HEAD~9:"])
def test_what_does_not_exist_is_not_found(repository, text):
    with pytest.raises(NotFound):
        find_place(repository, text)


def test_leading_words_are_revisions_and_the_rest_paths(repository):
    tip, parent = repository.resolve("HEAD"), repository.resolve("HEAD~1")
    assert split_words(repository, ["HEAD~1", "main", "species"], 2) == ([parent, tip], ["species"])
    assert split_words(repository, ["species/x"], 2) == ([], ["species/x"])
    assert split_words(repository, [], 2) == ([], [])
    with pytest.raises(NotFound):
        split_words(repository, ["mian"], 2)
