"""Trees are made in memory from the truth's own arrays."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.digest import RawDigest
from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.simulate.commit_score import score_tree
from mgit.state.particles import build_particles
from mgit.state.series import read_item, set_excluded, set_use, update_item_arrays, write_item
from mgit.state.source import write_source
from mgit.state.species import read_species, set_maps, set_particles, write_species
from mgit.testing.memory import MemoryTree

MARGINS = {"margins": ["0", "0", "0"]}


def columns(item: str, truth, *, rows=None, table=b"table", **changes):
    particles = truth.particles
    count = len(particles.positions)
    rows = np.arange(count) if rows is None else rows
    fields = {
        "positions": particles.positions[rows, None],
        "angles": particles.angles[rows, None],
        "half_sets": particles.half_set[rows],
        "item_ids": [item] * len(rows),
        "source_rows": rows,
        **changes,
    }
    return build_particles(RawDigest.of(table), **fields)


class Made:
    """A tree with one series and one species that hold the truth."""

    def __init__(self, truth):
        self.truth, self.tree = truth, MemoryTree()
        self.tree.set_attributes("", {"format": 1, "name": "made"})
        write_source(self.tree, "sim", kind="tilt_series")
        (series,) = truth.series
        self.item = write_item(
            self.tree,
            "sim",
            name=series.name,
            kind="tilt_series",
            attributes={"hand": series.hand},
            arrays={
                name: (values, MARGINS if values.ndim > 1 else {})
                for name, values in series.arrays.items()
            },
        )
        self.id = read_item(self.tree, self.item).id
        self.species = write_species(
            self.tree,
            "made",
            attributes={"needs_reconstruction": True, "pixel_size_angstrom": "5.0"},
            particles=columns(self.id, truth),
        )

    def change(self, **arrays):
        given = {name: (values, {}) for name, values in arrays.items()}
        update_item_arrays(self.tree, self.item, given)

    def score(self, **options):
        return score_tree(self.tree, self.truth, **options)


@pytest.fixture
def made(simulated) -> Made:
    return Made(simulated.truth)


def test_the_true_state_scores_zero(made):
    found = made.score()
    assert found.species == "made"
    assert found.maps is None
    assert found.missing == 0
    assert found.poses.observations == 40
    assert found.poses.position_rms_angstrom < 1e-9
    assert found.poses.orientation_rms_degree < 1e-6
    assert found.poses.defocus_rms_angstrom < 1e-9


def test_every_kind_of_error_shows_where_it_belongs(made):
    (series,) = made.truth.series
    arrays = series.arrays
    made.change(defocus=arrays["defocus"] + 300.0)
    assert made.score().poses.tilt_defocus_rms_angstrom == pytest.approx(300.0)
    made.change(defocus=arrays["defocus"], image_warp_x=arrays["image_warp_x"] * 0)
    poses = made.score().poses
    assert poses.position_rms_angstrom > 0.5
    assert poses.orientation_rms_degree < 1e-6
    made.change(image_warp_x=arrays["image_warp_x"], stage_angle_x=arrays["stage_angle_x"] + 1.0)
    poses = made.score().poses
    assert poses.position_rms_angstrom < 1e-9
    assert 0.1 < poses.orientation_rms_degree < 1.0


def test_a_trajectory_moves_particles(made):
    wave = np.zeros((8, 5, 3))
    wave[:, :, 1] = 3 * np.sin(np.arange(8))[:, None] * np.array([1, -1, 1, -1, 1])
    set_particles(made.tree, made.species, columns(made.id, made.truth, trajectories=wave))
    assert made.score().poses.position_rms_angstrom == pytest.approx(
        np.sqrt((wave**2).sum(axis=2).mean()), rel=0.05
    )


def test_tilts_and_series_out_of_use_do_not_count(made):
    use = np.array([True, True, False, True, False])
    set_use(made.tree, made.item, use)
    assert made.score().poses.observations == 24
    set_excluded(made.tree, made.item, excluded=True)
    with pytest.raises(InvalidInput, match="excluded"):
        made.score()


def test_particles_that_are_gone_are_counted(made):
    rows = np.array([0, 2, 3, 7])
    set_particles(made.tree, made.species, columns(made.id, made.truth, rows=rows))
    found = made.score()
    assert found.missing == 4
    assert found.poses.particles == 4
    assert found.poses.position_rms_angstrom < 1e-9


def test_half_maps_are_compared_with_the_molecule(made, rng):
    density = made.truth.density()
    noise = 0.1 * density.std() * rng.normal(size=(2, *density.shape)).astype(np.float32)
    maps = (density + noise[0], density + noise[1])
    set_maps(made.tree, made.species, half_maps=maps)
    record = made.score().record()
    assert record["fsc_truth_angstrom"] == pytest.approx(2 * 5.0 * 12 / 11)
    assert record["fsc_half_maps_angstrom"] == record["fsc_truth_angstrom"]
    assert record["particles"] == 8


def test_the_species_must_be_named_when_there_are_several(made):
    species = read_species(made.tree, made.species)
    write_species(
        made.tree,
        "other",
        attributes={"needs_reconstruction": True},
        particles=species.particles.load(),
    )
    with pytest.raises(InvalidInput, match="several species"):
        made.score()
    assert made.score(species="other").species == "other"
    with pytest.raises(NotFound):
        made.score(species="none")


def test_a_population_without_species_is_refused(simulated):
    with pytest.raises(NotFound, match="no species"):
        score_tree(MemoryTree(), simulated.truth)


def test_a_term_that_the_simulator_lacks_is_refused_by_name(made):
    made.change(magnification=np.eye(2))
    assert made.score().poses.position_rms_angstrom < 1e-9
    made.change(magnification=np.array([[1.01, 0], [0, 1]]))
    with pytest.raises(Unsupported) as caught:
        made.score()
    assert caught.value.fields["array"] == "magnification"


def test_another_simulation_is_refused(made):
    truth = made.truth
    (series,) = truth.series
    with pytest.raises(InvalidInput, match="not of this simulation"):
        score_tree(made.tree, replace(truth, series=(replace(series, name="TS_99"),)))
    short = {name: values[:4] for name, values in series.arrays.items()}
    with pytest.raises(InvalidInput, match="number of tilts"):
        score_tree(made.tree, replace(truth, series=(replace(series, arrays=short),)))
    few = replace(truth.particles, series=truth.particles.series[:5])
    with pytest.raises(InvalidInput, match="rows"):
        score_tree(made.tree, replace(truth, particles=few))
