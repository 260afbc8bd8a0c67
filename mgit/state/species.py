"""Species: one kind of particle each, with its maps, network and particles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mgit.digest import StateDigest
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.documents import write_document
from mgit.state.names import check_component, species_path
from mgit.state.particle_columns import ParticleColumns
from mgit.state.particle_table import StoredParticles, read_particles, write_particles
from mgit.state.protocol import ArrayHandle, Attributes, Reader, Writer
from mgit.state.schema import (
    SPECIES_ARRAYS,
    SPECIES_ATTRIBUTES,
    canonical_attributes,
    validate_species,
)
from mgit.state.series import ArrayAndAttributes, ForeignDocument, parse_state

__all__ = [
    "Species",
    "read_species",
    "set_maps",
    "set_metrics",
    "set_network",
    "set_particles",
    "update_species_attributes",
    "write_species",
]

NETWORK = "denoiser"
METRICS = "metrics"
MAPS = tuple(each.name for each in SPECIES_ARRAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Species:
    """A frozen view of one species of a tree; maps and particles are read when asked for."""

    reader: Reader = field(repr=False)
    path: str
    name: str
    attributes: Attributes = field(repr=False)
    inputs: tuple[StateDigest, ...] = field(repr=False)
    state: StateDigest | None
    """The sealed state digest; None while the species has never been sealed."""

    @property
    def particles(self) -> StoredParticles:
        """Its particle table, not yet read."""
        return read_particles(self.reader, self.path)

    def flag(self, name: str) -> bool:
        """An attribute that is a flag, e.g. 'needs_reconstruction'; absent means false."""
        return bool(self.attributes.get(name, False))

    def number(self, name: str) -> float | None:
        """An attribute that is a decimal, e.g. 'diameter_angstrom', or None if absent."""
        text = self.attributes.get(name)
        return None if text is None else float(text)

    def map_names(self) -> tuple[str, ...]:
        """Which of half_map_1, half_map_2, reference and mask it has."""
        return tuple(name for name in MAPS if self.reader.exists(f"{self.path}/{name}"))

    def map(self, name: str) -> ArrayHandle:
        """One of its maps, not yet read. Raises NotFound."""
        if name not in self.map_names():
            raise NotFound("the species has no such map", species=self.name, map=name)
        return self.reader.array(f"{self.path}/{name}")

    def network(self) -> dict[str, ArrayHandle]:
        """Parameters of its denoising network by name, not yet read; empty without a network."""
        return _arrays_below(self.reader, f"{self.path}/{NETWORK}")

    def metrics(self) -> dict[str, ArrayHandle]:
        """Curves and figures of merit by name (e.g. 'fsc'), not yet read."""
        return _arrays_below(self.reader, f"{self.path}/{METRICS}")


def _arrays_below(reader: Reader, root: str) -> dict[str, ArrayHandle]:
    if not reader.exists(root):
        return {}
    return {name: reader.array(f"{root}/{name}") for name in reader.children(root)}


def read_species(reader: Reader, path: str) -> Species:
    """The species at `path`. Raises NotFound, or Corrupt if its attributes are malformed."""
    record = reader.attributes(path)
    if "name" not in record:
        raise Corrupt("the attributes of a species are malformed", path=path)
    state = record.get("state")
    return Species(
        reader=reader,
        path=path,
        name=record["name"],
        attributes=record,
        inputs=tuple(parse_state(each, path=path) for each in record.get("inputs", ())),
        state=None if state is None else parse_state(state, path=path),
    )


def write_species(
    writer: Writer,
    name: str,
    *,
    attributes: Mapping[str, Any],
    particles: ParticleColumns,
    half_maps: tuple[np.ndarray, np.ndarray] | None = None,
    reference: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    documents: Sequence[ForeignDocument] = (),
) -> str:
    """Create the species or replace all of it; returns its path.

    half_maps, reference, mask: `(z, y, x)` float32, equal cubes.

    Raises InvalidState, before anything is written, if a part breaks the schema, another name has
    the same path, or half-maps and reference are both missing although the attributes do not say
    `needs_reconstruction`.
    """
    path = species_path(name)
    maps = _given_maps(half_maps, reference, mask)
    validate_species(maps, owner=name)
    if half_maps is None and reference is None and not attributes.get("needs_reconstruction"):
        raise InvalidState(
            "a species has neither half-maps nor a reference",
            species=name,
            hint="give two half-maps, or one reference",
        )
    record = canonical_attributes(
        {**attributes, "name": name, "inputs": []}, SPECIES_ATTRIBUTES, owner=name
    )
    _check_applied(record, particles, owner=name)
    if writer.exists(path):
        other = read_species(writer, path).name
        if other != name:
            raise InvalidState("two names have the same path", species=name, other=other)
        writer.remove(path)
    writer.set_attributes(path, record)
    _write_maps(writer, path, maps)
    write_particles(writer, path, particles)
    for each in documents:
        write_document(writer, path, role=each.role, path=each.path, content=each.content)
    return path


def _check_applied(record: Attributes, particles: ParticleColumns, *, owner: str) -> None:
    for column in record.get("applied_columns", ()):
        if column not in particles.passthrough:
            raise InvalidState(
                "the particle table lacks a column that is applied", species=owner, column=column
            )


def _given_maps(
    half_maps: tuple[np.ndarray, np.ndarray] | None,
    reference: np.ndarray | None,
    mask: np.ndarray | None,
) -> dict[str, np.ndarray]:
    first, second = half_maps if half_maps is not None else (None, None)
    maps = {"half_map_1": first, "half_map_2": second, "reference": reference, "mask": mask}
    return {name: values for name, values in maps.items() if values is not None}


def _write_maps(writer: Writer, path: str, maps: Mapping[str, np.ndarray]) -> None:
    for name, values in maps.items():
        writer.set_array(f"{path}/{name}", values, layout="volume")


def set_maps(
    writer: Writer,
    path: str,
    *,
    half_maps: tuple[np.ndarray, np.ndarray] | None = None,
    reference: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> None:
    """Replace the maps that are given, keep the others. Halves come in pairs.

    Raises InvalidState, before anything is written, unless all maps remain equal cubes.
    """
    species = read_species(writer, path)
    maps = _given_maps(half_maps, reference, mask)
    validate_species(maps, owner=species.name)
    shapes = {name: species.map(name).shape for name in species.map_names() if name not in maps}
    edges = {**shapes, **{name: values.shape for name, values in maps.items()}}
    if len(set(edges.values())) > 1:
        listed = ", ".join(f"{name} {shape[0]}" for name, shape in sorted(edges.items()))
        raise InvalidState("the maps of a species differ in size", species=species.name, px=listed)
    _write_maps(writer, path, maps)


def set_particles(writer: Writer, path: str, columns: ParticleColumns) -> None:
    """Replace the particle table of the species at `path`. Raises InvalidState."""
    species = read_species(writer, path)
    _check_applied(species.attributes, columns, owner=species.name)
    write_particles(writer, path, columns)


def set_network(writer: Writer, path: str, parameters: Mapping[str, np.ndarray] | None) -> None:
    """Replace all parameters of the denoising network of the species at `path`; None removes it.

    Raises InvalidState for values that are not finite or names outside `[A-Za-z0-9._-]{1,64}`.
    """
    pairs: dict[str, ArrayAndAttributes] = {
        name: (values, {}) for name, values in (parameters or {}).items()
    }
    _replace_room(writer, path, NETWORK, pairs)


def set_metrics(writer: Writer, path: str, metrics: Mapping[str, ArrayAndAttributes]) -> None:
    """Replace curves and figures of merit (e.g. 'fsc') of the species at `path`.

    They can be computed again from the rest, so the state digest does not cover them.
    """
    _replace_room(writer, path, METRICS, metrics)


def _replace_room(
    writer: Writer, path: str, room: str, arrays: Mapping[str, ArrayAndAttributes]
) -> None:
    owner = read_species(writer, path).name
    for name, (values, _) in arrays.items():
        check_component(name)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InvalidState("an array holds values that are not finite", owner=owner, array=name)
    if writer.exists(f"{path}/{room}"):
        writer.remove(f"{path}/{room}")
    for name, (values, attributes) in sorted(arrays.items()):
        writer.set_array(f"{path}/{room}/{name}", values, attributes=attributes)


def update_species_attributes(writer: Writer, path: str, changes: Mapping[str, Any]) -> None:
    """Replace attributes of the species at `path`, flags and decimals alike; None removes one.

    Raises InvalidState for a name, state or inputs, which have functions of their own.
    """
    species = read_species(writer, path)
    for name in ("name", "state", "inputs"):
        if name in changes:
            raise InvalidState(
                "an attribute cannot be set directly", species=species.name, attribute=name
            )
    record = {**species.attributes, **changes}
    writer.set_attributes(
        path, canonical_attributes(record, SPECIES_ATTRIBUTES, owner=species.name)
    )
