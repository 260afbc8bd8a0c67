"""What kind of thing stands at a path."""

import pytest

from mgit.errors import NotFound
from mgit.survey.target import find_document, target
from tests.survey.populations import FIRST, SOURCE, SPECIES


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "population"),
        ("species", "group"),
        (SPECIES, "species"),
        (SOURCE, "source"),
        (FIRST, "item"),
        (f"{FIRST}/defocus", "array"),
        (f"{SPECIES}/particles/item", "strings"),
        (f"{SPECIES}/particles", "group"),
        ("provenance.json", "file"),
    ],
)
def test_a_path_has_a_kind(repository, path, kind):
    assert target(repository.snapshot("HEAD"), path).kind == kind


def test_nothing_is_not_found(repository):
    with pytest.raises(NotFound):
        target(repository.snapshot("HEAD"), "species/none")


@pytest.mark.parametrize("name", ["particles.star", "relion_particles"])
def test_documents_go_by_file_name_and_role(repository, name):
    tree = repository.snapshot("HEAD")
    document = find_document(tree, SPECIES, name)
    assert document.content() == b"data_particles\n"
    assert target(tree, document.node).kind == "document"


def test_an_unknown_document_is_refused_with_those_that_exist(repository):
    with pytest.raises(NotFound) as refusal:
        find_document(repository.snapshot("HEAD"), SPECIES, "other.star")
    assert "particles.star" in refusal.value.hint
