"""Level 4: what a population must be beyond its digests: particles, items, half-sets.

Definitions are those of mgit.state. Whatever is found here was sealed consistently; it is suspect,
not corrupt.
"""

import itertools
from collections import OrderedDict
from collections.abc import Iterator, Mapping

import numpy as np

from mgit.history.commits import CommitRecord
from mgit.state.names import SOURCES, SPECIES
from mgit.state.particles import ParticleColumns, half_set_overlaps, id_words
from mgit.state.population import Population
from mgit.state.species import Species
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage, Finding, Level
from mgit.verify.graph import GraphAudit, Place

__all__ = ["RADIUS_PER_DIAMETER", "ParticleAudit"]

RADIUS_PER_DIAMETER = 0.25
"""Particles nearer than this share of the diameter see the same signal (docs/format/verify.md)."""

SPLIT_ADVICE = (
    "the FSC between the half-maps is not independent: '--new-split' at import puts neighbours "
    "into one half, '--radius A' judges by another distance"
)
TABLES_KEPT = 16
SHOWN_MAX = 3


class ParticleAudit:
    """Particle tables of all commits; what two commits share is checked once.

    radius_angstrom: distance within which opposite half-sets overlap; None: a quarter of the
    diameter of the (smaller) species.
    """

    def __init__(
        self,
        graph: GraphAudit,
        ledger: DamageLedger,
        coverage: Coverage,
        *,
        radius_angstrom: float | None = None,
    ) -> None:
        self._graph = graph
        self._ledger = ledger
        self._coverage = coverage
        self._radius = radius_angstrom
        self._done: set[tuple[str, ...]] = set()
        self._tables: OrderedDict[str, ParticleColumns | None] = OrderedDict()
        self._ids: dict[str, str] = {}

    def check(self, record: CommitRecord) -> None:
        """Check the species of one commit against themselves, each other and the items."""
        place = Place(commit=record.id, tree=record.tree, path="")
        rooms = self._graph.children(record.tree)
        species_room, source_room = rooms.get(SPECIES, ""), rooms.get(SOURCES, "")
        if not species_room or not self._is_new("rooms", species_room, source_room):
            return
        trees = self._graph.children(species_room)
        found: list[tuple[Species, str, ParticleColumns]] = []
        with self._ledger.watch(
            level=Level.DOMAIN, kind="species-unreadable", subject=f"species in {record.id[:10]}"
        ):
            for species in Population(self._graph.snapshot(place)).species():
                tree = trees[species.path.rpartition("/")[2]]
                columns = self._load(species, tree, record)
                if columns is not None:
                    found.append((species, tree, columns))
        self._check_items(found, source_room, record)
        for species, tree, columns in found:
            if self._is_new("half-sets", tree):
                self._check_half_sets(species, columns, record)
        for (a, tree_a, one), (b, tree_b, two) in itertools.combinations(found, 2):
            if _family(a, found) & _family(b, found) and self._is_new("family", tree_a, tree_b):
                self._check_family((a, one), (b, two), record)

    def _is_new(self, *key: str) -> bool:
        if key in self._done:
            return False
        self._done.add(key)
        return True

    def _load(self, species: Species, tree: str, record: CommitRecord) -> ParticleColumns | None:
        if tree in self._tables:
            self._tables.move_to_end(tree)
            return self._tables[tree]
        columns = None
        subject = f"{species.path}/particles in {record.id[:10]}"
        with self._ledger.watch(
            level=Level.DOMAIN, kind="particles", subject=subject, severity="suspect"
        ):
            columns = species.particles.load()
            self._coverage.particles += len(columns)
        self._tables[tree] = columns
        if len(self._tables) > TABLES_KEPT:
            self._tables.popitem(last=False)
        return columns

    def _check_items(
        self,
        found: list[tuple[Species, str, ParticleColumns]],
        source_room: str,
        record: CommitRecord,
    ) -> None:
        with self._ledger.watch(
            level=Level.DOMAIN, kind="items-unreadable", subject=f"items in {record.id[:10]}"
        ):
            ids = set(self._item_ids(record)) if found else set()
            for species, tree, columns in found:
                lost = sorted(set(columns.item.dictionary) - ids)
                if lost and self._is_new("items", tree, source_room):
                    rows = np.isin(
                        columns.item.codes, [columns.item.dictionary.index(each) for each in lost]
                    )
                    message = (
                        f"{int(rows.sum())} particles belong to items that do not exist: "
                        + ", ".join(lost[:SHOWN_MAX])
                    )
                    self._add("particle-item", f"{species.path}/particles", message, record)

    def _item_ids(self, record: CommitRecord) -> Iterator[str]:
        """Permanent ids of all items of a commit; each distinct item is read once."""
        reader = self._graph.snapshot(Place(commit=record.id, tree=record.tree, path=""))
        for path, tree in self._graph.items(record.tree):
            if tree not in self._ids:
                self._ids[tree] = str(reader.attributes(path).get("id"))
            yield self._ids[tree]

    def _check_half_sets(
        self, species: Species, columns: ParticleColumns, record: CommitRecord
    ) -> None:
        radius = self._radius_of(species)
        if radius is None:
            return
        subject = f"{species.path}/particles"
        with self._ledger.watch(level=Level.DOMAIN, kind="half-sets", subject=subject):
            pairs = half_set_overlaps(columns, radius)
            if len(pairs):
                message = _overlap(pairs, columns, columns, radius)
                self._add("half-set-overlap", subject, message, record, hint=SPLIT_ADVICE)

    def _check_family(
        self,
        one: tuple[Species, ParticleColumns],
        two: tuple[Species, ParticleColumns],
        record: CommitRecord,
    ) -> None:
        """Species that share a parent share signal: by id and in space one half-set each."""
        (a, columns_a), (b, columns_b) = one, two
        subject = f"{a.path} and {b.path}"
        with self._ledger.watch(level=Level.DOMAIN, kind="half-sets", subject=subject):
            rows_a, rows_b = _shared_rows(columns_a.id, columns_b.id)
            split = columns_a.half_set[rows_a] != columns_b.half_set[rows_b]
            if split.any():
                first = columns_a.id[rows_a[np.argmax(split)]].tobytes().hex()
                message = (
                    f"{int(split.sum())} particles are in half-set 1 of one species and in "
                    f"half-set 2 of the other, the first is {first}"
                )
                self._add("half-set-family", subject, message, record)
            radii = [radius for radius in map(self._radius_of, (a, b)) if radius is not None]
            if not radii:
                return
            pairs = half_set_overlaps(columns_a, min(radii), other=columns_b)
            same = (columns_a.id[pairs[:, 0]] == columns_b.id[pairs[:, 1]]).all(axis=1)
            pairs = pairs[~same]
            if len(pairs):
                message = _overlap(pairs, columns_a, columns_b, min(radii))
                self._add("half-set-overlap", subject, message, record, hint=SPLIT_ADVICE)

    def _radius_of(self, species: Species) -> float | None:
        if self._radius is not None:
            return self._radius
        diameter = species.number("diameter_angstrom")
        return RADIUS_PER_DIAMETER * diameter if diameter and diameter > 0 else None

    def _add(
        self, kind: str, path: str, message: str, record: CommitRecord, *, hint: str | None = None
    ) -> None:
        finding = Finding(
            level=Level.DOMAIN,
            kind=kind,
            subject=f"{path} in {record.id[:10]}",
            message=message,
            severity="suspect",
            commit=record.id,
            hint=hint,
        )
        self._ledger.add(finding)


def _family(species: Species, found: list[tuple[Species, str, ParticleColumns]]) -> frozenset[str]:
    """Names of a species, its parent, and its parent's parents."""
    parents: Mapping[str, str | None] = {
        each.name: each.attributes.get("parent") for each, _, _ in found
    }
    names: list[str] = []
    name: str | None = species.name
    while name is not None and name not in names:
        names.append(name)
        name = parents.get(name)
    return frozenset(names)


def _shared_rows(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the ids that both tables have."""
    kind = [("high", "<u8"), ("low", "<u8")]
    keys_a, keys_b = np.empty(len(a), kind), np.empty(len(b), kind)
    for keys, ids in ((keys_a, a), (keys_b, b)):
        keys["high"], keys["low"] = id_words(ids)
    _, rows_a, rows_b = np.intersect1d(keys_a, keys_b, assume_unique=True, return_indices=True)
    return rows_a, rows_b


def _overlap(pairs: np.ndarray, a: ParticleColumns, b: ParticleColumns, radius: float) -> str:
    """How many particles are too near to one of the other half-set, how near, and which."""
    first, second = pairs[:, 0], pairs[:, 1]
    apart = np.linalg.norm(a.mean_positions[first] - b.mean_positions[second], axis=1)
    order = np.argsort(apart, kind="stable")[:SHOWN_MAX]
    shown = [
        f"{a.id[first[row]].tobytes().hex()[:12]} and {b.id[second[row]].tobytes().hex()[:12]}, "
        f"{apart[row]:.1f} A"
        for row in order
    ]
    if a is b:
        count, total = len(np.unique(pairs)), len(a)
    else:
        count, total = len(np.unique(first)) + len(np.unique(second)), len(a) + len(b)
    return (
        f"{count:,} of {total:,} particles lie within {radius:g} A of one of the other half-set "
        f"in the same item; {len(pairs):,} pairs, the nearest: {'; '.join(shown)}"
    )
