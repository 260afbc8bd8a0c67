import pytest

from mgit.errors import NotFound
from mgit.state.population import Counts, Population
from mgit.state.source import write_source
from mgit.testing.memory import MemoryTree


@pytest.fixture
def population(tree, species_path):
    return Population(tree)


def test_a_population_has_a_name(population):
    assert population.name == "demo"
    assert Population(MemoryTree()).name == ""


def test_sources_and_species_come_by_name(population, tree):
    write_source(tree, "a grid", kind="tilt_series")
    assert [each.name for each in population.sources()] == ["a grid", "grid"]
    assert [each.name for each in population.species()] == ["ribosome"]


def test_counts_are_counted(population):
    assert population.counts() == Counts(sources=1, items=2, species=1, particles=10)


def test_an_empty_tree_is_an_empty_population():
    empty = Population(MemoryTree())
    assert empty.counts() == Counts(sources=0, items=0, species=0, particles=0)
    assert list(empty.items()) == []


def test_everything_is_found_by_name(population):
    assert population.source("grid").name == "grid"
    assert population.one_species("ribosome").name == "ribosome"
    assert population.item("grid", "TS_02").name == "TS_02"


@pytest.mark.parametrize(
    "find",
    [
        lambda population: population.source("gird"),
        lambda population: population.one_species("ribsome"),
        lambda population: population.item("grid", "TS_03"),
    ],
)
def test_what_is_not_there_gets_a_hint(population, find):
    with pytest.raises(NotFound) as missing:
        find(population)
    assert missing.value.hint.startswith("did you mean")


def test_an_item_is_found_by_its_id(population):
    item = population.item("grid", "TS_02")
    assert population.item_by_id(item.id).path == item.path
    assert population.items_by_id()[item.id].path == item.path
    assert len(population.items_by_id()) == 2
    with pytest.raises(NotFound, match="no item has this id"):
        population.item_by_id("0" * 32)
