"""Scores of items among the metrics of a species."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.digest import canonical_bytes
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.digests import species_state
from mgit.state.item_scores import (
    ItemScore,
    item_scores_record,
    read_item_scores,
    write_item_scores,
)
from mgit.state.species import read_species, set_metrics
from mgit.testing.memory import MemoryTree

from .test_species import write

A, B = "a" * 32, "b" * 32
SCORES = {
    B: ItemScore(before=12.5, after=11.25, particles=40),
    A: ItemScore(before=3.0, after=4.0, particles=0),
}
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCORE = st.builds(ItemScore, before=FINITE, after=FINITE, particles=st.integers(0, 2**62))


def test_scores_are_read_as_they_were_written_in_the_order_of_ids(tree, species_path):
    write_item_scores(tree, species_path, SCORES)
    found = read_item_scores(tree, species_path)
    assert found == SCORES
    assert list(found) == [A, B]
    assert [found[each].change for each in (A, B)] == [1.0, -1.25]


@given(scores=st.dictionaries(st.text("0123456789abcdef", min_size=32, max_size=32), SCORE))
def test_reading_returns_the_bits_of_any_scores(scores):
    tree = MemoryTree()
    path = write(tree)
    write_item_scores(tree, path, scores)
    assert read_item_scores(tree, path) == scores


def test_other_metrics_stay_with_their_attributes(tree, species_path):
    curve = np.array([1.0, 0.5])
    set_metrics(tree, species_path, {"fsc": (curve, {"unit": "1"})})
    write_item_scores(tree, species_path, SCORES)
    kept = read_species(tree, species_path).metrics()["fsc"]
    assert kept.read().tolist() == curve.tolist()
    assert kept.attributes == {"unit": "1"}


def test_new_scores_replace_all_old_ones_and_none_removes_them(tree, species_path):
    set_metrics(tree, species_path, {"fsc": (np.array([1.0, 0.5]), {})})
    write_item_scores(tree, species_path, SCORES)
    write_item_scores(tree, species_path, {A: SCORES[A]})
    assert read_item_scores(tree, species_path) == {A: SCORES[A]}
    write_item_scores(tree, species_path, {})
    assert read_item_scores(tree, species_path) == {}
    assert list(read_species(tree, species_path).metrics()) == ["fsc"]


def test_a_species_without_scores_has_none(tree, species_path):
    assert read_item_scores(tree, species_path) == {}
    with pytest.raises(NotFound):
        read_item_scores(tree, "species/none-00000000")


def test_scores_are_outside_the_state_digest(tree, species_path):
    before = species_state(tree, species_path)
    write_item_scores(tree, species_path, SCORES)
    assert species_state(tree, species_path) == before


@pytest.mark.parametrize(
    "wrong", [{"before": float("nan")}, {"after": float("inf")}, {"particles": -1}]
)
def test_a_score_is_finite_and_counts(wrong):
    with pytest.raises(InvalidState):
        ItemScore(**{"before": 1.0, "after": 1.0, "particles": 1, **wrong})


def broken(**changes):
    arrays = {
        "item_score": (np.array([1.0, 2.0]), {"items": [A, B]}),
        "item_score_before": (np.array([1.0, 2.0]), {}),
        "item_particles": (np.array([1, 2]), {}),
        **changes,
    }
    return {name: pair for name, pair in arrays.items() if pair is not None}


@pytest.mark.parametrize(
    "metrics",
    [
        broken(item_particles=None),
        broken(item_score=None),
        broken(item_score=(np.array([1.0, 2.0]), {})),
        broken(item_score=(np.array([1.0, 2.0]), {"items": [A]})),
        broken(item_score=(np.array([1.0, 2.0]), {"items": [A, 7]})),
        broken(item_score=(np.array([1.0, 2.0]), {"items": [B, A]})),
        broken(item_score=(np.array([1.0, 2.0]), {"items": [A, A]})),
        broken(item_score_before=(np.array([1.0]), {})),
        broken(item_score_before=(np.array([[1.0, 2.0]]), {})),
        broken(item_particles=(np.array([1.0, 2.0]), {})),
        broken(item_particles=(np.array([1, -2]), {})),
    ],
)
def test_scores_that_do_not_fit_each_other_are_corrupt(tree, species_path, metrics):
    set_metrics(tree, species_path, metrics)
    with pytest.raises(Corrupt):
        read_item_scores(tree, species_path)


def test_provenance_holds_scores_as_decimals():
    record = item_scores_record({B: ItemScore(before=np.float64(0.1), after=2, particles=3)})
    assert record == {B: {"before": "0.1", "after": "2.0", "particles": 3}}
    canonical_bytes(item_scores_record(SCORES))  # refuses floats
