from dataclasses import replace

import numpy as np
import pytest

from mgit.digest import RawDigest, StateDigest
from mgit.state.diff import (
    item_difference,
    particle_difference,
    rotation_distance,
    species_difference,
)
from mgit.state.digests import seal, set_inputs
from mgit.state.raw import RawEntry
from mgit.state.series import read_item, set_raw, update_item_arrays, update_item_attributes
from mgit.state.species import (
    read_species,
    set_maps,
    set_metrics,
    set_network,
    set_particles,
    update_species_attributes,
)
from mgit.state.strings import StringColumn
from mgit.testing.memory import MemoryTree

from .conftest import table


@pytest.fixture
def later(tree, species_path):
    """A second tree that starts as a copy of the first."""
    copy = MemoryTree()
    for room in ("sources", "species"):
        copy.take(room, tree, room)
    return copy


def items(tree, later, path):
    return item_difference(read_item(tree, path), read_item(later, path))


def species(tree, later, path):
    return species_difference(read_species(tree, path), read_species(later, path))


def test_equal_states_have_no_difference(tree, later, item_path, species_path):
    seal(later, [item_path, species_path])
    assert not items(tree, later, item_path)
    assert not species(tree, later, species_path)


def test_a_changed_array_is_measured_in_its_unit(tree, later, item_path):
    values = tree.array(f"{item_path}/tilt_angle").read()
    update_item_arrays(later, item_path, {"tilt_angle": (values + np.array([0, 0, 0, 3]), {})})
    (change,) = items(tree, later, item_path).arrays
    assert (change.name, change.change, change.unit) == ("tilt_angle", "changed", "degree")
    assert change.maximum == pytest.approx(3.0)
    assert change.rms == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("name", "old", "new", "step"),
    [
        ("axis_angle", 179.0, -179.0, 2.0),
        ("axis_angle", 10.0, 190.0, 180.0),
        ("defocus_angle", 2.0, 179.0, 3.0),
        ("defocus_angle", -45.0, 45.0, 90.0),
    ],
)
def test_angles_change_by_the_shorter_way_round(tree, later, item_path, name, old, new, step):
    update_item_arrays(tree, item_path, {name: (np.full(4, old), {})})
    update_item_arrays(later, item_path, {name: (np.full(4, new), {})})
    (change,) = items(tree, later, item_path).arrays
    assert change.maximum == pytest.approx(step)
    assert change.rms == pytest.approx(step)


def astigmatic(writer, path, difference, angle, *, suffix=""):
    values = np.broadcast_arrays(np.asarray(difference, float), np.asarray(angle, float))
    names = (f"defocus_delta{suffix}", f"defocus_angle{suffix}")
    arrays = zip(names, values, strict=True)
    update_item_arrays(writer, path, {name: (each.copy(), {}) for name, each in arrays})


def test_exchanging_both_principal_defoci_is_no_change_of_astigmatism(tree, later, item_path):
    difference, angle = np.array([450.0, 300, -20, 0]), np.array([20.0, 80, -30, 10])
    astigmatic(tree, item_path, difference, angle)
    astigmatic(later, item_path, -difference, angle + 90)
    (change,) = items(tree, later, item_path).arrays
    assert (change.name, change.change, change.unit) == ("astigmatism", "changed", "angstrom")
    assert (change.maximum, change.rms) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        ((450, 20), (-455, 110), 5.0),
        ((100, 0), (100, 90), 200.0),
        ((100, 0), (100, 180), 0.0),
        ((100, 0), (100, 30), 100.0),
        ((0, 0), (0, 45), 0.0),
        ((1, 0), (0, 45), 1.0),
    ],
)
def test_astigmatism_changes_by_the_length_of_its_vector(tree, later, item_path, old, new, step):
    astigmatic(tree, item_path, [old[0]] * 4, old[1])
    astigmatic(later, item_path, [old[0], old[0], old[0], new[0]], [*[old[1]] * 3, new[1]])
    (change,) = items(tree, later, item_path).arrays
    assert change.maximum == pytest.approx(step, abs=1e-9)
    assert change.rms == pytest.approx(step / 2, abs=1e-9)


def test_equal_astigmatism_is_no_difference(tree, later, item_path):
    for each in (tree, later):
        astigmatic(each, item_path, [450.0] * 4, 20)
    assert not items(tree, later, item_path).arrays


def test_astigmatism_over_the_field_is_one_thing_only_where_its_grids_agree(tree, later, item_path):
    grid = np.ones((1, 2, 2))
    for each, angle in ((tree, grid), (later, 31 * grid)):
        astigmatic(each, item_path, 100 * grid, angle, suffix="_field")
    (change,) = items(tree, later, item_path).arrays
    assert (change.name, round(change.maximum, 6)) == ("astigmatism_field", 100.0)
    for each, angle in ((tree, 1.0), (later, 31.0)):
        arrays = {"defocus_angle_field": (np.full((1, 1, 1), angle), {})}
        update_item_arrays(each, item_path, arrays)
    (change,) = items(tree, later, item_path).arrays
    assert (change.name, change.maximum) == ("defocus_angle_field", 30.0)


def test_flags_are_measured_as_0_and_1(tree, later, item_path):
    update_item_arrays(later, item_path, {"use": (np.array([True, True, False, True]), {})})
    (change,) = items(tree, later, item_path).arrays
    assert (change.maximum, change.rms) == (1.0, 0.5)


def test_arrays_come_go_and_change_shape_or_margins(tree, later, item_path):
    warp = tree.array(f"{item_path}/image_warp_x").read()
    update_item_arrays(
        later,
        item_path,
        {
            "exposure": None,
            "defocus": (np.ones(4), {}),
            "image_warp_x": (warp, {"margins": ["0.1", "0.1", "0"]}),
            "stage_angle_x": (np.zeros((4, 1, 1)), {}),
        },
    )
    update_item_arrays(tree, item_path, {"stage_angle_x": (np.zeros((1, 1, 1)), {})})
    changes = {each.name: each.change for each in items(tree, later, item_path).arrays}
    assert changes == {
        "defocus": "added",
        "exposure": "removed",
        "image_warp_x": "changed",
        "stage_angle_x": "reshaped",
    }


def test_attributes_raw_data_and_inputs_are_told_apart(tree, later, item_path):
    update_item_attributes(later, item_path, {"hand": 1, "voltage_kilovolt": "300"})
    difference = items(tree, later, item_path)
    assert difference.attributes == {"hand": (-1, 1), "voltage_kilovolt": (None, "300.0")}
    assert not difference.raw_changed
    set_raw(later, item_path, [RawEntry(role="movie", path="a", digest=str(RawDigest.of(b"")))])
    set_inputs(later, item_path, [StateDigest.of(b"")])
    difference = items(tree, later, item_path)
    assert difference.raw_changed
    assert difference.inputs_changed


def test_moved_particles_are_measured_row_by_row(tree, later, species_path):
    old = read_species(tree, species_path).particles.load()
    positions, angles = old.positions.copy(), old.angles.copy()
    positions[:3] += [[[3.0, 4.0, 0.0]]]
    angles[2:5, :, 2] += 2.0
    set_particles(later, species_path, replace(old, positions=positions, angles=angles))
    difference = species(tree, later, species_path)
    assert difference.columns_changed == ("angles", "position")
    moved = difference.particles
    assert moved.moved == 5
    assert moved.median_shift_angstrom == pytest.approx(5.0)
    assert moved.median_rotation_degree == pytest.approx(2.0)
    assert moved.largest_shift_angstrom == pytest.approx(5.0)
    assert moved.largest_rotation_degree == pytest.approx(2.0)
    assert len(moved.added) == len(moved.removed) == 0


def test_added_and_removed_particles_are_named_by_id():
    old = table(count=10)
    difference = particle_difference(old.take(np.arange(0, 8)), old.take(np.arange(3, 10)))
    np.testing.assert_array_equal(difference.removed, old.id[:3])
    np.testing.assert_array_equal(difference.added, old.id[8:])
    assert difference.moved == 0


def test_changed_halves_and_items_are_counted():
    old = table(count=10)
    halves = old.half_set.copy()
    halves[:4] = 3 - halves[:4]
    items_ = ["b" * 32] + ["a" * 32] * 9
    new = replace(old, half_set=halves, item=StringColumn.of(items_))
    difference = particle_difference(old, new)
    assert (difference.half_set_changed, difference.item_changed) == (4, 1)
    assert difference.moved == 0
    assert difference


def test_resampled_trajectories_are_compared_at_their_start():
    old = table(count=2, positions=np.zeros((2, 1, 3)))
    new = table(count=2, positions=np.zeros((2, 3, 3)) + np.array([[0], [1], [2]]))
    difference = particle_difference(old, new)
    assert difference.resampled
    assert difference.moved == 0


def test_tables_without_common_rows_have_no_median():
    old = table(count=4)
    difference = particle_difference(old, old.take(np.array([], int)))
    assert len(difference.removed) == 4
    assert difference.median_shift_angstrom == 0.0


def test_maps_network_metrics_attributes_and_inputs_are_told_apart(tree, later, species_path):
    cube = np.zeros((4, 4, 4), np.float32)
    set_maps(later, species_path, mask=cube, reference=cube)
    difference = species(tree, later, species_path)
    assert difference.maps_changed == ("mask", "reference")
    assert not difference.network_changed
    assert not difference.particles
    set_network(later, species_path, {"w": np.ones(2)})
    set_metrics(later, species_path, {"fsc": (np.ones(2), {})})
    update_species_attributes(later, species_path, {"symmetry": "C2"})
    set_inputs(later, species_path, [StateDigest.of(b"")])
    difference = species(tree, later, species_path)
    assert difference.network_changed
    assert difference.inputs_changed
    assert difference.metrics_changed == ("fsc",)
    assert difference.attributes == {"symmetry": ("C1", "C2")}


def test_a_changed_foreign_column_is_a_difference_without_movement(tree, later, species_path):
    old = read_species(tree, species_path).particles.load()
    set_particles(later, species_path, replace(old, passthrough={"rlnScore": np.zeros(10)}))
    difference = species(tree, later, species_path)
    assert difference.columns_changed == ("rlnScore",)
    assert not difference.particles
    assert difference


def matrix(angles):
    """R(rot, tilt, psi) element by element as written in docs/math: an independent form."""
    (cf, ct, cp), (sf, st, sp) = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    return np.array(
        [
            [cp * ct * cf - sp * sf, cp * ct * sf + sp * cf, -cp * st],
            [-sp * ct * cf - cp * sf, -sp * ct * sf + cp * cf, sp * st],
            [st * cf, st * sf, ct],
        ]
    )


def test_rotation_distances_are_those_of_the_matrices():
    random = np.random.default_rng(5)
    first, second = random.uniform(-180, 180, (2, 100, 3))
    traces = [np.trace(matrix(a).T @ matrix(b)) for a, b in zip(first, second, strict=True)]
    expected = np.degrees(np.arccos(np.clip((np.array(traces) - 1) / 2, -1, 1)))
    np.testing.assert_allclose(rotation_distance(first, second), expected, atol=1e-5)


def test_the_distance_of_equal_angles_is_exactly_zero():
    angles = np.random.default_rng(6).uniform(-180, 180, (50, 3))
    assert not rotation_distance(angles, angles).any()


def test_a_full_turn_and_a_gimbal_are_no_rotation():
    assert rotation_distance(np.array([10.0, 20, 30]), np.array([370.0, 20, -330])) < 1e-9
    assert rotation_distance(np.array([10.0, 0, 30]), np.array([40.0, 0, 0])) < 1e-9
    assert rotation_distance(np.zeros(3), np.array([0.0, 180, 0])) == pytest.approx(180)
