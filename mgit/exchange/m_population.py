"""M's `.population`: which species and data sources belong together."""

from dataclasses import dataclass

from mgit.exchange.m_params import Reference, open_params, references, render
from mgit.exchange.records import Document

__all__ = ["MPopulation", "read_population", "write_population"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MPopulation:
    """Name and members. Paths are relative to the population file."""

    name: str
    species: tuple[Reference, ...] = ()
    """(GUID, path of the .species file)."""
    sources: tuple[Reference, ...] = ()
    """(GUID, path of the .source file)."""


def read_population(content: bytes, path: str) -> tuple[MPopulation, Document]:
    """Read a population file. Raises InvalidInput, naming file and node."""
    params = open_params(content, path, "Population")
    population = MPopulation(
        name=params.text("Name"),
        species=references(params.document, "Species", "Species", "Path"),
        sources=references(params.document, "Sources", "Source", "Path"),
    )
    return population, Document(role="m_population", path=path, content=content)


def write_population(population: MPopulation) -> bytes:
    """A new population file."""
    return render(
        "Population",
        {"Name": population.name},
        (
            ("Species", "Species", [{"GUID": g, "Path": p} for g, p in population.species]),
            ("Sources", "Source", [{"GUID": g, "Path": p} for g, p in population.sources]),
        ),
    )
