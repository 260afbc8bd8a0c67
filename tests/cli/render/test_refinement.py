"""A round in the terminal: what moves, what it costs, what came of it."""

import io
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mgit.cli.console import Console
from mgit.cli.render.refinement import (
    planned_record,
    round_record,
    tell_null_tests,
    tell_plan,
    tell_round,
    wording,
)
from mgit.refine.null_test import NullTest
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.refine_run import Round, references_of
from mgit.refine.settings import RefineSettings
from mgit.refine.verdict import Change
from tests.refine.refinable import reconstructed
from tests.refine.results import result

SETTINGS = RefineSettings(image_warp=(5, 4), particles=True, iterations=2, min_particles=5)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    repository = reconstructed(tmp_path_factory, tmp_path_factory.mktemp("render"))
    return plan_refinement(repository.snapshot(repository.resolve("HEAD")), SETTINGS)


class Paper(Console):
    """A console that keeps what was written."""

    def __init__(self):
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        super().__init__(self.stdout, self.stderr)

    def text(self):
        return self.stdout.getvalue()

    def notes(self):
        return self.stderr.getvalue()


@pytest.fixture
def console():
    return Paper()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no parameters, reconstruction only"),
        ({"particles": True, "iterations": 0}, "no parameters, reconstruction only"),
        ({"particles": True}, "poses in 3 sub-iterations"),
        (
            {"image_warp": (6, 4), "stage_angles": True, "particles": True, "iterations": 2},
            "image warp 6x4, stage angles, poses in 2 sub-iterations",
        ),
        ({"defocus": True}, "defocus in 3 sub-iterations"),
        ({"defocus_exhaustive": True}, "defocus (exhaustive) in 3 sub-iterations"),
    ],
)
def test_families_are_named_in_the_order_of_the_course(options, words):
    assert wording(RefineSettings(**options)) == words


def test_a_plan_says_what_it_moves_skips_needs_and_risks(plan, console):
    references = references_of(plan.species, SETTINGS)
    tell_plan(plan, references, console, title="round 1 of 1")
    reached = 2 * references[0].references.pixel_size_angstrom
    lines = console.text().splitlines()
    assert lines[0] == "round 1 of 1: image warp 5x4, poses in 2 sub-iterations"
    assert lines[1].startswith(f"  made: references to {reached:.1f} A, box ")
    # Ten particles with six parameters, two series of five tilts with 20 nodes of two axes.
    assert "2 series, 10 particles in up to 50 images; 460 parameters (46.0 per" in lines[2]
    assert "400 of them shared" in lines[2]
    assert "1 series with fewer than 5 particles" in console.notes()
    assert "5x4 nodes fits noise" in console.notes()


@pytest.mark.parametrize(("beyond", "warned"), [(-1.0, True), (0.0, False)])
def test_a_plan_says_when_defocus_will_not_move(plan, console, beyond, warned):
    references = references_of(plan.species, SETTINGS)
    reached = 2 * references[0].references.pixel_size_angstrom
    settings = replace(SETTINGS, defocus=True, ctf_min_resolution=reached + beyond)
    tell_plan(replace(plan, settings=settings), references, console, title="round")
    assert ("defocus will not move" in console.notes()) == warned
    assert (f"'--ctf-min-resolution {math.ceil(reached)}'" in console.notes()) == warned


def test_the_record_of_a_plan_has_what_its_text_has(plan):
    record = planned_record(plan, references_of(plan.species, SETTINGS))
    assert record["options"]["image_warp"] == "5x4"
    assert (record["items"], record["particles"], record["images"]) == (2, 10, 50)
    assert record["skipped"] == ["TS_03"]
    assert len(record["warnings"]) == 1


def change(gain, noise):
    return Change(
        species="made",
        measure="held-out correlation",
        before=0.3,
        after=0.3 + gain,
        noise=noise,
        units=9,
    )


def told(plan, changes, *, after=40.0):
    """A round of the plan that came to these changes, its items to the score `after`."""
    maps = SimpleNamespace(resolution_angstrom=12.5, masked_by="automatic mask")
    found = tuple((work, replace(result(), score_after=after)) for work in plan.works)
    return Round(
        plan=plan,
        found=found,
        maps=((plan.species[0], maps),),
        changes=tuple(changes),
        levels=frozenset({"tilt_image"}),
    )


@pytest.mark.parametrize(
    ("gain", "noise", "word"),
    [(0.05, 0.01, "better"), (-0.05, 0.01, "worse"), (0.01, 0.01, "same"), (-0.01, 0.01, "same")],
)
def test_a_change_is_said_with_its_noise_in_one_word(plan, console, gain, noise, word):
    tell_round(told(plan, [change(gain, noise)]), console, title="round 1 of 1")
    (line,) = [line for line in console.text().splitlines() if "held-out" in line]
    assert line.endswith(f"(change {gain:+.4f}, noise 0.0100: {word})")


def test_the_resolution_of_before_stands_beside_that_of_after(plan, console):
    tell_round(told(plan, []), console, title="round 1 of 1")
    before = plan.species[0].species.number("resolution_angstrom")
    assert f"made: {before:.2f} -> 12.50 A (corrected FSC 0.143" in console.text()
    assert "fell" not in console.notes()


def test_series_whose_score_fell_are_named(plan, console):
    tell_round(told(plan, [], after=30.0), console, title="round 1 of 1")
    assert "the score of 'TS_01' fell by 3.33" in console.notes()


def test_the_record_of_a_round_has_changes_and_series(plan):
    record = round_record(told(plan, [change(-0.05, 0.01)]))
    assert record["species"][0]["resolution_angstrom"] == 12.5
    assert record["changes"][0]["worse"] is True
    assert {each["name"] for each in record["items"]} == {"TS_01", "TS_02"}
    assert record["items"][0]["stages"][0]["outcome"] == "step limit"


def test_a_null_test_is_told_by_what_remains(console):
    curves = {
        name: np.full(8, value)
        for name, value in (
            ("data_before", 0.3), ("data_after", 0.5), ("noise_before", 0.1), ("noise_after", 0.25),
        )
    }  # fmt: skip
    test = NullTest(
        species="made",
        periods=np.concatenate([[np.inf], 100 / np.arange(1, 8)]),
        band=slice(1, 5),
        **curves,
    )
    tell_null_tests([test], console)
    assert "100 to 25 A" in console.text()
    assert "gain +0.200, of which noise gains +0.150: +0.050 remain" in console.text()
