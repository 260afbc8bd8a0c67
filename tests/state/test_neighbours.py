import numpy as np
import pytest

from mgit.state import neighbours
from mgit.state.neighbours import connected_groups, neighbour_pairs


def brute_force(points_a, groups_a, points_b, groups_b, distance):
    offsets = points_a[:, None] - points_b[None]
    lengths = np.sqrt((offsets**2).sum(axis=-1))
    close = (lengths <= distance) & (groups_a[:, None] == groups_b[None])
    return np.argwhere(close)


def pairs(points_a, groups_a, points_b, groups_b, distance):
    found = neighbour_pairs(points_a, groups_a, points_b, groups_b, distance=distance)
    return np.stack([found.first, found.second], axis=1)


@pytest.mark.parametrize("distance", [0.5, 3.0, 30.0, 1000.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_pairs_are_those_of_an_exhaustive_search(distance, seed):
    random = np.random.default_rng(seed)
    points_a = random.uniform(-50, 50, (80, 3))
    points_b = random.uniform(-50, 50, (60, 3))
    points_b[:5] = points_a[:5]
    groups_a, groups_b = random.integers(0, 3, 80), random.integers(0, 3, 60)
    arguments = (points_a, groups_a, points_b, groups_b, distance)
    np.testing.assert_array_equal(pairs(*arguments), brute_force(*arguments))


def test_distances_belong_to_their_pairs():
    points = np.array([[0.0, 0, 0], [3, 4, 0], [0, 0, 7]])
    found = neighbour_pairs(points, np.zeros(3, int), points, np.zeros(3, int), distance=6)
    table = {
        (int(i), int(j)): length
        for i, j, length in zip(found.first, found.second, found.distance, strict=True)
    }
    assert table == {(0, 0): 0, (1, 1): 0, (2, 2): 0, (0, 1): 5, (1, 0): 5}


def test_a_pair_exactly_at_the_distance_is_found():
    """The cells' edges fall on the points here: 0.1 * 3 is not 0.3."""
    points = np.arange(50)[:, None] * np.array([[0.1, 0, 0]])
    zero = np.zeros(50, int)
    found = pairs(points, zero, points, zero, 0.1)
    np.testing.assert_array_equal(found, brute_force(points, zero, points, zero, 0.1))


def test_a_tiny_distance_in_a_huge_volume_does_not_overflow():
    points = np.array([[0.0, 0, 0], [1e15, 1e15, 1e15], [1e15, 1e15, 1e15]])
    zero = np.zeros(3, int)
    assert len(pairs(points, zero, points, zero, 1e-3)) == 5


def test_runs_of_candidates_are_bounded(monkeypatch):
    monkeypatch.setattr(neighbours, "CANDIDATES_AT_ONCE", 7)
    random = np.random.default_rng(0)
    points = random.uniform(0, 10, (40, 3))
    zero = np.zeros(40, int)
    found = pairs(points, zero, points, zero, 5.0)
    np.testing.assert_array_equal(found, brute_force(points, zero, points, zero, 5.0))


def test_without_points_there_are_no_pairs():
    none, some = np.empty((0, 3)), np.zeros((2, 3))
    zero = np.zeros(2, int)
    assert len(neighbour_pairs(none, zero[:0], some, zero, distance=1)) == 0
    assert len(neighbour_pairs(some, zero, none, zero[:0], distance=1)) == 0


@pytest.mark.parametrize("distance", [0.0, -1.0, float("nan"), float("inf")])
def test_a_distance_is_positive_and_finite(distance):
    with pytest.raises(ValueError, match="distance"):
        neighbour_pairs(
            np.zeros((1, 3)),
            np.zeros(1, int),
            np.zeros((1, 3)),
            np.zeros(1, int),
            distance=distance,
        )


def test_a_chain_is_one_group_and_strangers_are_their_own():
    order = np.random.default_rng(0).permutation(200)
    labels = connected_groups(203, order[:-1], order[1:])
    assert set(labels[:200].tolist()) == {0}
    assert labels[200:].tolist() == [200, 201, 202]


def test_groups_do_not_depend_on_the_direction_of_pairs():
    first, second = np.array([5, 3]), np.array([3, 1])
    assert connected_groups(6, first, second).tolist() == [0, 1, 2, 1, 4, 1]
    assert connected_groups(6, second, first).tolist() == [0, 1, 2, 1, 4, 1]


def test_nothing_has_no_groups():
    none = np.empty(0, int)
    assert connected_groups(0, none, none).tolist() == []
