"""Populations are self-made after the documented layout; no program wrote them."""

import pytest

from mgit.errors import InvalidInput
from mgit.exchange.m_population import MPopulation, read_population, write_population

GUIDS = [f"{digit * 8}-0000-0000-0000-000000000000" for digit in "123"]


def test_a_population_is_written_and_read_back():
    population = MPopulation(
        name="ribosomes & friends",
        species=((GUIDS[0], "species/a_1111/a.species"), (GUIDS[1], "species/b/b.species")),
        sources=((GUIDS[2], "warp/x.source"),),
    )
    content = write_population(population)
    again, document = read_population(content, "p.population")
    assert again == population
    assert (document.role, document.content) == ("m_population", content)


def test_a_hand_written_population_is_read():
    content = (
        '<?xml version="1.0" encoding="utf-8"?>\r\n<Population>\r\n'
        '\t<Param Name="Name" Value="p" />\r\n\t<Species>\r\n'
        f'\t\t<Species GUID="{GUIDS[0].upper()}" Path="s\\a.species" />\r\n\t</Species>\r\n'
        '\t<Sources />\r\n\t<LastRefinementOptions><Param Name="NIterations" Value="3" />'
        "</LastRefinementOptions>\r\n</Population>"
    ).encode()
    population, _ = read_population(content, "p")
    assert population.species == ((GUIDS[0], "s\\a.species"),)
    assert population.sources == ()


def test_a_truncated_population_is_refused():
    content = write_population(MPopulation(name="p", species=((GUIDS[0], "a"),)))
    for cut in range(len(content) - 1):
        with pytest.raises(InvalidInput):
            read_population(content[:cut], "p")


def test_a_population_needs_a_name():
    with pytest.raises(InvalidInput, match="Name"):
        read_population(b"<Population/>", "p")
