"""The map that viewers show, and what is said of it."""

import numpy as np

from mgit.cli.display_maps import display_map
from mgit.state.species import read_species, set_maps, set_metrics, update_species_attributes
from tests.survey.populations import CUBE, SPECIES, commit


def shown(toy):
    return display_map(read_species(toy.repository.snapshot("HEAD"), SPECIES))


def test_half_maps_are_filtered_by_the_curves_that_are_kept(toy):
    found = shown(toy)
    assert found.description.startswith("Mean of the half-maps, FSC-weighted, low-passed at ")
    assert found.values.shape == CUBE.shape
    assert found.curves is None


def test_curves_that_had_to_be_measured_come_along(toy):
    random = np.random.default_rng(0)
    blob = np.zeros((16, 16, 16), np.float32)
    blob[6:10, 6:10, 6:10] = 1
    pair = tuple(blob + 0.1 * random.normal(size=blob.shape).astype(np.float32) for _ in "12")

    def edit(writer):
        set_maps(writer, SPECIES, half_maps=pair, mask=np.ones_like(blob))
        set_metrics(writer, SPECIES, {})

    commit(toy.repository, edit)
    assert len(shown(toy).curves.masked) == 8


def test_what_cannot_be_filtered_is_shown_as_it_is_and_said(toy):
    none = {"pixel_size_angstrom": None}
    commit(toy.repository, lambda writer: update_species_attributes(writer, SPECIES, none))
    found = shown(toy)
    assert found.description.startswith("Mean of the half-maps, not filtered: ")
    assert np.allclose(found.values, CUBE + 0.5)


def test_a_reference_is_shown_unfiltered_and_nothing_without_maps(toy):
    def reference(writer):
        for name in ("half_map_1", "half_map_2"):
            writer.remove(f"{SPECIES}/{name}")
        set_maps(writer, SPECIES, reference=CUBE)

    commit(toy.repository, reference)
    assert shown(toy).description == "imported reference"
    assert np.array_equal(shown(toy).values, CUBE)
    commit(toy.repository, lambda writer: writer.remove(f"{SPECIES}/reference"))
    assert shown(toy) is None
