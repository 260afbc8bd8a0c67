"""What a reader of a foreign format returns: plain values in mgit's units and conventions.

Foreign conventions stop in this package. A record carries, for one series or one particle table,
the canonical arrays and attributes (docs/state.md lists every name with its unit and shape), the
foreign documents that said so, byte for byte, and the raw files that the documents name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

__all__ = [
    "ColumnValues",
    "Document",
    "GridValues",
    "ParticleTable",
    "RawFile",
    "SeriesRecord",
    "SourceRecord",
]

SeriesKind = Literal["tilt_series", "frame_series", "particle_series"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A foreign file kept whole."""

    role: str
    """What it is, e.g. 'warp_tilt_series_xml', 'relion_tomograms', 'relion_particles'."""
    path: str
    """Where it stood relative to the project it came from; export writes it there again."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A raw file that a document names; it need not exist on this machine."""

    role: str
    """'movie', 'tilt_image', 'stack', 'gain', 'defects' or 'average'."""
    path: str
    """The path as the document writes it."""
    sections: tuple[int, ...] = ()
    """Of a stack: the section, from 1, of every row of the tilt table; empty for one after the
    other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridValues:
    """An array of an item with the attributes that its meaning needs (margins, model, unit)."""

    values: np.ndarray
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRecord:
    """One frame, tilt or particle series as a foreign document describes it."""

    name: str
    kind: SeriesKind
    attributes: Mapping[str, Any]
    """Canonical attributes; physical scalars as decimal strings (repr of the float64)."""
    arrays: Mapping[str, GridValues]
    documents: tuple[Document, ...]
    raw: tuple[RawFile, ...] = ()
    aliases: tuple[str, ...] = ()
    """Other names under which particle tables may refer to the series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A data source: its series and the documents they share."""

    kind: SeriesKind
    attributes: Mapping[str, Any]
    series: tuple[SeriesRecord, ...]
    documents: tuple[Document, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences for the user: assumptions made, fields that were absent."""


ColumnValues = np.ndarray | tuple[str, ...]
"""A pass-through column: float64, int64 or bool array, or one string per row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticleTable:
    """A particle table as a foreign document describes it, rows in file order.

    positions: `(n, T, 3)` float64, x y z, angstrom from the corner of the volume (or micrograph).
    angles: `(n, T, 3)` float64, rot tilt psi in degrees, RELION ZYZ, reference -> volume.
    half_sets: `(n,)` uint8, 1 or 2, or None when the table has no split.
    item_names: one series name per row as the table writes it.
    trajectories: None, or `(n, F, 3)` float64 displacement per tilt in angstrom, rows of the
        tilt table, zero where a series has fewer than F tilts.
    passthrough: every other column by its foreign name.
    """

    positions: np.ndarray
    angles: np.ndarray
    half_sets: np.ndarray | None
    item_names: tuple[str, ...]
    passthrough: Mapping[str, ColumnValues]
    document: Document
    companions: tuple[Document, ...] = ()
    trajectories: np.ndarray | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Table-wide facts, e.g. 'coordinate_pixel_size_angstrom', 'format'."""
    notes: tuple[str, ...] = ()
