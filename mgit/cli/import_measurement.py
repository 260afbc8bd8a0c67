"""The part of the import check that reads images; it imports torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from mgit.cli.console import Console
from mgit.cli.raw_files import DigestedFiles
from mgit.curate.coordinate_rivals import CoordinateRival, SeriesRival
from mgit.curate.migrations import mirror_item_arrays, scale_item_arrays
from mgit.history.repository import Repository
from mgit.refine.import_check import ImportVerdict, check_import
from mgit.refine.import_sample import Interpretation, Limits, few_series
from mgit.refine.plan import bind, pixel_of, plan_reconstruction
from mgit.state.protocol import Reader

__all__ = ["measured"]


def measured(
    repository: Repository,
    draft: Reader,
    name: str,
    rivals: Sequence[CoordinateRival],
    console: Console,
    *,
    series: SeriesRival | None = None,
) -> tuple[ImportVerdict, Mapping[str, Mapping[str, Any]]]:
    """The verdict on a species of a draft, and what is set in its sources: pixel size and hand.

    Raises NotFound for raw files that are not here, InvalidInput and InvalidState for files with
    another content, Unsupported for what cannot be reconstructed.
    """
    limits = Limits()
    (plan,) = plan_reconstruction(draft, species=[name])
    plan = few_series(plan, limits)
    with console.progress("checking raw files", total=None, unit="files") as bar:
        bound = bind([plan], DigestedFiles(repository), advance=bar.advance)
    with console.progress("checking the import", total=None, unit="images") as bar:
        verdict = check_import(
            plan,
            bound,
            mirror=mirror_item_arrays,
            coordinates=_readings(rivals, series),
            limits=limits,
            advance=bar.advance,
        )
    sources = {
        part.source: {
            "pixel_size_angstrom": float(
                part.item.attributes.get("pixel_size_angstrom", pixel_of(part.item))
            ),
            "hand": int(part.item.attributes.get("hand", 1)),
        }
        for part in plan.parts
    }
    return verdict, sources


def _readings(
    rivals: Sequence[CoordinateRival], series: SeriesRival | None
) -> list[Interpretation]:
    readings = [Interpretation(name=each.name, positions=each.positions) for each in rivals]
    if series is not None:
        readings.append(
            Interpretation(
                name="series_pixel",
                positions=series.positions,
                scale=series.scale,
                rescale=scale_item_arrays,
            )
        )
    return readings
