"""Summaries of whole populations."""

from mgit.survey.population import population_summary


def test_everything_is_counted(repository):
    found = population_summary(repository.snapshot("HEAD"))
    assert (found.name, found.items, found.particles) == ("toy", 2, 10)
    assert [each.name for each in found.sources] == ["grid"]


def test_an_empty_population_has_a_name_only(repository):
    found = population_summary(repository.snapshot("HEAD~2"))
    assert (found.name, found.sources, found.species) == ("toy", (), ())
