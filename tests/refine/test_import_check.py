"""The questions of an import check, each asked of data whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.curate.migrations import mirror_item_arrays, mirror_map
from mgit.maps.rivals import scaled
from mgit.refine.import_check import Outcome, check_import
from mgit.refine.import_sample import Interpretation, Limits, few_series
from mgit.refine.plan import bind, plan_reconstruction
from mgit.state.species import set_maps
from tests.refine.checked_populations import checked_population, digested

LIMITS = Limits(box=24)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return checked_population(tmp_path_factory.mktemp("check"))


@pytest.fixture(scope="module")
def planned(repository):
    """Plan and bound files of the species as it is."""
    (plan,) = plan_reconstruction(repository.snapshot("HEAD"))
    return few_series(plan, LIMITS), bind([plan], digested(repository), advance=lambda _: None)


@pytest.fixture(scope="module")
def right(planned):
    """The verdict on the right import, and the images that were told."""
    told = []
    plan, bound = planned
    verdict = check_import(
        plan, bound, mirror=mirror_item_arrays, limits=LIMITS, advance=told.append
    )
    return verdict, told


def with_map(repository, planned, change):
    """The plan with another map in place."""
    with repository.transaction(verb="test") as transaction:
        (plan,) = plan_reconstruction(transaction.draft)
        changed = change(plan.species.map("reference").read())
        set_maps(transaction.draft, plan.species.path, reference=changed)
        (plan,) = plan_reconstruction(transaction.draft)
        verdict = check_import(plan, planned[1], mirror=mirror_item_arrays, limits=LIMITS)
        transaction.abort()
    return verdict


def test_a_right_import_agrees_with_its_map(right):
    verdict, told = right
    assert verdict.resembles
    assert verdict.of("map_hand").outcome is Outcome.AGREES
    assert verdict.of("series_hand").outcome is Outcome.AGREES
    assert verdict.of("pixel_size").outcome is not Outcome.RIVAL
    assert verdict.of("depth_sign").outcome is not Outcome.RIVAL
    assert abs(verdict.of("pixel_size").scale - 1) < 0.02
    assert verdict.of("nothing") is None
    assert verdict.outside == 0
    assert (verdict.particles, verdict.images, verdict.series) == (30, 270, 1)
    assert sum(told) == 3 * 270


def test_bands_run_from_long_periods_to_nyquist(right):
    bands = right[0].bands
    assert bands[0].fsc > 0.9
    assert bands[0].longest_angstrom > bands[-1].longest_angstrom
    assert bands[-1].shortest_angstrom > right[0].finest_angstrom
    assert right[0].masked_by == "sphere"


def test_a_mirrored_map_is_told_and_its_scale_is_asked_of_its_mirror_image(repository, planned):
    verdict = with_map(repository, planned, mirror_map)
    assert verdict.of("map_hand").outcome is Outcome.RIVAL
    assert verdict.of("map_hand").difference.gain > 0.1
    assert abs(verdict.of("pixel_size").scale - 1) < 0.02
    assert verdict.of("series_hand").outcome is Outcome.AGREES


def test_a_map_that_is_too_small_is_told_with_its_factor(repository, planned):
    verdict = with_map(repository, planned, lambda density: scaled(density, 0.96))
    found = verdict.of("pixel_size")
    assert found.outcome is Outcome.RIVAL
    assert found.scale == pytest.approx(1 / 0.96, abs=0.012)


def test_a_map_of_something_else_is_not_resembled(repository, planned):
    noise = np.random.default_rng(0)
    verdict = with_map(
        repository,
        planned,
        lambda density: noise.standard_normal(density.shape).astype(np.float32),
    )
    assert not verdict.resembles
    assert verdict.of("map_hand").outcome is Outcome.UNDECIDED


def test_a_mirrored_series_loses_to_the_one_it_was(planned):
    plan, bound = planned
    part = plan.parts[0]
    item = part.item
    mirrored = mirror_item_arrays({name: each.read() for name, each in item.arrays().items()})
    wrong = _with_arrays(plan, mirrored)
    verdict = check_import(wrong, bound, mirror=mirror_item_arrays, limits=LIMITS)
    assert verdict.of("series_hand").outcome is Outcome.RIVAL
    # The hand of the map is asked of the reading that won.
    assert verdict.of("map_hand").outcome is Outcome.AGREES


def test_places_that_the_images_contradict_lose_to_the_right_ones(planned):
    plan, bound = planned
    right = plan.particles.positions
    centre = np.array([400.0, 400.0, 150.0])
    wrong = replace(plan, particles=replace(plan.particles, positions=0.9 * right + 0.1 * centre))
    far = Interpretation(name="far", positions=right * 10)
    verdict = check_import(
        wrong,
        bound,
        mirror=mirror_item_arrays,
        coordinates=[Interpretation(name="as they were", positions=right), far],
        limits=LIMITS,
    )
    assert verdict.of("as they were").outcome is Outcome.RIVAL
    assert verdict.of("far") is None


def test_particles_in_no_image_are_counted_and_leave_an_empty_map(planned):
    plan, bound = planned
    away = replace(
        plan, particles=replace(plan.particles, positions=plan.particles.positions + 1e5)
    )
    verdict = check_import(away, bound, mirror=mirror_item_arrays, limits=LIMITS)
    assert verdict.outside == 1
    assert verdict.likeness == 0
    assert all(each.outcome is not Outcome.RIVAL for each in verdict.findings)


class _Values:
    """An array of an item as a handle gives it."""

    def __init__(self, values, attributes):
        self.attributes, self._values = attributes, values
        self.shape = values.shape

    def read(self):
        return self._values


class _Item:
    """An item with some arrays replaced."""

    def __init__(self, item, changed):
        self._item = item
        handles = item.arrays()
        self._arrays = {
            **handles,
            **{name: _Values(each, handles[name].attributes) for name, each in changed.items()},
        }

    def __getattr__(self, name):
        return getattr(self._item, name)

    def arrays(self):
        return self._arrays


def _with_arrays(plan, changed):
    part = plan.parts[0]
    return replace(plan, parts=(replace(part, item=_Item(part.item, changed)),))
