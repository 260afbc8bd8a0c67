"""Which rows of a foreign table are which particles of a species, and what halves they are in."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mgit.curate.particle_intake import NAME_COLUMN
from mgit.errors import InvalidInput, Refused
from mgit.state.half_sets import new_split
from mgit.state.matching import RowMatch, common_codes, match_rows
from mgit.state.neighbours import neighbour_pairs
from mgit.state.particle_columns import ParticleColumns
from mgit.state.strings import StringColumn

__all__ = [
    "MatchBy",
    "TableMatch",
    "check_half_sets",
    "inherited_half_sets",
    "match_table",
    "nearest_half_sets",
]

MatchBy = Literal["auto", "id", "name", "position"]

AGREEMENT_MIN = 0.5
"""Share of the smaller table that ids or names must match to be taken as the way to match."""
TOLERANCE_OF_DIAMETER = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableMatch:
    """How rows were matched: by 'id', 'name' or 'position', and within how many angstrom."""

    rows: RowMatch
    by: str
    tolerance_angstrom: float | None = None

    @property
    def words(self) -> str:
        """The way of matching in words for a report."""
        if self.by != "position":
            return {"id": "permanent id", "name": NAME_COLUMN}[self.by]
        return f"position within {self.tolerance_angstrom:g} A"


def match_table(
    old: ParticleColumns,
    new: ParticleColumns,
    *,
    by: MatchBy = "auto",
    tolerance_angstrom: float | None = None,
    diameter_angstrom: float | None = None,
) -> TableMatch:
    """Match the rows of a table to the particles of a species.

    by='auto' takes permanent ids where at least half of the smaller table has ids in common, else
    particle names on the same condition, else positions.
    tolerance_angstrom: for positions; default a quarter of the diameter.

    Raises NotFound when names are asked for and absent, InvalidInput when names stand for particles
    of other series or no tolerance is known.
    """
    if by in ("auto", "id"):
        match = TableMatch(rows=match_rows(old, new, by="id"), by="id")
        if by == "id" or _agrees(match, old, new):
            return match
    if by == "name" or (by == "auto" and _has_names(old) and _has_names(new)):
        match = TableMatch(rows=match_rows(old, new, by="name"), by="name")
        moved = _other_series(match.rows, old, new)
        if by == "name" and moved:
            raise InvalidInput(
                f"{moved} particles have the name of a particle in another series",
                column=NAME_COLUMN,
                hint="match them by position: '--match position'",
            )
        if by == "name" or (_agrees(match, old, new) and not moved):
            return match
    tolerance = tolerance_angstrom
    if tolerance is None and diameter_angstrom is not None:
        tolerance = TOLERANCE_OF_DIAMETER * diameter_angstrom
    if tolerance is None or not 0 < tolerance < float("inf"):
        raise InvalidInput(
            "matching by position needs a positive tolerance",
            field="--tolerance",
            hint="give '--tolerance A', or set the diameter of the species",
        )
    return TableMatch(
        rows=match_rows(old, new, by="position", tolerance_angstrom=tolerance),
        by="position",
        tolerance_angstrom=tolerance,
    )


def _agrees(match: TableMatch, old: ParticleColumns, new: ParticleColumns) -> bool:
    found = len(match.rows.old)
    return found > 0 and found >= AGREEMENT_MIN * min(len(old), len(new))


def _has_names(columns: ParticleColumns) -> bool:
    return isinstance(columns.passthrough.get(NAME_COLUMN), StringColumn)


def _other_series(rows: RowMatch, old: ParticleColumns, new: ParticleColumns) -> int:
    first, second = common_codes(old.item, new.item)
    return int((first[rows.old] != second[rows.new]).sum())


def check_half_sets(
    old: ParticleColumns, new: ParticleColumns, rows: RowMatch, *, file: str, accept: bool
) -> int:
    """Number of matched particles whose half-set differs.

    Raises Refused when there are some, unless they are accepted: a particle that changes its half
    carries its noise into the other map, and the FSC between them is no longer independent.
    """
    before, after = old.half_set[rows.old], new.half_set[rows.new]
    changed = int((before != after).sum())
    if not changed or accept:
        return changed
    if changed == len(before):
        hint = (
            "all of them changed: the program numbers the halves the other way round; exchange "
            "the numbers in the table, or take them over with '--accept-half-set-changes'"
        )
    else:
        hint = (
            "go on from the same half-sets in the other program; '--accept-half-set-changes' "
            "takes the change over, and resolutions are no longer independent of earlier states"
        )
    raise Refused(
        f"{changed} of {len(before)} particles changed their half-set",
        file=file,
        field="rlnRandomSubset",
        hint=hint,
    )


def inherited_half_sets(
    old: ParticleColumns, new: ParticleColumns, rows: RowMatch, *, radius_angstrom: float | None
) -> np.ndarray:
    """`(len(new),)` uint8: the halves of matched particles, new ones after their neighbours."""
    present = np.zeros(len(new), np.uint8)
    present[rows.new] = old.half_set[rows.old]
    codes, _ = common_codes(new.item, new.item)
    return new_split(new.positions, codes, radius_angstrom=radius_angstrom, present=present)


def nearest_half_sets(
    old: ParticleColumns, new: ParticleColumns, *, radius_angstrom: float
) -> np.ndarray:
    """`(len(new),)` uint8: half of the nearest old particle of the series within the radius, or 0.

    Neighbours that touch share signal; in one half they cannot make the FSC look better.
    """
    old_items, new_items = common_codes(old.item, new.item)
    pairs = neighbour_pairs(
        new.mean_positions, new_items, old.mean_positions, old_items, distance=radius_angstrom
    )
    halves = np.zeros(len(new), np.uint8)
    # Farther pairs first: the nearest is written last and stays.
    for at in np.argsort(-pairs.distance, kind="stable").tolist():
        halves[pairs.first[at]] = old.half_set[pairs.second[at]]
    return halves
