"""The null test: a round on noise beside the round on data."""

import numpy as np
import pytest

from mgit.refine.null_test import NullTest, null_results, null_test
from mgit.refine.plan import bind
from mgit.refine.reconstruct_item import Budget
from mgit.refine.refine_items import refine_work
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.refine_run import finish_round, references_of
from mgit.refine.settings import RefineSettings
from mgit.state.digests import seal
from tests.refine.populations import Disk
from tests.refine.refinable import raw_directory, reconstructed
from tests.refine.test_result_files import bits

SETTINGS = RefineSettings(particles=True, iterations=1, pose_steps=4)


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Repository, plan, references and files of a round of poses."""
    repository = reconstructed(tmp_path_factory, tmp_path_factory.mktemp("null"))
    plan = plan_refinement(repository.snapshot(repository.resolve("HEAD")), SETTINGS)
    disk = Disk(raw_directory(tmp_path_factory))
    bound = bind(plan.species, disk, advance=lambda files: None)
    return repository, plan, references_of(plan.species, SETTINGS), bound


def test_noise_is_refined_as_the_data_are_and_reproducibly(setting):
    _, plan, references, bound = setting
    told = []
    found = null_results(plan, references, bound, advance=told.append)
    assert [work for work, _ in found] == list(plan.works)
    assert sum(told) == 70
    again = null_results(plan, references, bound, advance=told.append)
    assert [bits(each) for _, each in found] == [bits(each) for _, each in again]


def test_data_keep_more_than_noise_gains_and_the_draft_is_nobody_s(setting):
    repository, plan, references, bound = setting
    before = repository.resolve("HEAD")
    with repository.transaction(verb="refine") as change:
        found = [(work, refine_work(plan, work, references, bound)) for work in plan.works]
        result = finish_round(
            change.draft, plan, found, bound=bound, budget=Budget(),
            seal=lambda: seal(change.draft, change.draft.touched_paths()),
        )  # fmt: skip
    null = null_results(plan, references, bound, advance=lambda images: None)
    with repository.transaction(verb="refine") as change:
        (test,) = null_test(
            change.draft, plan, null, result.maps, references, bound=bound, budget=Budget(),
            seal=lambda: seal(change.draft, change.draft.touched_paths()),
        )  # fmt: skip
    assert repository.resolve("HEAD") == before
    assert test.species == "made"
    assert test.mean("data_after") > test.mean("noise_after") + 0.2
    assert abs(test.mean("noise_before")) < 0.4
    assert 19.9 < test.periods[test.band.stop - 1] < 25.0


def test_gains_are_means_over_the_band_alone():
    random = np.random.default_rng(0)
    curves = {
        name: random.uniform(size=10)
        for name in ("data_before", "data_after", "noise_before", "noise_after")
    }
    test = NullTest(species="made", periods=np.ones(10), band=slice(2, 5), **curves)
    assert test.data_gain == pytest.approx(
        np.mean(curves["data_after"][2:5] - curves["data_before"][2:5])
    )
    assert test.noise_gain == pytest.approx(
        np.mean(curves["noise_after"][2:5] - curves["noise_before"][2:5])
    )
