"""Particle tables in a tree: written whole, read column by column."""

from dataclasses import dataclass, field

import numpy as np

from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.names import component
from mgit.state.particle_columns import Column, ParticleColumns
from mgit.state.protocol import Reader, Writer
from mgit.state.strings import StringColumn, is_strings, read_strings, write_strings

__all__ = ["StoredParticles", "read_particles", "write_particles"]

PARTICLES = "particles"
PASSTHROUGH = "columns"
_PASSTHROUGH_KINDS = "biuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredParticles:
    """A particle table of a tree; columns are read when asked for."""

    reader: Reader = field(repr=False)
    path: str
    """Path of the group of columns."""

    def __len__(self) -> int:
        return int(self.reader.array(f"{self.path}/id").shape[0])

    def names(self) -> tuple[str, ...]:
        """Names of its canonical columns, sorted."""
        return tuple(each for each in self.reader.children(self.path) if each != PASSTHROUGH)

    def column(self, name: str) -> Column:
        """A canonical column. Raises NotFound."""
        node = f"{self.path}/{name}"
        if name == PASSTHROUGH or not self.reader.exists(node):
            raise NotFound("the particle table has no such column", column=name)
        return _read_column(self.reader, node)

    def passthrough_names(self) -> tuple[str, ...]:
        """Foreign names of its pass-through columns, sorted."""
        return tuple(sorted(self._passthrough_nodes()))

    def passthrough(self, name: str) -> Column:
        """The pass-through column with this foreign name. Raises NotFound."""
        return _read_column(self.reader, self.passthrough_node(name))

    def passthrough_node(self, name: str) -> str:
        """Path of the pass-through column with this foreign name. Raises NotFound."""
        nodes = self._passthrough_nodes()
        if name not in nodes:
            raise NotFound("the particle table has no such pass-through column", column=name)
        return nodes[name]

    def node(self, name: str) -> str:
        """Path of the canonical or else pass-through column called `name`. Raises NotFound."""
        if name in self.names():
            return f"{self.path}/{name}"
        nodes = self._passthrough_nodes()
        if name not in nodes:
            raise NotFound("the particle table has no such column", column=name)
        return nodes[name]

    def load(self) -> ParticleColumns:
        """The whole table. Raises Corrupt if what is stored breaks an invariant."""
        found = {name: self.column(name) for name in self.names()}
        try:
            return ParticleColumns(
                id=_array(found["id"]),
                item=_strings(found["item"]),
                positions=_array(found["position"]),
                angles=_array(found["angles"]),
                half_set=_array(found["half_set"]),
                source_table=_strings(found["source_table"]),
                source_row=_array(found["source_row"]),
                trajectory=_array(found["trajectory"]) if "trajectory" in found else None,
                passthrough={
                    name: _read_column(self.reader, node)
                    for name, node in sorted(self._passthrough_nodes().items())
                },
            )
        except KeyError as error:
            raise Corrupt("a particle table lacks a column", path=self.path) from error
        except InvalidState as error:
            raise Corrupt(f"a particle table is not valid: {error}", path=self.path) from error

    def _passthrough_nodes(self) -> dict[str, str]:
        root = f"{self.path}/{PASSTHROUGH}"
        if not self.reader.exists(root):
            return {}
        nodes = [f"{root}/{each}" for each in self.reader.children(root)]
        return {str(self.reader.attributes(node).get("name")): node for node in nodes}


def _read_column(reader: Reader, node: str) -> Column:
    return read_strings(reader, node) if is_strings(reader, node) else reader.array(node).read()


def _array(column: Column) -> np.ndarray:
    if isinstance(column, StringColumn):
        raise InvalidState("a column of numbers is stored as text")
    return column


def _strings(column: Column) -> StringColumn:
    if not isinstance(column, StringColumn):
        raise InvalidState("a column of text is stored as numbers")
    return column


def read_particles(reader: Reader, species: str) -> StoredParticles:
    """The particle table of the species at path `species`. Raises NotFound."""
    path = f"{species}/{PARTICLES}"
    if not reader.exists(path):
        raise NotFound("the species has no particle table", path=species)
    return StoredParticles(reader=reader, path=path)


def write_particles(writer: Writer, species: str, columns: ParticleColumns) -> None:
    """Create or replace the particle table of the species at path `species`.

    Raises InvalidState, before anything is written, if a pass-through column is neither text nor
    a one-dimensional array of numbers.
    """
    for name, column in columns.passthrough.items():
        if isinstance(column, np.ndarray) and column.dtype.kind not in _PASSTHROUGH_KINDS:
            raise InvalidState(f"a pass-through column is {column.dtype}", column=name)
    path = f"{species}/{PARTICLES}"
    if writer.exists(path):
        writer.remove(path)
    writer.set_attributes(path, {})
    for name, column in columns.columns().items():
        _write_column(writer, f"{path}/{name}", column, {})
    for name, column in sorted(columns.passthrough.items()):
        node = f"{path}/{PASSTHROUGH}/{component(name)}"
        _write_column(writer, node, column, {"name": name})


def _write_column(writer: Writer, node: str, column: Column, attributes: dict[str, str]) -> None:
    if isinstance(column, StringColumn):
        write_strings(writer, node, column, attributes=attributes)
    else:
        writer.set_array(node, np.ascontiguousarray(column), attributes=attributes)
