"""What a population holds: lists of its sources and species with their counts."""

from dataclasses import dataclass

from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.survey.source import SourceSummary, source_summary
from mgit.survey.species import SpeciesSummary, species_summary

__all__ = ["PopulationSummary", "population_summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationSummary:
    """A whole population at a glance."""

    name: str
    sources: tuple[SourceSummary, ...]
    species: tuple[SpeciesSummary, ...]

    @property
    def items(self) -> int:
        """Series of all sources."""
        return sum(len(each.items) for each in self.sources)

    @property
    def particles(self) -> int:
        """Particles of all species."""
        return sum(each.particles for each in self.species)


def population_summary(reader: Reader) -> PopulationSummary:
    """Summarise a tree: every source and species, by name."""
    population = Population(reader)
    return PopulationSummary(
        name=population.name,
        sources=tuple(source_summary(each) for each in population.sources()),
        species=tuple(species_summary(each) for each in population.species()),
    )
