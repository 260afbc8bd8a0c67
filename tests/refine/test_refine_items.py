"""One item of a plan: from tree and raw files to its result, errors with its name."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgit.errors import InvalidInput, MgitError
from mgit.refine import refine_items
from mgit.refine.plan import bind
from mgit.refine.refine_items import refine_work
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.refine_run import references_of
from mgit.refine.settings import RefineSettings
from tests.refine.populations import Disk
from tests.refine.refinable import raw_directory, reconstructed
from tests.refine.test_result_files import bits

SETTINGS = RefineSettings(
    image_warp=(1, 1), particles=True, iterations=1, warp_steps=3, pose_steps=3, holdout=0.25
)


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Plan, references and files of a round."""
    repository = reconstructed(tmp_path_factory, tmp_path_factory.mktemp("items"))
    plan = plan_refinement(repository.snapshot(repository.resolve("HEAD")), SETTINGS)
    disk = Disk(raw_directory(tmp_path_factory))
    return (
        plan,
        references_of(plan.species, SETTINGS),
        bind(plan.species, disk, advance=lambda files: None),
    )


def refined(setting, plan=None, number=0):
    own, references, bound = setting
    plan = own if plan is None else plan
    return refine_work(plan, plan.works[number], references, bound)


def test_a_result_depends_neither_on_threads_nor_on_what_ran_before(setting):
    first = refined(setting)
    refined(setting, number=1)
    threads = torch.get_num_threads()
    more = replace(setting[0], settings=replace(SETTINGS, threads=2))
    assert bits(refined(setting, more)) == bits(first)
    assert torch.get_num_threads() == threads


def test_what_is_held_out_follows_the_plan(setting):
    plan = setting[0]
    held = sum(len(part.rows) for result in (refined(setting, number=n) for n in range(3))
               for part in result.held_out)  # fmt: skip
    assert held == plan.held[0].sum() == 4


def test_held_out_particles_have_no_say_in_the_deformation(setting):
    """Their images count for the spectrum of the noise, that of all images, and nothing else."""
    plan, references, bound = setting
    rows = plan.works[0].parts[0][1].rows[:1]
    held = np.isin(np.arange(14), rows)
    only_warp = replace(SETTINGS, particles=False)

    def warp(species, held):
        each = replace(plan, settings=only_warp, species=(species,), held=(held,))
        return refine_work(each, each.works[0], references, bound).arrays["image_warp_x"]

    here, away = plan.species[0], moved(plan.species[0], rows)
    unseen = np.abs(warp(away, held) - warp(here, held)).max()
    nobody = np.zeros(14, dtype=bool)
    seen = np.abs(warp(away, nobody) - warp(here, nobody)).max()
    assert unseen < 0.02
    assert seen > 0.2


def moved(species, rows):
    """The same plan with particles 20 A away: their images are others."""
    table = species.particles
    positions = table.positions.copy()
    positions[rows] += 20.0
    return replace(species, particles=replace(table, positions=positions))


def test_errors_name_the_item(setting, monkeypatch):
    def fails(*_arguments, **_options):
        raise MgitError("no")

    monkeypatch.setattr(refine_items, "refine_item", fails)
    with pytest.raises(MgitError) as caught:
        refined(setting)
    assert caught.value.fields["item"] == setting[0].works[0].item.name


def test_noise_in_place_of_images_gives_another_result(setting):
    plan, references, bound = setting
    noise = [refine_work(plan, plan.works[0], references, bound, null_seed=1) for _ in range(2)]
    assert bits(noise[0]) == bits(noise[1])
    assert noise[0].score_before < refined(setting).score_before


def test_images_without_signal_are_refused_by_name(setting, tmp_path):
    plan, references, bound = setting
    path = plan.works[0].item.path
    place = tmp_path / "flat.mrc"
    flat = flattened(bound[path][2].place.read_bytes())
    place.write_bytes(flat)
    files = tuple(
        replace(each, place=place) if number == 2 else each
        for number, each in enumerate(bound[path])
    )
    with pytest.raises(MgitError) as caught:
        refine_work(plan, plan.works[0], references, {path: files})
    assert caught.value.fields["item"] == "TS_01"
    assert isinstance(caught.value, InvalidInput) or "flat" in caught.value.message


def flattened(content):
    """An MRC file with every pixel of its image equal."""
    return content[:1024] + bytes(len(content) - 1024)
