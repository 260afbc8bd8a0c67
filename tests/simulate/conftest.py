"""A small experiment on disk, and a geometry with every term of the model."""

import numpy as np
import pytest

from mgit.simulate.forward import Geometry
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """The preset 'tiny', seed 5."""
    directory = tmp_path_factory.mktemp("simulated") / "data"
    return simulate_tilt_series(directory, PRESETS["tiny"], seed=5)


@pytest.fixture
def bent(rng) -> Geometry:
    """Five tilts with warps, stage angles and level angles."""
    tilts = 5
    return Geometry(
        name="TS_1",
        hand=-1,
        image=(1000.0, 900.0),
        volume=(1000.0, 900.0, 400.0),
        arrays={
            "tilt_angle": np.linspace(-40, 40, tilts),
            "axis_angle": 84 + rng.normal(size=tilts),
            "level_angle_x": np.full(tilts, 2.0),
            "level_angle_y": np.full(tilts, -3.0),
            "axis_offset_x": rng.normal(size=tilts) * 9,
            "axis_offset_y": rng.normal(size=tilts) * 9,
            "exposure": np.array([9.0, 3.0, 0.0, 6.0, 12.0]),
            "defocus": 20_000 + 500 * rng.normal(size=tilts),
            "image_warp_x": rng.normal(size=(tilts, 3, 4)),
            "image_warp_y": rng.normal(size=(tilts, 3, 4)),
            "volume_warp_z": rng.normal(size=(2, 2, 3, 3)),
            "stage_angle_y": rng.normal(size=(tilts, 1, 1)),
        },
    )
