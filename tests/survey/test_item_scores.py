"""Scores of items: what became of them, and how series stand."""

import pytest

from mgit.state.item_scores import ItemScore, write_item_scores
from mgit.state.source import read_source
from mgit.state.species import read_species
from mgit.survey.difference import tree_difference
from mgit.survey.item_scores import score_counts, scores_by_item, standing
from mgit.survey.source import source_summary
from tests.survey.populations import FIRST, SECOND, SOURCE, SPECIES, add_species, commit


def item_id(repository, path):
    return repository.snapshot("HEAD").attributes(path)["id"]


def score(before, after, particles=5):
    return ItemScore(before=before, after=after, particles=particles)


def record(repository, first, second, species=SPECIES):
    """Commit scores (before, after) of the two series."""
    found = {
        item_id(repository, FIRST): score(*first),
        item_id(repository, SECOND): score(*second),
    }
    commit(repository, lambda writer: write_item_scores(writer, species, found))


def scores(repository, old, new, yardstick):
    trees = repository.snapshot(old), repository.snapshot(new)
    (species,) = tree_difference(*trees, yardstick=yardstick).species
    return species.scores


def test_a_step_is_measured_against_one_reference(repository):
    record(repository, (10.0, 12.0), (11.0, 10.5))
    record(repository, (20.0, 21.0), (25.0, 20.0))
    found = scores(repository, "HEAD~1", "HEAD", "refinement")
    assert [(each.item, each.change) for each in found.items] == [("TS_02", -5.0), ("TS_01", 1.0)]
    assert (found.better, found.worse, found.yardstick) == (1, 1, "refinement")
    assert found.items[0].source == "grid"
    assert found.items[0].particles == 5


def test_revisions_further_apart_are_measured_each_on_its_own(repository):
    record(repository, (10.0, 12.0), (11.0, 10.5))
    record(repository, (20.0, 21.0), (25.0, 20.0))
    found = scores(repository, "HEAD~1", "HEAD", "revisions")
    assert [(each.item, each.change) for each in found.items] == [("TS_01", 9.0), ("TS_02", 9.5)]
    assert found.yardstick == "revisions"


def test_without_earlier_scores_the_last_refinement_counts(repository):
    record(repository, (10.0, 12.0), (11.0, 10.5))
    found = scores(repository, "HEAD~1", "HEAD", "revisions")
    assert found.yardstick == "refinement"
    assert [each.change for each in found.items] == [-0.5, 2.0]
    assert scores(repository, "HEAD", "HEAD~1", "revisions") is None  # the later tree has none


def test_the_same_scores_are_no_change(repository):
    from tests.survey.populations import move_particles

    record(repository, (10.0, 12.0), (11.0, 10.5))
    commit(repository, move_particles())
    assert scores(repository, "HEAD~1", "HEAD", "refinement") is None


def test_a_series_that_is_gone_goes_by_its_id(repository):
    record(repository, (10.0, 12.0), (11.0, 10.5))
    gone = item_id(repository, SECOND)
    commit(repository, lambda writer: writer.remove(SECOND))
    found = scores(repository, "HEAD~2", "HEAD", "refinement")
    assert found.items[0].item == gone


def test_series_are_summarised_with_their_scores_worst_first(repository):
    record(repository, (10.0, 12.0), (11.0, 10.5))
    tree = repository.snapshot("HEAD")
    items = source_summary(read_source(tree, SOURCE)).items
    assert [each.name for each in items] == ["TS_02", "TS_01"]
    assert items[0].scores == {"ribosome": score(11.0, 10.5)}
    counts = score_counts(read_species(tree, SPECIES))
    assert (counts.items, counts.better, counts.worse) == (2, 1, 1)
    assert counts.median_after == pytest.approx(11.25)


def test_a_series_stands_where_its_worst_species_stands(repository):
    from mgit.state.names import species_path

    commit(repository, lambda writer: add_species(writer, "virus"))
    record(repository, (1.0, 1.0), (2.0, 2.0))
    record(repository, (90.0, 90.0), (80.0, 80.0), species=species_path("virus"))
    first, second = (item_id(repository, each) for each in (FIRST, SECOND))
    found = scores_by_item(repository.snapshot("HEAD"))
    assert set(found[first]) == {"ribosome", "virus"}
    assert standing(found) == {first: 0.0, second: 0.0}
    assert standing({first: {"a": score(1, 1)}, second: {"a": score(1, 2)}}) == {
        first: 0.0,
        second: 0.5,
    }
