"""Foreign particle tables bound to the items of a population."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from mgit.digest import RawDigest
from mgit.errors import InvalidInput, NotFound
from mgit.exchange.records import Document, ParticleTable
from mgit.state.half_sets import new_split
from mgit.state.particle_columns import ParticleColumns, build_particles
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.series import Item

__all__ = [
    "Binding",
    "ItemVolumes",
    "bind_table",
    "particles_from",
    "read_particle_table",
    "volume_of",
]

Volume = tuple[tuple[float, float, float], float]
NAMES_SHOWN_MAX = 5


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


class ItemVolumes:
    """The items of a population by every name a table may call them."""

    def __init__(self, reader: Reader, *, sources: Sequence[str] = ()) -> None:
        self._by_name: dict[str, list[Item]] = {}
        population = Population(reader)
        chosen = [population.source(name) for name in sources] or population.sources()
        for source in chosen:
            for item in source.items():
                for name in {item.name, *item.aliases}:
                    self._by_name.setdefault(name, []).append(item)

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


def read_particle_table(
    path: Path,
    *,
    volumes: Mapping[str, Volume],
    coordinate_pixel_size_angstrom: float | None,
    trajectories: Path | None = None,
) -> ParticleTable:
    """Read a particle table of RELION or M, told apart by its columns.

    Raises NotFound when a file is absent, InvalidInput from the readers.
    """
    for file in (path, trajectories):
        if file is not None and not file.is_file():
            raise NotFound("no such file", file=file)
    content = path.read_bytes()
    if b"_wrpCoordinateX1" in content:
        from mgit.exchange.m_particles import read_particles as read_m_particles

        return read_m_particles(content, path.name)
    from mgit.exchange.relion_documents import project_path
    from mgit.exchange.relion_particles import read_particles

    motion = None
    if trajectories is not None:
        motion_content = trajectories.read_bytes()
        motion = Document(
            role="relion_trajectories",
            path=project_path(str(trajectories), content=motion_content),
            content=motion_content,
        )
    return read_particles(
        content,
        path=project_path(str(path), content=content),
        volumes=volumes,
        coordinate_pixel_size_angstrom=coordinate_pixel_size_angstrom,
        trajectories=motion,
    )


def bind_table(table: ParticleTable, volumes: ItemVolumes, *, ignore_unmatched: bool) -> Binding:
    """Find the item of every row.

    Raises InvalidInput when names match no item, unless those rows are to be left out.
    """
    names, codes = np.unique(np.asarray(table.item_names), return_inverse=True)
    found = [volumes.find(str(name)) for name in names]
    counts = np.bincount(codes, minlength=len(names))
    unmatched = {
        str(name): int(count)
        for name, item, count in zip(names, found, counts, strict=True)
        if item is None
    }
    if unmatched and (not ignore_unmatched or len(unmatched) == len(names)):
        shown = ", ".join(f"'{name}'" for name in list(unmatched)[:NAMES_SHOWN_MAX])
        known = ", ".join(f"'{name}'" for name in volumes.names()[:NAMES_SHOWN_MAX])
        raise InvalidInput(
            f"{sum(unmatched.values())} particles belong to {len(unmatched)} series that no source has",
            file=table.document.path,
            series=shown,
            known=known or "none",
            hint="add their source first, or leave these particles out with '--ignore-unmatched'",
        )
    bound = np.array([item is not None for item in found], dtype=bool)
    rows = np.flatnonzero(bound[codes])
    ids = [item.id if item is not None else "" for item in found]
    return Binding(
        rows=rows,
        item_ids=tuple(ids[code] for code in codes[rows]),
        items={item.id: item for item in found if item is not None},
        unmatched=unmatched,
    )


def particles_from(
    table: ParticleTable,
    binding: Binding,
    *,
    restart_split: bool,
    neighbour_radius_angstrom: float | None,
) -> ParticleColumns:
    """The canonical particle table of the bound rows.

    restart_split: make new half-sets, alternating in file order, where particles closer than
    `neighbour_radius_angstrom` share a half (rules of docs/math/half_sets.md).

    Raises InvalidInput when the table has no half-sets and no new ones were asked for.
    """
    rows = binding.rows
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
    )
