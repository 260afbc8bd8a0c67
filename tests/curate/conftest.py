"""Populations in memory for tests of the actions."""

import numpy as np
import pytest

from mgit.exchange.records import Document, GridValues, RawFile, SeriesRecord, SourceRecord
from mgit.testing.memory import MemoryTree

TILTS = 5


def make_series(name: str, *, defocus: float = 20_000.0, raw: tuple[str, ...] = ()) -> SeriesRecord:
    """A tilt series of five tilts whose document says nothing that a reader would read."""
    arrays = {
        "tilt_angle": np.linspace(-40, 40, TILTS),
        "axis_angle": np.full(TILTS, 85.0),
        "level_angle_x": np.full(TILTS, 1.5),
        "axis_offset_x": np.arange(TILTS, dtype=float),
        "exposure": np.arange(TILTS) * 3.0,
        "defocus": np.full(TILTS, defocus),
        "use": np.ones(TILTS, dtype=bool),
    }
    return SeriesRecord(
        name=name,
        kind="tilt_series",
        attributes={
            "pixel_size_angstrom": "2.0",
            "hand": -1,
            "volume_dimensions_angstrom": ["2000.0", "1600.0", "600.0"],
        },
        arrays={key: GridValues(values=values) for key, values in arrays.items()},
        documents=(Document(role="test_series", path=f"{name}.txt", content=name.encode()),),
        raw=tuple(RawFile(role="tilt_image", path=path) for path in raw),
        aliases=(f"{name}.tomostar",),
    )


def make_source(*series: SeriesRecord) -> SourceRecord:
    """A source of tilt series with one shared document."""
    return SourceRecord(
        kind="tilt_series",
        attributes={"format": "test"},
        series=series,
        documents=(Document(role="test_source", path="source.txt", content=b"all"),),
    )


@pytest.fixture
def tree() -> MemoryTree:
    """An empty population in memory."""
    memory = MemoryTree()
    memory.set_attributes("", {"format": 1, "name": "test"})
    return memory
