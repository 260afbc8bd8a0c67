"""The units of a merge."""

import numpy as np
import pytest

from mgit.merge.slots import is_item, is_source, is_species, slot_identity, slot_name, slot_of
from mgit.state.documents import write_document
from tests.survey.populations import FIRST, SECOND, SOURCE, SPECIES, commit, shift_defocus


@pytest.mark.parametrize(
    ("path", "slot"),
    [
        ("", ""),
        ("provenance.json", None),
        ("species", None),
        ("sources", None),
        (SPECIES, SPECIES),
        (f"{SPECIES}/particles/id", SPECIES),
        (SOURCE, SOURCE),
        (f"{SOURCE}/documents", SOURCE),
        (f"{SOURCE}/items", None),
        (f"{SOURCE}/items/3e", None),
        (FIRST, FIRST),
        (f"{FIRST}/defocus", FIRST),
        ("notes/a", "notes/a"),
    ],
)
def test_every_path_belongs_to_one_slot_or_none(path, slot):
    assert slot_of(path) == slot


def test_kinds_of_slots_exclude_each_other():
    for slot in (SPECIES, SOURCE, FIRST, "", "notes/a"):
        kinds = [is_species(slot), is_source(slot), is_item(slot)]
        assert sum(kinds) == (slot in (SPECIES, SOURCE, FIRST))


def test_the_identity_of_a_slot_changes_with_its_content_alone(repository):
    def edit(writer):
        shift_defocus("TS_01")(writer)
        write_document(writer, SOURCE, role="settings", path="warp.settings", content=b"new")
        writer.set_array("notes/a", np.ones(2))

    before = repository.commit("HEAD").tree
    after = commit(repository, edit).tree
    same = {
        slot: slot_identity(repository.objects, before, slot)
        == slot_identity(repository.objects, after, slot)
        for slot in (FIRST, SECOND, SOURCE, SPECIES, "", "notes/a")
    }
    assert same == {
        FIRST: False,
        SECOND: True,
        SOURCE: False,
        SPECIES: True,
        "": True,
        "notes/a": False,
    }
    assert slot_identity(repository.objects, before, "notes/a") is None


def test_slots_have_names_that_people_gave(repository):
    tree, empty = repository.snapshot("HEAD"), repository.snapshot("HEAD~2")
    assert slot_name(SPECIES, empty, tree) == "species 'ribosome'"
    assert slot_name(FIRST, tree) == "series 'TS_01' of source 'grid'"
    assert slot_name(SOURCE, tree) == "source 'grid'"
    assert slot_name("provenance.json", tree) == "'provenance.json'"
    assert slot_name("", tree) == "the population's attributes"
