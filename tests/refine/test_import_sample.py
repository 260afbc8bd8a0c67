"""The sample of an import check is bounded, spread, and the same every time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.curate.migrations import mirror_item_arrays, scale_item_arrays
from mgit.refine.import_sample import (
    GEOMETRY_AS_IMPORTED,
    Interpretation,
    Limits,
    few_series,
    grid_of,
    seen,
    series_of,
    spread_rows,
    supplied_map,
)
from mgit.refine.plan import bind, plan_reconstruction
from tests.refine.checked_populations import checked_population, digested


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The plan of a simulated species with a map, and its bound files."""
    repository = checked_population(tmp_path_factory.mktemp("sample"))
    (found,) = plan_reconstruction(repository.snapshot("HEAD"))
    return found, bind([found], digested(repository), advance=lambda _files: None)


def test_the_series_with_most_particles_are_kept(plan):
    found, _ = plan
    part = found.parts[0]
    small = replace(part, rows=part.rows[:2], item=replace(part.item, path="sources/x/items/y"))
    both = replace(found, parts=(small, part))
    assert few_series(both, Limits(series=1)).parts == (part,)
    assert few_series(both, Limits(series=2)).parts == (small, part)


def test_the_map_is_brought_to_a_small_grid_of_the_same_field(plan):
    found, _ = plan
    density, mask, pixel = supplied_map(found, Limits(box=16))
    assert density.shape == (16, 16, 16)
    assert mask is None
    before = found.grid.box * found.grid.pixel_size_angstrom
    assert 16 * pixel == pytest.approx(min(before, 2 * found.grid.diameter_angstrom), rel=0.1)
    grid = grid_of(found, density, pixel)
    assert (grid.box, grid.diameter_angstrom) == (16, found.grid.diameter_angstrom)
    assert supplied_map(found, Limits())[2] == pytest.approx(found.grid.pixel_size_angstrom)


def test_tilts_are_thinned_over_the_whole_range(plan):
    found, bound = plan
    part = found.parts[0]
    whole = series_of(part, bound, Limits()).geometry
    thin = series_of(part, bound, Limits(tilts=3)).geometry
    assert len(thin.used_tilts) == 3
    angles = whole.arrays["tilt_angle"]
    kept = angles[thin.used_tilts]
    assert (kept.min(), kept.max()) == (angles.min(), angles.max())


def test_large_images_are_fewer():
    assert Limits().tilts_of((320, 320)) == 21
    assert Limits().tilts_of((4096, 4096)) == 8
    assert Limits().tilts_of((11_520, 8_184)) == 7
    assert Limits(tilts=3).tilts_of((11_520, 8_184)) == 3


def test_particles_out_of_every_image_are_not_seen(plan):
    found, bound = plan
    part = found.parts[0]
    series = series_of(part, bound, Limits())
    assert seen(found, part, series).all()
    positions = found.particles.positions.copy()
    positions[part.rows[1]] += 1e5
    away = Interpretation(name="away", positions=positions).of_plan(found)
    assert seen(away, part, series).tolist() == [row != 1 for row in range(len(part.rows))]


def test_a_reading_changes_only_what_it_says(plan):
    found, bound = plan
    series = series_of(found.parts[0], bound, Limits())
    same = GEOMETRY_AS_IMPORTED.of_series(series).geometry
    assert same.hand == series.geometry.hand
    assert GEOMETRY_AS_IMPORTED.of_plan(found) is found
    flipped = Interpretation(name="depth", depth_flipped=True).of_series(series).geometry
    assert flipped.hand == -same.hand
    mirrored = Interpretation(name="hand", mirror=mirror_item_arrays).of_series(series).geometry
    np.testing.assert_array_equal(mirrored.arrays["tilt_angle"], -same.arrays["tilt_angle"])
    np.testing.assert_array_equal(mirrored.arrays["axis_angle"], same.arrays["axis_angle"])
    assert mirrored.hand == same.hand


def test_a_reading_of_another_pixel_size_scales_images_volume_and_optics(plan):
    found, bound = plan
    series = series_of(found.parts[0], bound, Limits())
    reading = Interpretation(name="scale", scale=1.1, rescale=scale_item_arrays)
    grown, before = reading.of_series(series), series.geometry
    assert grown.geometry.pixel_size_angstrom == pytest.approx(1.1 * before.pixel_size_angstrom)
    for name in ("image_dimensions_angstrom", "volume_dimensions_angstrom"):
        np.testing.assert_allclose(
            getattr(grown.geometry, name), 1.1 * np.array(getattr(before, name))
        )
    np.testing.assert_allclose(grown.optics["defocus_delta"], 1.21 * series.optics["defocus_delta"])
    np.testing.assert_allclose(
        grown.geometry.arrays["axis_offset_x"], 1.1 * before.arrays["axis_offset_x"]
    )


@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=6),
    st.integers(1, 40),
    st.integers(50, 3000),
    st.integers(0, 5),
)
def test_rows_are_spread_over_all_series_within_the_limit(counts, images, limit, seed):
    rows = [np.arange(count) * 3 for count in counts]
    per_particle = [images] * len(counts)
    limits = Limits(images=limit, seed=seed)
    chosen = spread_rows(rows, per_particle, limits)
    total, kept = sum(counts), sum(map(len, chosen))
    assert kept <= max(1, limit // images) or kept == total
    for before, after in zip(rows, chosen, strict=True):
        assert set(after) <= set(before)
        assert abs(len(after) - kept * len(before) / max(total, 1)) <= 1
    again = spread_rows(rows, per_particle, limits)
    assert all(np.array_equal(a, b) for a, b in zip(chosen, again, strict=True))
