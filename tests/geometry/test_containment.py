import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.geometry.containment import contained, refuse_outside, seen_nowhere

IMAGE = (1000.0, 600.0)

#   0        50                        950  1000
#   +---------+-------------------------+----+  0
#   |         |   centres of whole      |    |
#   |         |   particles, d = 100    |    |
#   +---------+-------------------------+----+  600


@pytest.mark.parametrize(
    ("place", "inside"),
    [
        ((500, 300), True),
        ((50, 50), True),
        ((950, 550), True),
        ((49.9, 300), False),
        ((950.1, 300), False),
        ((500, 550.1), False),
        ((500, -10), False),
        ((np.nan, 300), False),
    ],
)
def test_a_particle_is_contained_up_to_its_radius_from_every_edge(place, inside):
    assert contained(np.array(place), IMAGE, diameter=100.0) == inside


def test_shapes_are_kept(rng):
    assert contained(rng.uniform(size=(4, 5, 2)), IMAGE, diameter=0.0).shape == (4, 5)


def test_particles_that_no_image_shows_are_found():
    inside = np.array([[True, False], [False, False], [False, True], [False, False]])
    assert seen_nowhere(inside).tolist() == [1, 3]


def test_particles_outside_are_named_and_the_item_too():
    inside = np.zeros((9, 3), dtype=bool)
    inside[0] = True
    names = [f"p{i}" for i in range(9)]
    with pytest.raises(InvalidState) as caught:
        refuse_outside(inside, names=names, item="TS_7", species="capsid")
    assert "8 of 9 particles lie outside every image: p1, p2, p3, p4, p5 and 3 more" in str(
        caught.value
    )
    assert caught.value.fields == {"species": "capsid", "item": "TS_7"}


def test_particles_seen_once_are_accepted():
    refuse_outside(np.array([[False, True]]), names=["p"], item="TS_7")
