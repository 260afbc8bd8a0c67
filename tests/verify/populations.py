"""Small populations on disk, with raw files, and the ways to damage them."""

import os
from dataclasses import dataclass

import numpy as np

from mgit.digest import RawDigest
from mgit.history import branches, tags
from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.state.digests import set_inputs
from mgit.state.particles import build_particles
from mgit.state.population import Population
from mgit.state.raw import RawEntry
from mgit.state.series import read_item, update_item_arrays, write_item
from mgit.state.source import write_source
from mgit.state.species import set_maps, set_particles, write_species

ADA = Signature("Ada Test", "ada@example.org", 1_700_000_000, 3600)
TILTS = 4
EDGE = 8
TABLE = RawDigest.of(b"particles.star")


@dataclass(frozen=True)
class Foreign:
    role: str
    path: str
    content: bytes


def later(seconds):
    return Signature(ADA.name, ADA.email, ADA.time_s + seconds, 0)


def item_arrays(seed=0):
    grid = np.random.default_rng(seed).normal(size=(TILTS, 3, 3))
    return {
        "tilt_angle": (np.linspace(-40.0, 40.0, TILTS), {}),
        "exposure": (np.arange(TILTS) * 3.0, {}),
        "use": (np.ones(TILTS, dtype=bool), {}),
        "image_warp_x": (grid, {"margins": ["0", "0", "0"]}),
    }


def table(items, *, positions=None, half_sets=None, seed=0, ids=None):
    """Particles on a grid of 400 A steps: nobody is anybody's neighbour."""
    count = 12 if positions is None else len(positions)
    steps = np.stack(np.unravel_index(np.arange(count), (3, 3, 3)), axis=-1)
    if positions is None:
        positions = 400.0 * steps[:, None, :] + 100.0
    random = np.random.default_rng(seed)
    return build_particles(
        TABLE,
        positions=np.asarray(positions, float),
        angles=random.uniform(-90, 90, (count, 1, 3)),
        half_sets=np.arange(count) % 2 + 1 if half_sets is None else np.asarray(half_sets),
        item_ids=[items[row % len(items)] for row in range(count)],
        passthrough={"rlnScore": random.random(count), "rlnClass": ["a", "b"] * (count // 2)},
        ids=ids,
    )


def cube(seed):
    return np.random.default_rng(seed).normal(size=(EDGE,) * 3).astype(np.float32)


def raw_file(directory, name):
    """A raw file of one tilt and its entry in a manifest."""
    content = name.encode() * 50
    path = os.path.join(directory, name)
    with open(path, "wb") as stream:
        stream.write(content)
    return RawEntry(
        role="tilt_image", path=name, digest=str(RawDigest.of(content)), size=len(content)
    )


def add_source(draft, raw_directory):
    write_source(draft, "grid", kind="tilt_series")
    for number, name in enumerate(("TS_01", "TS_02")):
        write_item(
            draft,
            "grid",
            name=name,
            kind="tilt_series",
            attributes={"pixel_size_angstrom": "1.35", "hand": -1},
            arrays=item_arrays(number),
            raw=[raw_file(raw_directory, f"{name}_{tilt}.mrc") for tilt in range(TILTS)],
            documents=[Foreign("warp_tilt_series_xml", f"{name}.xml", name.encode() * 9)],
        )


def add_species(draft, name="ribosome", *, columns=None, **attributes):
    items = [item.id for item in Population(draft).items()]
    return write_species(
        draft,
        name,
        attributes={
            "diameter_angstrom": "300",
            "symmetry": "C1",
            "pixel_size_angstrom": "5.0",
            **attributes,
        },
        particles=table(items) if columns is None else columns,
        half_maps=(cube(1), cube(2)),
        mask=np.ones((EDGE,) * 3, np.float32),
    )


def refine(draft, seed):
    """What a round of refinement writes: maps, poses and deformation, with what they came from."""
    population = Population(draft)
    species = population.one_species("ribosome")
    items = list(population.items())
    states = [item.state for item in items]
    set_maps(draft, species.path, half_maps=(cube(seed), cube(seed + 1)))
    set_particles(draft, species.path, table([item.id for item in items], seed=seed))
    set_inputs(draft, species.path, states)
    update_item_arrays(draft, items[0].path, {"image_warp_x": item_arrays(seed)["image_warp_x"]})
    set_inputs(draft, items[0].path, [species.state])


def commit(repository, change, *, message="change", number=0, seal=None, **options):
    """Make one change a commit; `seal` replaces the sealing of state digests."""
    with repository.transaction(verb="test", **options) as transaction:
        if seal is not None:
            transaction._seal = seal
        change(transaction.draft)
        return transaction.commit(message=message, who=later(number), provenance={})


def begin(directory):
    """A population of one source, one species and three commits, a branch and a tag."""
    raw = os.path.join(directory, "raw")
    os.makedirs(raw)
    repository = Repository.init(os.path.join(directory, "population"), name="toy", who=ADA)
    commit(repository, lambda draft: add_source(draft, raw), message="add source", number=1)
    commit(repository, add_species, message="add species", number=2)
    branches.create(repository, "side", who=later(3))
    commit(repository, lambda draft: refine(draft, 10), message="refine", number=4)
    tags.create(repository, "v1", message="first", who=later(5))
    return repository


def reopened(repository):
    """The repository as another process sees it: nothing is remembered."""
    return Repository.open(repository.root)


def item_named(reader, name="TS_01"):
    return read_item(reader, Population(reader).item("grid", name).path)


def flip(path, offset, bit=0):
    """Turn one bit of a file over."""
    with open(path, "r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 1 << bit]))


class RawFolder:
    """Raw files in one folder, for every source."""

    def __init__(self, directory):
        self.directory = directory

    def locate(self, source, path):
        place = os.path.join(self.directory, path)
        return place if os.path.exists(place) else None

    def read(self, place):
        from pathlib import Path

        from mgit.curate.raw_digests import digest_file

        return digest_file(Path(place), complete=True)
