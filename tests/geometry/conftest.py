"""One torch thread, and series that tests share."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mgit.geometry.poses import ParticlePoses
from mgit.geometry.series_geometry import SeriesGeometry, series_geometry

VOLUME = (4000.0, 3800.0, 1200.0)
IMAGE = (4100.0, 3900.0)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def make_series(rng):
    """A tilt series of n tilts; keyword arrays replace or add canonical arrays."""

    def make(tilts: int = 7, *, attributes=None, array_attributes=None, **arrays) -> SeriesGeometry:
        order = rng.permutation(tilts)
        base = {
            "tilt_angle": np.linspace(-60, 60, tilts) if tilts > 1 else np.array([12.0]),
            "axis_angle": np.full(tilts, 84.0) + rng.normal(size=tilts) * 0.1,
            "level_angle_x": np.full(tilts, 1.5),
            "level_angle_y": np.full(tilts, -4.0),
            "axis_offset_x": rng.normal(size=tilts) * 20,
            "axis_offset_y": rng.normal(size=tilts) * 20,
            "exposure": 3.0 * order,
            "defocus": 25000 + rng.normal(size=tilts) * 500,
        }
        facts = {
            "pixel_size_angstrom": "1.6",
            "image_dimensions_angstrom": [repr(x) for x in IMAGE],
            "volume_dimensions_angstrom": [repr(x) for x in VOLUME],
        }
        return series_geometry(
            "TS_1",
            "tilt_series",
            arrays={**base, **arrays},
            attributes={**facts, **(attributes or {})},
            array_attributes=array_attributes,
        )

    return make


@pytest.fixture
def make_poses(rng):
    """Random poses within the middle of the volume."""

    def make(count: int = 4, samples: int = 1, *, displacement=None) -> ParticlePoses:
        middle = np.array(VOLUME) / 2
        spread = rng.uniform(-0.3, 0.3, (count, 1, 3)) * np.array(VOLUME)
        drift = rng.normal(size=(count, samples, 3)) * 3
        angles = rng.uniform(-150, 150, (count, 1, 3)) + rng.normal(size=(count, samples, 3))
        return ParticlePoses(
            position=middle + spread + drift, angles=angles, displacement=displacement
        )

    return make


@pytest.fixture
def golden(shared_data: Path) -> Path:
    """Files that WarpLib itself wrote."""
    return shared_data / "warp_xml_golden"
