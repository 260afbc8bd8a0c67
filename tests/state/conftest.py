"""A small population in memory: one source of two tilt series, one species of ten particles."""

from dataclasses import dataclass

import numpy as np
import pytest

from mgit.digest import RawDigest
from mgit.state.particles import build_particles
from mgit.state.raw import RawEntry
from mgit.state.series import read_item, write_item
from mgit.state.source import write_source
from mgit.state.species import write_species
from mgit.testing.memory import MemoryTree

TILTS = 4
TABLE = RawDigest.of(b"particles.star")


@dataclass(frozen=True)
class Foreign:
    role: str
    path: str
    content: bytes


def item_arrays(tilts=TILTS):
    angles = np.linspace(-40.0, 40.0, tilts)
    grid = np.arange(9.0 * tilts).reshape(tilts, 3, 3)
    return {
        "tilt_angle": (angles, {}),
        "exposure": (np.arange(tilts) * 3.0, {}),
        "use": (np.ones(tilts, dtype=bool), {}),
        "image_warp_x": (grid, {"margins": ["0", "0", "0"]}),
    }


def table(count=10, items=("a" * 32,), seed=0, **changes):
    """A particle table of `count` rows whose items take turns."""
    random = np.random.default_rng(seed)
    fields = {
        "positions": random.uniform(0, 1000, (count, 1, 3)),
        "angles": random.uniform(-90, 90, (count, 1, 3)),
        "half_sets": (np.arange(count) % 2 + 1).astype(np.uint8),
        "item_ids": [items[row % len(items)] for row in range(count)],
        "passthrough": {"rlnScore": random.random(count)},
    }
    return build_particles(TABLE, **{**fields, **changes})


@pytest.fixture
def tree():
    """A tree with the source 'grid' and the items 'TS_01' and 'TS_02'."""
    made = MemoryTree()
    made.set_attributes("", {"format": 1, "name": "demo"})
    write_source(made, "grid", kind="tilt_series")
    for name in ("TS_01", "TS_02"):
        write_item(
            made,
            "grid",
            name=name,
            kind="tilt_series",
            attributes={"pixel_size_angstrom": "1.35", "hand": -1},
            arrays=item_arrays(),
            raw=[RawEntry(role="movie", path=f"{name}_{tilt}.eer") for tilt in range(TILTS)],
            documents=[Foreign("warp_tilt_series_xml", f"{name}.xml", name.encode())],
            aliases=[f"{name}.tomostar"],
        )
    return made


@pytest.fixture
def item_path(tree):
    from mgit.state.names import find_item

    return find_item(tree, "grid", "TS_01")


@pytest.fixture
def species_path(tree, item_path):
    """The species 'ribosome' with maps and ten particles in TS_01."""
    cube = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    return write_species(
        tree,
        "ribosome",
        attributes={"diameter_angstrom": "300", "symmetry": "C1", "pixel_size_angstrom": "5.0"},
        particles=table(items=(read_item(tree, item_path).id,)),
        half_maps=(cube, cube + 1),
        mask=np.ones_like(cube),
    )
