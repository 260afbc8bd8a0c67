"""Directions of view on cells of nearly equal area."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.survey.directions import direction_histogram


def angles(rot, tilt, psi=0.0):
    return np.stack(np.broadcast_arrays(rot, tilt, psi), axis=-1).astype(float)


def even(count, seed=0):
    random = np.random.default_rng(seed)
    rot, cosine = random.uniform(-180, 180, count), random.uniform(-1, 1, count)
    return angles(rot, np.degrees(np.arccos(cosine)))


def cell_of(found):
    (index,) = np.flatnonzero(found.count)
    edges = (found.rot_from, found.rot_to, found.tilt_from, found.tilt_to)
    return [float(each[index]) for each in edges]


@pytest.mark.parametrize("count", [1, 100, 5000])
def test_every_particle_is_counted_and_cells_cover_the_sphere(count):
    found = direction_histogram(even(count))
    assert found.count.sum() == found.particles == count
    area = (
        (np.cos(np.radians(found.tilt_from)) - np.cos(np.radians(found.tilt_to)))
        * np.radians(found.rot_to - found.rot_from)
        / (4 * np.pi)
    )
    assert area.sum() == pytest.approx(1)
    assert (found.density * area * count).sum() == pytest.approx(count)
    assert area.max() / area.min() < 1.7


def test_an_even_distribution_has_density_one_everywhere():
    found = direction_histogram(even(200_000))
    assert np.abs(found.density - 1).max() < 0.3
    assert np.average(found.density) == pytest.approx(1, abs=0.02)


@given(st.floats(-720, 720), st.floats(-360, 360), st.floats(-180, 180))
def test_the_cell_holds_the_direction_that_the_rotation_gives(rot, tilt, psi):
    west, east, north, south = cell_of(direction_histogram(angles([rot], tilt, psi)))

    def turn(axis, degrees):
        a, (i, j) = np.radians(degrees), [(0, 1), (2, 0)][axis == "y"]
        matrix = np.eye(3)
        matrix[i, i] = matrix[j, j] = np.cos(a)
        matrix[i, j], matrix[j, i] = -np.sin(a), np.sin(a)
        return matrix

    rotation = turn("z", -psi) @ turn("y", -tilt) @ turn("z", -rot)  # docs/math/geometry.md, eq. 1
    x, y, z = rotation.T @ [0, 0, 1]
    found_tilt = np.degrees(np.arccos(np.clip(z, -1, 1)))
    assert north - 1e-6 <= found_tilt <= south + 1e-6
    if np.hypot(x, y) > 1e-6:
        found_rot = np.degrees(np.arctan2(y, x))
        off = [abs((found_rot - edge + 180) % 360 - 180) for edge in (west, east)]
        assert west - 1e-6 <= found_rot <= east + 1e-6 or min(off) < 1e-6


def test_psi_says_nothing_about_the_direction():
    found = [direction_histogram(angles(30.0, [100.0], psi)).count for psi in (0, 77)]
    assert (found[0] == found[1]).all()
