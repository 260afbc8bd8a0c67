"""What a round does: items, particles, who is held out, what it costs, what it warns of."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.maps.reference import HalfReferences
from mgit.refine import refine_plan
from mgit.refine.inputs import ReferenceSet
from mgit.refine.plan import plan_reconstruction
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.refine_run import references_of
from mgit.refine.settings import RefineSettings
from tests.refine.refinable import reconstructed

SETTINGS = RefineSettings(image_warp=(2, 2), particles=True, iterations=2, holdout=0.25)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The tree of three series with 5, 5 and 4 particles."""
    repository = reconstructed(tmp_path_factory, tmp_path_factory.mktemp("plan"))
    return repository.snapshot(repository.resolve("HEAD"))


def test_every_series_is_refined_once_with_all_its_particles(tree):
    plan = plan_refinement(tree, SETTINGS)
    assert sorted(work.item.name for work in plan.works) == ["TS_01", "TS_02", "TS_03"]
    assert sorted(work.particles for work in plan.works) == [4, 5, 5]
    assert sum(work.images for work in plan.works) == 70
    rows = np.concatenate([part.rows for work in plan.works for _, part in work.parts])
    assert sorted(rows) == list(range(14))
    assert plan.skipped == ()


def test_series_with_few_particles_are_left_alone_but_reconstructed_from(tree):
    plan = plan_refinement(tree, replace(SETTINGS, min_particles=5))
    assert [each.name for each in plan.skipped] == ["TS_03"]
    assert len(plan.works) == 2
    assert len(plan.species[0].parts) == 3


def test_nothing_left_to_refine_is_refused(tree):
    with pytest.raises(InvalidInput) as caught:
        plan_refinement(tree, replace(SETTINGS, min_particles=99))
    assert caught.value.fields["min_particles"] == 99
    assert "--min-particles" in caught.value.hint


def test_what_extracted_particles_cannot_refine_is_refused_before_any_image_is_read(
    tree, monkeypatch
):
    plans = plan_reconstruction(tree)
    extracted = tuple(
        replace(
            plan,
            parts=tuple(
                replace(part, item=replace(part.item, kind="particle_series"))
                for part in plan.parts
            ),
        )
        for plan in plans
    )
    monkeypatch.setattr(refine_plan, "plan_reconstruction", lambda *_, **__: extracted)
    with pytest.raises(Unsupported, match="extracted particles have none") as caught:
        plan_refinement(tree, SETTINGS)
    assert caught.value.fields == {"item": "TS_01", "option": "image_warp"}
    assert len(plan_refinement(tree, replace(SETTINGS, image_warp=None)).works) == 3


@pytest.mark.parametrize("names", [{"species": ["nobody"]}, {"sources": ["nowhere"]}])
def test_names_that_do_not_exist_are_refused(tree, names):
    with pytest.raises(NotFound) as caught:
        plan_refinement(tree, SETTINGS, **names)
    assert set(caught.value.fields.values()) & {"nobody", "nowhere"}


def test_the_share_is_held_out_over_all_series_and_by_the_seed(tree):
    (held,) = plan_refinement(tree, SETTINGS).held
    assert held.sum() == 4
    (again,) = plan_refinement(tree, SETTINGS).held
    assert np.array_equal(held, again)
    others = [plan_refinement(tree, replace(SETTINGS, seed=seed)).held[0] for seed in range(1, 5)]
    assert any(not np.array_equal(held, other) for other in others)


@pytest.mark.parametrize(("holdout", "expected"), [(0.0, 0), (0.05, 3), (0.25, 4), (0.45, 6)])
def test_few_particles_hold_out_a_quarter_at_least(tree, holdout, expected):
    assert plan_refinement(tree, replace(SETTINGS, holdout=holdout)).held[0].sum() == expected


def test_nobody_is_held_out_of_what_nobody_shares(tree):
    settings = RefineSettings(particles=True)
    assert not plan_refinement(tree, settings).held[0].any()


def test_held_out_particles_are_among_those_that_are_refined(tree):
    plan = plan_refinement(tree, replace(SETTINGS, min_particles=5, holdout=0.4))
    refined = np.concatenate([part.rows for work in plan.works for _, part in work.parts])
    held = set(np.flatnonzero(plan.held[0]))
    assert len(held) == 4
    assert held < set(refined)


def test_the_choice_does_not_depend_on_the_order_of_items(tree):
    plan = plan_refinement(tree, SETTINGS)
    backwards = refine_plan._held(plan.species[0], 0, plan.works[::-1], SETTINGS)
    assert np.array_equal(backwards, plan.held[0])


def test_the_cost_counts_parameters_and_grows_with_the_work(tree):
    plan = plan_refinement(tree, SETTINGS)
    references = references_of(plan.species, SETTINGS)
    cost = plan.cost(references)
    assert (cost.items, cost.particles, cost.images) == (3, 14, 70)
    # Five tilts of 2 x 2 nodes along two axes each.
    assert cost.shared_parameters == 3 * 5 * 8
    assert cost.parameters == cost.shared_parameters + 6 * 14
    assert cost.memory_bytes > references[0].references.first.nbytes
    longer = plan_refinement(tree, replace(SETTINGS, iterations=400)).cost(references)
    assert longer.time_s > 2 * cost.time_s


@pytest.mark.parametrize(("warp", "warned"), [(None, False), ((1, 1), False), ((5, 5), True)])
def test_grids_with_more_nodes_than_particles_can_hold_are_warned_of(tree, warp, warned):
    texts = plan_refinement(tree, replace(SETTINGS, image_warp=warp)).warnings()
    assert bool(texts) == warned
    if warned:
        assert "5x5" in texts[0]
        assert "3 of 3 series" in texts[0]


@pytest.mark.parametrize("seed", [26, *range(5)])
def test_no_series_is_left_without_a_particle_to_fit_what_they_share(tree, seed):
    # Seed 26 draws all particles of the first series.
    plan = plan_refinement(tree, replace(SETTINGS, holdout=0.45, seed=seed))
    assert all(not plan.held[0][part.rows].all() for work in plan.works for _, part in work.parts)


def test_series_of_one_name_in_two_sources_have_files_of_their_own(tree):
    work = plan_refinement(tree, SETTINGS).works[0]
    path = work.item.path.replace(work.item.path.split("/")[1], "another-12345678")
    other = replace(work, item=replace(work.item, path=path))
    assert other.key != work.key
    assert "/" not in work.key


def reference_of(period_angstrom, *, diameter=150.0):
    half = HalfReferences(
        first=np.zeros((2, 2, 2), np.complex64),
        second=np.zeros((2, 2, 2), np.complex64),
        box=2,
        pixel_size_angstrom=period_angstrom / 2,
        oversampling=1,
    )
    return ReferenceSet(species="made", references=half, diameter_angstrom=diameter)


def test_references_that_hardly_show_a_turn_are_warned_of(tree):
    plan = plan_refinement(tree, replace(SETTINGS, image_warp=None, particles=True))
    (text,) = plan.warnings([reference_of(38.0)])
    assert "38 A" in text
    assert "--resolution" in text
    assert plan.warnings([reference_of(20.0)]) == ()
    still = plan_refinement(tree, replace(SETTINGS, image_warp=None, particles=False))
    assert still.warnings([reference_of(38.0)]) == ()
