"""What there is to say about one species: counts, maps, resolution, flags."""

from dataclasses import dataclass, field

import numpy as np

from mgit.state.documents import read_documents
from mgit.state.species import Species
from mgit.state.species_schema import SPECIES_ATTRIBUTES
from mgit.state.strings import StringColumn
from mgit.survey.curves import FscCurve, fsc_curve
from mgit.survey.item_scores import ScoreCounts, score_counts

__all__ = ["DocumentFacts", "Resolution", "SpeciesSummary", "resolution_of", "species_summary"]

FLAGS = tuple(
    each.name
    for each in SPECIES_ATTRIBUTES
    if each.value_type == "boolean" and not each.in_state_digest
)
"""Flags that ask for something: needs_reconstruction, needs_refinement, external_reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A resolution and where it is from: 'attribute', 'metric' or 'fsc' (0.143 of the curve)."""

    angstrom: float
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """A foreign document that is kept beside what was read from it."""

    role: str
    path: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesSummary:
    """One species at a glance."""

    name: str
    path: str
    state: str | None
    particles: int
    samples: int
    """Temporal samples of each particle's position."""
    half_sets: tuple[int, int]
    half_set_origin: str
    items: int
    """Series in which it has particles."""
    symmetry: str
    diameter_angstrom: float | None
    molecular_weight_kilodalton: float | None
    pixel_size_angstrom: float | None
    box_px: int | None
    maps: tuple[str, ...]
    network_parameters: int
    """Numbers in its denoising network; 0 without one."""
    resolution: Resolution | None
    fsc: FscCurve | None = field(repr=False)
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    documents: tuple[DocumentFacts, ...]
    b_factor_angstrom2: float | None = None
    """Of the mean map, negative where its amplitudes fall; None where none was fitted."""
    scores: ScoreCounts | None = None
    """How its series fared in the last refinement, where it was refined."""


def species_summary(species: Species) -> SpeciesSummary:
    """Summarise one species; reads its half-sets, its items and its FSC, no map."""
    table = species.particles
    half_sets = _numbers(table.column("half_set"))
    item = table.column("item")
    maps = species.map_names()
    curve = fsc_curve(species)
    network = species.network().values()
    return SpeciesSummary(
        name=species.name,
        path=species.path,
        state=None if species.state is None else str(species.state),
        particles=len(table),
        samples=int(species.reader.array(table.node("position")).shape[1]),
        half_sets=(int((half_sets == 1).sum()), int((half_sets == 2).sum())),
        half_set_origin=str(species.attributes.get("half_set_origin", "")),
        items=len(set(item.dictionary)) if isinstance(item, StringColumn) else 0,
        symmetry=str(species.attributes.get("symmetry", "C1")),
        diameter_angstrom=species.number("diameter_angstrom"),
        molecular_weight_kilodalton=species.number("molecular_weight_kilodalton"),
        pixel_size_angstrom=species.number("pixel_size_angstrom"),
        box_px=int(species.map(maps[0]).shape[0]) if maps else None,
        maps=maps,
        network_parameters=sum(int(np.prod(each.shape)) for each in network),
        resolution=resolution_of(species, curve),
        fsc=curve,
        flags=tuple(name for name in FLAGS if species.flag(name)),
        notes=tuple(species.attributes.get("notes", ())),
        documents=tuple(
            DocumentFacts(role=each.role, path=each.path, size=each.size)
            for each in read_documents(species.reader, species.path)
        ),
        b_factor_angstrom2=_figure(species, "b_factor_angstrom2"),
        scores=score_counts(species),
    )


def resolution_of(species: Species, curve: FscCurve | None) -> Resolution | None:
    """The species' resolution: its attribute, else its metric, else where its FSC falls."""
    stated = species.number("resolution_angstrom")
    if stated is not None:
        return Resolution(angstrom=stated, origin="attribute")
    metric = _figure(species, "resolution_angstrom")
    if metric is not None:
        return Resolution(angstrom=metric, origin="metric")
    measured = curve.resolution_angstrom() if curve is not None else None
    return None if measured is None else Resolution(angstrom=measured, origin="fsc")


def _figure(species: Species, name: str) -> float | None:
    """A figure of merit that is one number."""
    metric = species.metrics().get(name)
    return float(metric.read()) if metric is not None and metric.shape == () else None


def _numbers(column: object) -> np.ndarray:
    return column if isinstance(column, np.ndarray) else np.empty(0, np.uint8)
