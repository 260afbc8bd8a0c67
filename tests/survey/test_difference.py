"""The difference of two trees: what it names, what it measures, what it leaves out."""

import numpy as np
import pytest

from mgit.state.documents import write_document
from mgit.state.source import update_source
from mgit.state.species import set_maps, update_species_attributes
from mgit.survey.difference import tree_difference
from tests.survey.populations import (
    CUBE,
    FIRST,
    SOURCE,
    SPECIES,
    add_series,
    commit,
    move_particles,
    remove,
    shift_defocus,
)


def difference(repository, old="HEAD~1", new="HEAD", **options):
    return tree_difference(repository.snapshot(old), repository.snapshot(new), **options)


def test_a_tree_does_not_differ_from_itself(repository):
    assert not difference(repository, "HEAD", "HEAD")


def test_the_provenance_alone_is_no_difference(repository):
    commit(repository, shift_defocus(by=1.0))
    commit(repository, shift_defocus(by=-1.0))
    assert not difference(repository, "HEAD~2", "HEAD")


def test_a_species_that_was_added_and_one_that_was_removed(repository):
    (added,) = difference(repository).species
    assert (added.name, added.kind, added.before) == ("ribosome", "added", None)
    assert added.after.particles == 10
    (removed,) = difference(repository, "HEAD", "HEAD~1").species
    assert (removed.kind, removed.after) == ("removed", None)


def test_particles_that_moved_are_measured(repository):
    commit(repository, move_particles(1.5, drop=2))
    (species,) = difference(repository).species
    particles = species.difference.particles
    assert len(particles.removed) == 2
    assert particles.moved == 8
    assert particles.median_shift_angstrom == pytest.approx(1.5)


def test_maps_and_attributes_of_a_species_are_named(repository):
    def edit(writer):
        set_maps(writer, SPECIES, half_maps=(CUBE * 2, CUBE))
        update_species_attributes(writer, SPECIES, {"needs_refinement": True})

    commit(repository, edit)
    (species,) = difference(repository).species
    assert species.difference.maps_changed == ("half_map_1", "half_map_2")
    assert species.difference.attributes["needs_refinement"] == (None, True)


def test_arrays_of_a_series_are_measured_in_their_unit(repository):
    commit(repository, shift_defocus(by=-250.0))
    (source,) = difference(repository).sources
    (item,) = source.items
    (array,) = item.difference.arrays
    assert (item.name, array.name, array.unit) == ("TS_01", "defocus", "angstrom")
    assert (array.maximum, array.rms) == (250.0, 250.0)
    assert not difference(repository).species


def test_series_come_and_go(repository):
    commit(repository, lambda writer: add_series(writer, "TS_03"))
    commit(repository, remove(FIRST))
    (source,) = difference(repository, "HEAD~2").sources
    assert [(each.name, each.kind) for each in source.items] == [
        ("TS_01", "removed"),
        ("TS_03", "added"),
    ]


def test_attributes_and_documents_of_a_source_are_its_own(repository):
    def edit(writer):
        update_source(writer, SOURCE, {"voltage_kilovolt": "300"})
        write_document(writer, SOURCE, role="settings", path="warp.settings", content=b"other")

    commit(repository, edit)
    (source,) = difference(repository).sources
    assert source.attributes == {"voltage_kilovolt": (None, "300.0")}
    assert [(each.path, each.kind) for each in source.documents] == [("warp.settings", "changed")]
    assert source.items == ()


def test_only_paths_that_are_asked_for_are_compared(repository):
    commit(repository, shift_defocus())
    commit(repository, move_particles())
    assert not difference(repository, "HEAD~2", below=[SPECIES]).sources
    assert not difference(repository, "HEAD~2", below=[FIRST]).species
    assert difference(repository, "HEAD~2", below=["sources"]).sources


def test_other_paths_are_listed_as_they_are(repository):
    commit(repository, lambda writer: writer.set_array("notes/a", np.zeros(2)))
    assert [each.path for each in difference(repository).other] == ["notes", "notes/a"]
