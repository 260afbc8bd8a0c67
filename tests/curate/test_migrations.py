"""Migrations keep what they promise: projections, and Thon rings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.curate.migrations import (
    mirror_angles,
    mirror_item_arrays,
    mirror_map,
    mirror_positions,
    scale_item_arrays,
    scale_positions,
)
from mgit.errors import InvalidState

DEGREES = st.floats(-180, 180, allow_nan=False)


def rotation(axis: int, degrees: float) -> np.ndarray:
    """Right-handed active rotation about one axis, written out for the test alone."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[x, x] = matrix[y, y] = c
    matrix[x, y], matrix[y, x] = -s, s
    return matrix


def stage(arrays: dict[str, np.ndarray], tilt: int) -> np.ndarray:
    return (
        rotation(2, arrays["axis_angle"][tilt])
        @ rotation(1, -(arrays["tilt_angle"][tilt] + arrays["level_angle_y"][tilt]))
        @ rotation(0, arrays["level_angle_x"][tilt])
    )


def orientation(angles: np.ndarray) -> np.ndarray:
    rot, tilt, psi = angles
    return rotation(2, -psi) @ rotation(1, -tilt) @ rotation(2, -rot)


@given(st.lists(DEGREES, min_size=4, max_size=4), st.lists(DEGREES, min_size=3, max_size=3))
def test_mirrored_geometry_keeps_projections_and_inverts_depth(stage_angles, particle_angles):
    names = ["axis_angle", "tilt_angle", "level_angle_x", "level_angle_y"]
    arrays = {name: np.array([value]) for name, value in zip(names, stage_angles, strict=True)}
    mirrored = arrays | mirror_item_arrays(arrays)
    position = np.array([[[100.0, 250.0, 40.0]]])
    centre = np.array([400.0, 300.0, 80.0])
    seen = stage(arrays, 0) @ (position[0, 0] - centre)
    moved = mirror_positions(position, depth_angstrom=160.0)
    seen_mirrored = stage(mirrored, 0) @ (moved[0, 0] - centre)
    np.testing.assert_allclose(seen_mirrored, seen * [1, 1, -1], atol=1e-9)

    # A point of the mirrored map lands on the mirror image of where the point of the map lands.
    angles = np.array([[particle_angles]])
    point = np.array([3.0, -7.0, 11.0])
    landed = stage(arrays, 0) @ orientation(angles[0, 0]) @ point
    landed_mirrored = (
        stage(mirrored, 0) @ orientation(mirror_angles(angles)[0, 0]) @ (point * [1, 1, -1])
    )
    np.testing.assert_allclose(landed_mirrored, landed * [1, 1, -1], atol=1e-9)


def test_mirroring_twice_is_identity_also_for_warps_and_maps():
    random = np.random.default_rng(1)
    arrays = {
        "volume_warp_x": random.normal(size=(2, 3, 4, 5)),
        "volume_warp_y": random.normal(size=(2, 3, 4, 5)),
        "volume_warp_z": random.normal(size=(2, 3, 4, 5)),
        "tilt_angle": random.normal(size=7),
    }
    twice = mirror_item_arrays(mirror_item_arrays(arrays))
    for name, values in arrays.items():
        np.testing.assert_array_equal(twice[name], values)
    for size in (8, 9):
        volume = random.normal(size=(size, 4, 4)).astype(np.float32)
        np.testing.assert_array_equal(mirror_map(mirror_map(volume)), volume)
        assert not np.array_equal(mirror_map(volume), volume)


def test_mirrored_map_keeps_its_centre_voxel():
    for size in (8, 9):
        volume = np.zeros((size, 1, 1), np.float32)
        volume[size // 2] = 1
        assert mirror_map(volume)[size // 2, 0, 0] == 1


@given(st.floats(0.9, 1.1), st.floats(0.01, 0.4))
def test_defocus_follows_the_pixel_size_so_that_thon_rings_stay(scale, cycles_per_pixel):
    old_pixel = 1.35
    defocus = np.array([25_000.0])
    new = scale_item_arrays({"defocus": defocus}, scale=scale)["defocus"]
    phase_old = np.pi * 0.0197 * defocus * (cycles_per_pixel / old_pixel) ** 2
    phase_new = np.pi * 0.0197 * new * (cycles_per_pixel / (old_pixel * scale)) ** 2
    np.testing.assert_allclose(phase_new, phase_old, rtol=1e-12)


def test_lengths_scale_and_angles_do_not():
    arrays = {
        "axis_offset_x": np.ones(3),
        "tilt_angle": np.ones(3),
        "motion_pyramid_x_0": np.ones((1, 2, 2)),
    }
    changed = scale_item_arrays(arrays, scale=1.04)
    assert set(changed) == {"axis_offset_x", "motion_pyramid_x_0"}
    np.testing.assert_allclose(changed["axis_offset_x"], 1.04)
    np.testing.assert_allclose(scale_positions(np.ones((2, 1, 3)), scale=1.04), 1.04)


def test_a_foreign_deformation_is_refused_by_name_unless_it_is_zero():
    with pytest.raises(InvalidState, match="image_deformation"):
        scale_item_arrays({"image_deformation": np.ones((2, 8))}, scale=1.01)
    assert scale_item_arrays({"image_deformation": np.zeros((2, 8))}, scale=1.01) == {}
