"""Everything that the report on a revision tells, gathered; `mgit view` renders it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mgit.history.commits import CommitRecord
from mgit.history.repository import Repository
from mgit.state.fsc_metrics import FscMetrics, read_fsc
from mgit.state.item_scores import ItemScore, read_item_scores
from mgit.state.population import Counts, Population
from mgit.state.series import Item
from mgit.state.species import Species
from mgit.state.strings import StringColumn
from mgit.survey.commits import Origin, last_change, provenance_of
from mgit.survey.curves import FscCurve
from mgit.survey.directions import Directions, direction_histogram
from mgit.survey.slices import Slices, central_slices
from mgit.survey.species import SpeciesSummary, species_summary

__all__ = [
    "COMMITS_SHOWN",
    "DisplayMap",
    "Report",
    "SeriesLine",
    "SpeciesReport",
    "population_report",
]

COMMITS_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DisplayMap:
    """The map of a species that is shown, as the caller prepared it.

    values: `(z, y, x)`. description: how it was made. curves: where they were measured for it, not
    read from the species' metrics.
    """

    values: np.ndarray
    description: str
    curves: FscMetrics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLine:
    """One series in which a species has particles or a score."""

    name: str
    source: str
    particles: int
    excluded: bool
    score: ItemScore | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeciesReport:
    """One species: what `show` tells, and what takes pictures to tell.

    maps_origin: the commit that its maps are from. curves_measured: whether the curves were
    measured for the report. series: worst first. history: the latest commits that changed it;
    has_older: whether there are more.
    """

    summary: SpeciesSummary
    maps_origin: Origin | None
    map_description: str
    slices: Slices | None
    curves: FscMetrics | None
    curves_measured: bool
    directions: Directions | None
    series: tuple[SeriesLine, ...]
    history: tuple[Origin, ...]
    has_older: bool

    @property
    def resolution_angstrom(self) -> float | None:
        """That of the summary, else where the measured curve falls to 0.143."""
        if self.summary.resolution is not None:
            return self.summary.resolution.angstrom
        if self.curves is None:
            return None
        curve = FscCurve(frequency=self.curves.frequency, correlation=self.curves.corrected)
        return curve.resolution_angstrom()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """A revision of a population."""

    population: str
    commit: CommitRecord
    counts: Counts
    species: tuple[SpeciesReport, ...]


def population_report(
    repository: Repository,
    revision: str,
    *,
    species: Sequence[str] = (),
    display: Callable[[Species], DisplayMap | None],
) -> Report:
    """Gather the report on a revision.

    species: names; all when empty. display: gives the map of a species to show, None without one.
    Raises NotFound for unknown revisions and species.
    """
    commit = repository.commit(revision)
    population = Population(repository.snapshot(commit.id))
    chosen = [population.one_species(name) for name in dict.fromkeys(species)]
    items = population.items_by_id()
    sources = {item.id: each.name for each in population.sources() for item in each.items()}
    return Report(
        population=population.name,
        commit=commit,
        counts=population.counts(),
        species=tuple(
            _species_report(repository, commit, each, items, sources, display(each))
            for each in chosen or population.species()
        ),
    )


def _species_report(
    repository: Repository,
    commit: CommitRecord,
    species: Species,
    items: Mapping[str, Item],
    sources: Mapping[str, str],
    shown: DisplayMap | None,
) -> SpeciesReport:
    kept = read_fsc(species)
    slices, curves = None, kept
    names = species.map_names()
    if shown is not None:
        mask = species.map("mask").read() if "mask" in names else None
        pixel = species.number("pixel_size_angstrom") or 1.0
        slices = central_slices(shown.values, mask=mask, pixel_size_angstrom=pixel)
        curves = kept or shown.curves
    of_maps = "half_map_1" if "half_map_1" in names else "reference"
    origin = None
    if of_maps in names:
        origin = last_change(repository, commit.id, f"{species.path}/{of_maps}")
    steps = list(islice(repository.walk(commit.id, path=species.path), COMMITS_SHOWN + 1))
    return SpeciesReport(
        summary=species_summary(species),
        maps_origin=origin,
        map_description="" if shown is None else shown.description,
        slices=slices,
        curves=curves,
        curves_measured=kept is None and curves is not None,
        directions=_directions(species),
        series=_series(species, items, sources),
        history=tuple(
            Origin(commit=each, provenance=provenance_of(repository.snapshot(each.id)))
            for each in steps[:COMMITS_SHOWN]
        ),
        has_older=len(steps) > COMMITS_SHOWN,
    )


def _directions(species: Species) -> Directions | None:
    table = species.particles
    if not len(table):
        return None
    angles = table.column("angles")
    assert isinstance(angles, np.ndarray)
    return direction_histogram(angles[:, 0])


def _series(
    species: Species, items: Mapping[str, Item], sources: Mapping[str, str]
) -> tuple[SeriesLine, ...]:
    column = species.particles.column("item")
    assert isinstance(column, StringColumn)
    counts = np.bincount(column.codes, minlength=len(column.dictionary)).tolist()
    particles = dict(zip(column.dictionary, counts, strict=True))
    scores = read_item_scores(species.reader, species.path)
    lines = [
        SeriesLine(
            name=items[each].name if each in items else each,
            source=sources.get(each, ""),
            particles=particles.get(each, 0),
            excluded=each in items and items[each].excluded,
            score=scores.get(each),
        )
        for each in dict.fromkeys((*particles, *scores))
    ]
    return tuple(sorted(lines, key=_worst_first))


def _worst_first(line: SeriesLine) -> tuple[bool, float, int, str, str]:
    """Those with a score by it; the others after them, by their number of particles."""
    score = 0.0 if line.score is None else line.score.after
    return line.score is None, score, -line.particles, line.source, line.name
