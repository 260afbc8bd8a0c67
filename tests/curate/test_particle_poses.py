"""Temporal samples are made of constant poses only, and motion survives programs without it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.curate.particle_poses import carry_motion, resample_poses, resampled, turns
from mgit.errors import InvalidInput, Refused
from mgit.exchange.relion_rotations import euler_matrices
from mgit.state.diff import rotation_distance
from tests.curate.species_tables import rows_of, species_of, write_source, write_species

VECTORS = st.lists(st.floats(-500, 500), min_size=3, max_size=3)


@given(VECTORS, st.integers(1, 5), st.integers(1, 5))
def test_constant_poses_take_any_number_of_samples_and_come_back(vector, first, second):
    values = np.array([[vector]])
    there = resample_poses(values, first)
    assert there.shape == (1, first, 3)
    assert (resample_poses(resample_poses(there, second), 1) == values).all()


def test_poses_that_vary_are_not_resampled():
    values = np.array([[[0.0, 0, 0], [1.0, 0, 0]]])
    assert resample_poses(values, 2) is values
    with pytest.raises(Refused, match="2 temporal samples"):
        resample_poses(values, 1)


def test_a_table_needs_at_least_one_sample(tree):
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, rows_of(4))
    columns = species_of(tree).particles.load()
    assert resampled(columns, 3).positions.shape == (4, 3, 3)
    with pytest.raises(InvalidInput, match="at least one"):
        resampled(columns, 0)


@given(st.integers(0, 2**31), st.integers(2, 4))
def test_motion_stays_while_its_mean_follows_the_new_pose(seed, samples):
    random = np.random.default_rng(seed)
    positions = random.uniform(0, 1000, (3, samples, 3))
    angles = random.uniform(-90, 90, (3, samples, 3))
    wanted = positions.mean(axis=1) + random.normal(0, 5, (3, 3))
    turned = random.uniform(-90, 90, (3, 3))
    moved, rotated = carry_motion(positions, angles, new_positions=wanted, new_angles=turned)
    np.testing.assert_allclose(moved.mean(axis=1), wanted, rtol=0, atol=1e-11)
    np.testing.assert_allclose(
        np.diff(moved, axis=1), np.diff(positions, axis=1), rtol=0, atol=1e-9
    )
    assert (rotated[:, 0] == turned).all()
    # The relative rotation between samples is the same, seen in the frame of the tomogram.
    before = euler_matrices(angles[:, 0]).swapaxes(-1, -2) @ euler_matrices(angles[:, 1])
    after = euler_matrices(rotated[:, 0]).swapaxes(-1, -2) @ euler_matrices(rotated[:, 1])
    np.testing.assert_allclose(before, after, atol=1e-9)


def test_particles_that_another_program_left_alone_keep_every_bit():
    random = np.random.default_rng(1)
    positions, angles = random.uniform(0, 1000, (5, 3, 3)), random.uniform(-90, 90, (5, 3, 3))
    moved, turned = carry_motion(
        positions, angles, new_positions=positions.mean(axis=1), new_angles=angles[:, 0]
    )
    assert (moved == positions).all()
    assert (turned == angles).all()


def test_constant_poses_move_exactly():
    positions = np.repeat(np.array([[[0.1, 0.2, 0.3]]]), 3, axis=1)
    angles = np.repeat(np.array([[[10.0, 20.0, 30.0]]]), 3, axis=1)
    wanted, turned = np.array([[1.1, 1.2, 1.3]]), np.array([[11.0, 20.0, 30.0]])
    moved, rotated = carry_motion(positions, angles, new_positions=wanted, new_angles=turned)
    assert (moved == wanted[:, None]).all()
    assert (rotated == turned[:, None]).all()
    assert rotation_distance(rotated[0, 0], angles[0, 0]) > 0


@given(st.lists(st.floats(-170, 170), min_size=3, max_size=3), st.integers(0, 5))
def test_a_jump_between_symmetry_mates_is_no_turn(angles, mate):
    before = np.array([angles])
    after = before + np.array([60.0 * mate, 0, 0])
    assert turns(before, after, symmetry="C6")[0] < 1e-6
    assert turns(before, after, symmetry="D6")[0] < 1e-6
    assert turns(before, before, symmetry="C6")[0] == 0
    apart = turns(before, after + np.array([7.0, 0, 0]), symmetry="C6")[0]
    assert apart == pytest.approx(7.0, abs=1e-6)


def test_dihedral_groups_have_a_second_axis_along_x():
    upright, turned = np.array([[0.0, 0, 0]]), np.array([[180.0, 180, 0]])
    assert np.allclose(euler_matrices(turned), np.diag([1.0, -1, -1]))
    assert turns(upright, turned, symmetry="C2")[0] == pytest.approx(180)
    assert turns(upright, turned, symmetry="D2")[0] < 1e-6
    assert turns(upright, turned, symmetry="O")[0] == pytest.approx(180)
