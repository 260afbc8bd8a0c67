"""Particle tables, maps and sources for tests of species."""

import warnings
from dataclasses import replace

import mrcfile
import numpy as np

from mgit.curate.particle_intake import ItemVolumes
from mgit.curate.species import add_species
from mgit.curate.species_maps import SpeciesMaps
from mgit.exchange.records import Document, ParticleTable, SeriesRecord, SourceRecord
from mgit.exchange.relion_particles import read_particles
from mgit.state.population import Population

PIXEL = 2.0
VOLUME_ANGSTROM = (2000.0, 1600.0, 600.0)
COLUMNS = (
    *("rlnTomoName", "rlnTomoParticleName", "rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"),
    *("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnRandomSubset"),
)


def rows_of(count, seed=0, names=("TS_01", "TS_02")):
    """`count` rows in turn in each series, at least 100 A apart along x, halves alternating."""
    random = np.random.default_rng(seed)
    return [
        {
            "rlnTomoName": names[at % len(names)],
            "rlnTomoParticleName": f"{names[at % len(names)]}/{at + 1}",
            "rlnCoordinateX": 20.0 + 50.0 * (at // len(names)),
            "rlnCoordinateY": round(float(random.uniform(50, 750)), 3),
            "rlnCoordinateZ": round(float(random.uniform(50, 250)), 3),
            "rlnAngleRot": round(float(random.uniform(-180, 180)), 3),
            "rlnAngleTilt": round(float(random.uniform(0, 180)), 3),
            "rlnAnglePsi": round(float(random.uniform(-180, 180)), 3),
            "rlnRandomSubset": at // 2 % 2 + 1,
        }
        for at in range(count)
    ]


def table_bytes(rows, without=()):
    """A RELION 4 table of these rows, coordinates in pixels of 2 A."""
    columns = [name for name in rows[0] if name not in without]
    lines = ["data_optics", "", "loop_", "_rlnOpticsGroup #1", "_rlnTomoTiltSeriesPixelSize #2"]
    lines += [f"1 {PIXEL}", "", "data_particles", "", "loop_"]
    lines += [f"_{name} #{at}" for at, name in enumerate(columns, 1)]
    lines += [" ".join(str(row[name]) for name in columns) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def table_of(rows, without=(), path="Refine3D/job001/run_data.star") -> ParticleTable:
    """The same, read."""
    return read_particles(table_bytes(rows, without), path=path)


def source(*names) -> SourceRecord:
    """Tilt series that know their volume and nothing else."""
    series = tuple(
        SeriesRecord(
            name=name,
            kind="tilt_series",
            attributes={
                "pixel_size_angstrom": str(PIXEL),
                "volume_dimensions_angstrom": [str(length) for length in VOLUME_ANGSTROM],
            },
            arrays={},
            documents=(Document(role="test_series", path=f"{name}.txt", content=name.encode()),),
            aliases=(f"{name}.tomostar",),
        )
        for name in names
    )
    return SourceRecord(kind="tilt_series", attributes={}, series=series)


def write_source(tree, *names, title="grid"):
    """A source in a tree, its items sealed as a commit would seal them."""
    from mgit.curate.sources import add_source
    from mgit.state.digests import seal

    add_source(tree, title, source(*names), digest_of=lambda raw: None)
    seal(tree, [item.path for item in Population(tree).source(title).items()])


def write_species(tree, rows, name="capsid", **changes):
    """A species of these rows without maps."""
    fields = {
        "table": changes.get("table") or table_of(rows),
        "volumes": ItemVolumes(tree),
        "maps": SpeciesMaps(),
        "attributes": {"diameter_angstrom": "100.0", "symmetry": "C1"},
    }
    return add_species(tree, name, **{**fields, **changes})


def species_of(tree, name="capsid"):
    """The species as the tree has it."""
    return Population(tree).one_species(name)


def with_poses(table: ParticleTable, positions=None, angles=None) -> ParticleTable:
    """The table with other poses, as M gives them with several samples."""
    return replace(
        table,
        positions=table.positions if positions is None else positions,
        angles=table.angles if angles is None else angles,
    )


def cube(edge=8, seed=0):
    """A map of noise."""
    return np.random.default_rng(seed).normal(size=(edge, edge, edge)).astype(np.float32)


def write_map(path, values, pixel=2.0):
    """An MRC file of a map."""
    with warnings.catch_warnings(), mrcfile.new(path) as opened:
        warnings.simplefilter("ignore", RuntimeWarning)  # maps with NaN are written on purpose
        opened.set_data(values)
        opened.voxel_size = pixel
    return path
