"""The population of a tree: its sources and species."""

from collections.abc import Iterator
from dataclasses import dataclass

from mgit.errors import NotFound
from mgit.state.names import SOURCES, SPECIES, find_item, find_source, find_species
from mgit.state.protocol import Reader
from mgit.state.series import Item, read_item
from mgit.state.source import Source, read_source
from mgit.state.species import Species, read_species

__all__ = ["Counts", "Population"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much a population holds."""

    sources: int
    items: int
    species: int
    particles: int


@dataclass(frozen=True, slots=True)
class Population:
    """A frozen view of a whole tree; everything below it is read when asked for."""

    reader: Reader

    @property
    def name(self) -> str:
        """Name of the population; empty for a tree without one."""
        return str(self.reader.attributes("").get("name", ""))

    def sources(self) -> tuple[Source, ...]:
        """Its sources, by name."""
        found = [read_source(self.reader, path) for path in _below(self.reader, SOURCES)]
        return tuple(sorted(found, key=lambda each: each.name))

    def species(self) -> tuple[Species, ...]:
        """Its species, by name."""
        found = [read_species(self.reader, path) for path in _below(self.reader, SPECIES)]
        return tuple(sorted(found, key=lambda each: each.name))

    def source(self, name: str) -> Source:
        """The source called `name`. Raises NotFound with similar names as hint."""
        return read_source(self.reader, find_source(self.reader, name))

    def one_species(self, name: str) -> Species:
        """The species called `name`. Raises NotFound with similar names as hint."""
        return read_species(self.reader, find_species(self.reader, name))

    def item(self, source: str, name: str) -> Item:
        """The item called `name` of the source called `source`. Raises NotFound with a hint."""
        return read_item(self.reader, find_item(self.reader, source, name))

    def items(self) -> Iterator[Item]:
        """The items of all sources, source by source, one at a time."""
        for source in self.sources():
            yield from source.items()

    def item_by_id(self, identity: str) -> Item:
        """The item with this permanent id (32 hexadecimal digits). Raises NotFound."""
        for item in self.items():
            if item.id == identity:
                return item
        raise NotFound("no item has this id", id=identity)

    def items_by_id(self) -> dict[str, Item]:
        """All items by permanent id: for callers that look up more than one."""
        return {item.id: item for item in self.items()}

    def counts(self) -> Counts:
        """Numbers of sources, items, species and particles; reads no array."""
        sources, species = self.sources(), self.species()
        return Counts(
            sources=len(sources),
            items=sum(each.item_count() for each in sources),
            species=len(species),
            particles=sum(len(each.particles) for each in species),
        )


def _below(reader: Reader, room: str) -> list[str]:
    if not reader.exists(room):
        return []
    return [f"{room}/{child}" for child in reader.children(room)]
