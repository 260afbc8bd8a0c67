"""Other readings of a table's coordinates: which there are, and what places say of them."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.curate.coordinate_rivals import coordinate_rivals, likely_pixel_sizes, series_rival
from mgit.digest import RawDigest
from mgit.state.particle_columns import build_particles

PIXEL, EXPORT = 2.0, 10.0
SIZE_PX = np.array([1000.0, 800.0, 300.0])
ITEM = SimpleNamespace(
    kind="tilt_series",
    attributes={
        "pixel_size_angstrom": repr(PIXEL),
        "volume_dimensions_angstrom": [repr(each * PIXEL) for each in SIZE_PX.tolist()],
    },
)
ITEMS = {"a" * 32: ITEM}
GROUP = {"image_pixel_size_angstrom": repr(EXPORT), "tilt_series_pixel_size_angstrom": repr(PIXEL)}


def facts(present=PIXEL):
    """Attributes of a RELION table whose coordinates count `present`, or nothing."""
    record = {"format": "relion_5_tomo", "optics_groups": [GROUP]}
    if present is not None:
        record["coordinate_pixel_size_angstrom"] = repr(present)
    return record


def placed(positions):
    """Particles at positions `(n, 3)` angstrom of the one item."""
    count = len(positions)
    return build_particles(
        RawDigest.of(b"table"),
        positions=np.asarray(positions, dtype=np.float64)[:, None, :],
        angles=np.zeros((count, 1, 3)),
        half_sets=np.ones(count, np.uint8),
        item_ids=("a" * 32,) * count,
    )


def spread(count, seed=0):
    """Places all over the volume, angstrom."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, (count, 3)) * SIZE_PX * PIXEL


def readings(true_positions, *, counted, present=PIXEL):
    """Rivals of a table whose coordinates count `counted`, read as if they counted `present`."""
    coordinates = true_positions / counted
    return coordinate_rivals(
        placed(coordinates * present),
        ITEMS,
        attributes=facts(present),
        map_pixel=None,
        reread=lambda size: (coordinates * size)[:, None, :],
    )


def test_pixels_of_series_images_and_map_are_likely_once_each_without_the_present_one():
    assert likely_pixel_sizes(facts(), ITEMS, map_pixel=None) == (EXPORT,)
    assert likely_pixel_sizes(facts(EXPORT), ITEMS, map_pixel=EXPORT * 1.001) == (PIXEL,)
    assert likely_pixel_sizes(facts(), ITEMS, map_pixel=4.0) == (4.0, EXPORT)
    assert likely_pixel_sizes(facts(None), ITEMS, map_pixel=4.0) == ()


def test_export_pixels_read_as_raw_ones_are_found_by_the_corner_they_fill():
    export, centred = readings(spread(20), counted=EXPORT)
    assert export.name == "coordinates in pixels of 10 A"
    assert export.remedy == "'--coordinate-pixel-size 10'"
    assert export.likelier
    assert export.outside == 0
    np.testing.assert_allclose(np.sort(export.positions[:, 0], 0), np.sort(spread(20), 0))
    assert not centred.likelier


@given(st.integers(8, 60), st.integers(0, 10_000))
def test_particles_spread_over_their_volumes_have_no_likelier_reading(count, seed):
    assert not any(each.likelier for each in readings(spread(count, seed), counted=PIXEL))


def test_a_few_particles_in_a_corner_are_no_evidence():
    assert not any(each.likelier for each in readings(spread(7), counted=EXPORT))


def test_a_cluster_that_the_rival_would_not_spread_stays_where_it_is():
    cluster = spread(30) * 0.05
    assert not any(each.likelier for each in readings(cluster, counted=PIXEL))


def test_a_reading_that_leaves_many_outside_loses_to_one_that_leaves_none():
    places = spread(40) * 0.35
    raw = readings(places, counted=PIXEL, present=EXPORT)[0]
    assert raw.name == "coordinates in pixels of 2 A"
    assert raw.likelier


@pytest.mark.parametrize("present", [PIXEL, None])
def test_centre_and_corner_are_asked_of_tables_of_relion_only(present):
    centre = SIZE_PX * PIXEL / 2
    shifted = spread(30) + (-centre if present else centre)
    record = facts(present)
    (*_, rival) = coordinate_rivals(
        placed(shifted),
        ITEMS,
        attributes=record,
        map_pixel=None,
        reread=lambda size: np.zeros((30, 1, 3)),
    )
    assert "of the tomogram" in rival.name
    assert rival.likelier
    others = coordinate_rivals(
        placed(shifted),
        ITEMS,
        attributes={**record, "format": "m_particles"},
        map_pixel=None,
        reread=lambda size: np.zeros((30, 1, 3)),
    )
    assert all("of the tomogram" not in each.name for each in others)


def test_without_known_volumes_nothing_is_said_of_places():
    blank = SimpleNamespace(kind="tilt_series", attributes={"pixel_size_angstrom": "2.0"})
    columns = placed(spread(20))
    found = coordinate_rivals(
        columns,
        {"a" * 32: blank},
        attributes=facts(),
        map_pixel=None,
        reread=lambda size: columns.positions,
    )
    assert [each.likelier for each in found] == [False]


def test_a_table_in_angstrom_that_knows_another_pixel_size_is_a_rival_of_its_series():
    columns = placed(spread(5))
    group = {**GROUP, "tilt_series_pixel_size_angstrom": "1.9"}
    rival = series_rival(columns, ITEMS, {**facts(None), "optics_groups": [group]})
    assert rival.pixel_size_angstrom == 1.9
    assert rival.scale == pytest.approx(0.95)
    centre = SIZE_PX * PIXEL / 2
    np.testing.assert_allclose(
        rival.positions - 0.95 * centre, columns.positions - centre, atol=1e-9
    )


@pytest.mark.parametrize(
    "attributes",
    [
        facts(None),
        facts(),
        {"format": "relion_5_tomo"},
        {**facts(None), "optics_groups": [GROUP, {**GROUP, **dict.fromkeys(GROUP, "1.9")}]},
    ],
)
def test_a_table_that_agrees_counts_pixels_or_is_of_two_minds_is_none(attributes):
    assert series_rival(placed(spread(5)), ITEMS, attributes) is None
