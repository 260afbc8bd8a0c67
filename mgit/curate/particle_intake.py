"""Foreign particle tables bound to the items of a population."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from mgit.digest import IDENTITY_BYTES, RawDigest, particle_ids
from mgit.errors import InvalidInput
from mgit.exchange.records import ParticleTable
from mgit.state.half_sets import new_split
from mgit.state.particle_columns import ParticleColumns, build_particles, rows_in_source_order
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.series import Item

__all__ = [
    "NAME_COLUMN",
    "Binding",
    "ItemVolumes",
    "bind_table",
    "check_inside",
    "outside_volume",
    "particles_from",
    "permanent_ids",
    "volume_of",
]

Volume = tuple[tuple[float, float, float], float]
NAMES_SHOWN_MAX = 5
NAME_COLUMN = "rlnTomoParticleName"
ID_COLUMN = "mgitParticleId"
"""Column of permanent ids in tables that mgit writes for other programs."""
HASH_COLUMN = "wrpSourceHash"
CARRIED_ID = re.compile(r"(?:.*/)?([0-9a-f]{32})")
"""Particle names that mgit writes end in the permanent id."""
NUMBERED_FORMATS = ("stopgap_motive_list", "dynamo_table")
"""Formats that know series by numbers only."""
LAST_NUMBER = re.compile(r"(\d+)\D*")
OUTSIDE_SHARE_MAX = 0.5
"""A table that puts more than this share outside its volumes counts in another unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which item every row belongs to."""

    rows: np.ndarray
    """`(m,)` rows of the table that are bound, in file order."""
    item_ids: tuple[str, ...]
    """Id of the item of each bound row."""
    items: Mapping[str, Item]
    """The items that occur, by id."""
    unmatched: Mapping[str, int]
    """Names that no item has, with the number of their rows."""
    notes: tuple[str, ...] = ()
    """How series were found whose names the table does not say."""


class ItemVolumes:
    """The items of a population by every name a table may call them.

    sources: names of the sources that take part; default all. preferred: ids of items that win
    where several have a name: those that a species stands in already.
    """

    def __init__(
        self, reader: Reader, *, sources: Sequence[str] = (), preferred: Collection[str] = ()
    ) -> None:
        self._by_name: dict[str, list[Item]] = {}
        population = Population(reader)
        chosen = [population.source(name) for name in sources] or population.sources()
        for source in chosen:
            for item in source.items():
                for name in {item.name, *item.aliases}:
                    self._by_name.setdefault(name, []).append(item)
        for name, items in self._by_name.items():
            known = [item for item in items if item.id in preferred]
            self._by_name[name] = known or items

    def volumes(self) -> dict[str, Volume]:
        """Volume size in unbinned pixels and pixel size by item name, for centred coordinates."""
        found: dict[str, Volume] = {}
        for name, items in self._by_name.items():
            volume = volume_of(items[0])
            if volume is not None:
                found[name] = volume
        return found

    def find(self, name: str) -> Item | None:
        """The item that a table calls `name`: by the name, its last part, or that without suffix.

        Raises InvalidInput when two items answer.
        """
        last = PurePosixPath(name.replace("\\", "/")).name
        for candidate in (name, last, PurePosixPath(last).stem):
            items = self._by_name.get(candidate, [])
            if len(items) > 1:
                raise InvalidInput(
                    "several items have the name that the table uses",
                    name=name,
                    items=", ".join(item.path for item in items),
                    hint="say with '--source NAME' which source the table belongs to",
                )
            if items:
                return items[0]
        return None

    def find_number(self, number: str) -> Item | None:
        """The only item whose name ends in this number, e.g. 'TS_07.tomostar' for '7'.

        Raises InvalidInput when several do.
        """
        found: dict[str, Item] = {}
        for name, items in self._by_name.items():
            numbers = LAST_NUMBER.findall(PurePosixPath(name).stem)
            if numbers and int(numbers[-1]) == int(number):
                found.update({item.id: item for item in items})
        if len(found) > 1:
            raise InvalidInput(
                "the table knows series by numbers, and several have this one",
                number=number,
                series=", ".join(sorted(item.name for item in found.values())),
                hint="say with '--source NAME' which source the table belongs to",
            )
        return next(iter(found.values()), None)

    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted(self._by_name))


def volume_of(item: Item) -> Volume | None:
    """Size x y z in unbinned pixels and pixel size in angstrom of an item's volume, if known."""
    lengths = item.attributes.get("volume_dimensions_angstrom")
    pixel = item.attributes.get("pixel_size_angstrom")
    if lengths is None or pixel is None:
        return None
    size = float(pixel)
    x, y, z = (round(float(length) / size, 6) for length in lengths)
    return (x, y, z), size


def bind_table(table: ParticleTable, volumes: ItemVolumes, *, ignore_unmatched: bool) -> Binding:
    """Find the item of every row: by name, else by M's data hash, else by the number in its name.

    Numbers count for STOPGAP and Dynamo only, which know no names.

    Raises InvalidInput when names match no item, unless those rows are to be left out.
    """
    names, first, codes = np.unique(
        np.asarray(table.item_names), return_index=True, return_inverse=True
    )
    found, notes = _find_items(table, volumes, names.tolist(), first.tolist())
    counts = np.bincount(codes, minlength=len(names))
    unmatched = {
        str(name): int(count)
        for name, item, count in zip(names, found, counts, strict=True)
        if item is None
    }
    if unmatched and (not ignore_unmatched or len(unmatched) == len(names)):
        raise _unmatched(table, unmatched, volumes)
    bound = np.array([item is not None for item in found], dtype=bool)
    rows = np.flatnonzero(bound[codes]) if len(names) else np.empty(0, np.int64)
    ids = [item.id if item is not None else "" for item in found]
    return Binding(
        rows=rows,
        item_ids=tuple(ids[code] for code in codes[rows].tolist()),
        items={item.id: item for item in found if item is not None},
        unmatched=unmatched,
        notes=notes,
    )


def _find_items(
    table: ParticleTable, volumes: ItemVolumes, names: list[str], first: list[int]
) -> tuple[list[Item | None], tuple[str, ...]]:
    found = [volumes.find(name) for name in names]
    missing = [at for at, item in enumerate(found) if item is None]
    notes = []
    hashes = table.passthrough.get(HASH_COLUMN)
    if hashes is not None and not isinstance(hashes, np.ndarray):
        by_hash = {at: volumes.find(hashes[first[at]]) for at in missing}
        for at, item in by_hash.items():
            found[at] = item
        if any(by_hash.values()):
            count = sum(item is not None for item in by_hash.values())
            notes.append(f"{count} series were found by {HASH_COLUMN}, not by name")
    if table.attributes.get("format") in NUMBERED_FORMATS:
        for at in missing:
            item = volumes.find_number(names[at]) if names[at].isdigit() else None
            if item is not None:
                found[at] = item
                notes.append(f"tomogram number {names[at]} was taken as '{item.name}'")
    return found, tuple(notes)


def _unmatched(
    table: ParticleTable, unmatched: Mapping[str, int], volumes: ItemVolumes
) -> InvalidInput:
    shown = ", ".join(f"'{name}'" for name in list(unmatched)[:NAMES_SHOWN_MAX])
    known = ", ".join(f"'{name}'" for name in volumes.names()[:NAMES_SHOWN_MAX])
    more = "" if len(unmatched) <= NAMES_SHOWN_MAX else f" and {len(unmatched) - NAMES_SHOWN_MAX}"
    return InvalidInput(
        f"{sum(unmatched.values())} particles belong to {len(unmatched)} series that no source has",
        file=table.document.path,
        series=shown + (f"{more} more" if more else ""),
        known=known or "none",
        hint="add their source first ('mgit source add'), leave these particles out with "
        "'--ignore-unmatched', or make a source from the names with '--create-source NAME'",
    )


def permanent_ids(
    table: ParticleTable, rows: np.ndarray, *, known: ParticleColumns | None = None
) -> np.ndarray:
    """`(m, 16)` uint8 ids of rows of a table.

    In this order: the id that `known` gave to that row of the same file; the id that the table
    carries, in a column of its own or as the particle's name, when mgit exported it; the id that
    follows from the table's digest and the row.
    """
    digest = RawDigest.of(table.document.content)
    count = len(table.item_names)
    derived = np.frombuffer(particle_ids(digest, count), np.uint8).reshape(count, IDENTITY_BYTES)
    ids = derived.copy()
    for column in (NAME_COLUMN, ID_COLUMN):
        texts = table.passthrough.get(column, ())
        if not isinstance(texts, np.ndarray):
            for row, text in enumerate(texts):
                match = CARRIED_ID.fullmatch(text)
                if match:
                    ids[row] = np.frombuffer(bytes.fromhex(match.group(1)), np.uint8)
    if known is not None and str(digest) in known.source_table.dictionary:
        old = rows_in_source_order(known, digest)
        ids[known.source_row[old]] = known.id[old]
    chosen = ids[rows]
    if len(np.unique(chosen, axis=0)) != len(chosen):
        return np.asarray(derived[rows])
    return np.asarray(chosen)


def particles_from(
    table: ParticleTable,
    binding: Binding,
    *,
    half_sets: np.ndarray | None = None,
    restart_split: bool = False,
    neighbour_radius_angstrom: float | None = None,
    ids: np.ndarray | None = None,
) -> ParticleColumns:
    """The canonical particle table of the bound rows.

    half_sets: `(m,)` of the bound rows, in place of the table's.
    restart_split: make new half-sets, alternating in file order, where particles closer than
    `neighbour_radius_angstrom` share a half (rules of docs/math/half_sets.md).
    ids: `(m, 16)` of the bound rows; default those of `permanent_ids`.

    Raises InvalidInput when the table has no half-sets and no new ones were asked for.
    """
    rows = binding.rows
    if half_sets is None:
        half_sets = None if table.half_sets is None else table.half_sets[rows]
    if restart_split:
        _, codes = np.unique(np.asarray(binding.item_ids), return_inverse=True)
        half_sets = new_split(
            table.positions[rows], codes, radius_angstrom=neighbour_radius_angstrom
        )
    elif half_sets is None:
        raise InvalidInput(
            "the particle table has no half-sets",
            file=table.document.path,
            field="rlnRandomSubset",
            hint="'--new-split' makes new ones; the resolution then counts as restarted",
        )
    passthrough = {
        name: column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]
        for name, column in table.passthrough.items()
    }
    return build_particles(
        RawDigest.of(table.document.content),
        positions=table.positions[rows],
        angles=table.angles[rows],
        half_sets=half_sets,
        item_ids=binding.item_ids,
        trajectories=None if table.trajectories is None else table.trajectories[rows],
        passthrough=passthrough,
        source_rows=rows,
        ids=permanent_ids(table, rows) if ids is None else ids,
    )


def outside_volume(columns: ParticleColumns, items: Mapping[str, Item]) -> np.ndarray:
    """`(n,)` bool: whether a particle's mean position lies outside its item's volume or image.

    Items without known dimensions count as inside.
    """
    outside = np.zeros(len(columns), dtype=bool)
    means = columns.mean_positions
    for code, identity in enumerate(columns.item.dictionary):
        limits = _extent(items[identity]) if identity in items else None
        if limits is not None:
            rows = columns.item.codes == code
            inner = means[rows][:, : len(limits)]
            outside[rows] = ((inner < 0) | (inner > limits)).any(axis=1)
    return outside


def _extent(item: Item) -> np.ndarray | None:
    """Lengths of the volume x y z, or of the micrograph x y, in angstrom."""
    lengths = item.attributes.get("volume_dimensions_angstrom")
    if lengths is None and item.kind == "frame_series":
        lengths = item.attributes.get("image_dimensions_angstrom")
    return None if lengths is None else np.array([float(length) for length in lengths])


def check_inside(columns: ParticleColumns, binding: Binding, *, file: str) -> float:
    """Share of particles outside their volumes.

    Raises InvalidInput when it is more than half: the coordinates are in another unit then.
    """
    outside = outside_volume(columns, binding.items)
    share = float(outside.mean()) if len(outside) else 0.0
    if share > OUTSIDE_SHARE_MAX:
        hint = "say with '--coordinate-pixel-size A' which pixels the coordinates are in"
        if _inside_from_centres(columns, binding.items):
            hint = (
                "they count from the centre of the tomogram, not from its corner: write them in "
                "angstrom as rlnCenteredCoordinateXAngst and its like"
            )
        raise InvalidInput(
            f"{share:.0%} of the particles lie outside the volume of their series",
            file=file,
            field="coordinates",
            hint=hint,
        )
    return share


def _inside_from_centres(columns: ParticleColumns, items: Mapping[str, Item]) -> bool:
    """Whether all particles lie in their volumes, if coordinates count from the centres."""
    extents = {identity: _extent(item) for identity, item in items.items()}
    if any(each is None or len(each) != 3 for each in extents.values()):
        return False
    centres = np.array([extents[each] for each in columns.item.dictionary], dtype=np.float64) / 2
    shift = centres.reshape(-1, 1, 3)[columns.item.codes]
    moved = replace(columns, positions=columns.positions + shift)
    return not outside_volume(moved, items).any()
