"""A recorded step against the same step run again, on a small made-up population."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.digest import StateDigest
from mgit.history.rehearsal import Rehearsal
from mgit.refine.replay import ItemReplay, SpeciesReplay, compare
from mgit.state.diff import ArrayChange
from mgit.state.digests import seal, set_inputs
from mgit.state.population import Population
from mgit.state.series import (
    read_item,
    set_excluded,
    update_item_arrays,
    update_item_attributes,
)
from mgit.state.species import set_maps, set_particles, update_species_attributes
from tests.verify.populations import begin, cube, item_named, refine, table

SEED = 10


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """HEAD is a round of refinement over HEAD~1."""
    return begin(str(tmp_path_factory.mktemp("population")))


def ribosome(draft):
    return Population(draft).one_species("ribosome")


def judged(repository, perturb):
    """HEAD against a replay of its step that `perturb` changes afterwards."""
    with Rehearsal(repository, "HEAD~1") as rehearsal:
        refine(rehearsal.draft, SEED)
        seal(rehearsal.draft, rehearsal.draft.touched_paths())
        perturb(rehearsal.draft)
        states = StateDigest.parse(repository.commit("HEAD").state), rehearsal.state()
        return compare(
            repository.snapshot("HEAD"),
            rehearsal.draft,
            parent=repository.snapshot("HEAD~1"),
            states=states,
        )


def moved(*, shift=0.0, turn=0.0):
    def change(draft):
        species = ribosome(draft)
        columns = species.particles.load()
        positions, angles = columns.positions.copy(), columns.angles.copy()
        positions[..., 1] += shift
        angles[..., 0] += turn
        set_particles(draft, species.path, replace(columns, positions=positions, angles=angles))

    return change


def noisy(strength):
    """Half-maps with noise of so many times their own standard deviation."""

    def change(draft):
        halves = tuple(cube(SEED + k) + np.float32(strength) * cube(99 + k) for k in (0, 1))
        set_maps(draft, ribosome(draft).path, half_maps=halves)

    return change


def warped(amount):
    def change(draft):
        item = item_named(draft)
        values = item.array("image_warp_x").read() + amount
        update_item_arrays(draft, item.path, {"image_warp_x": (values, {"margins": ["0"] * 3})})

    return change


def test_the_same_step_is_identical(repository):
    found = judged(repository, lambda draft: None)
    assert (found.verdict, found.sentences, found.doubts) == ("identical", (), ())


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"shift": 0.01}, "equivalent"),
        ({"shift": 0.1}, "different"),
        ({"turn": 0.01}, "equivalent"),
        ({"turn": 0.1}, "different"),
    ],
)
def test_poses_are_judged_by_their_medians(repository, options, verdict):
    found = judged(repository, moved(**options))
    assert found.verdict == verdict
    (species,) = found.species
    assert species.moved == 12
    assert species.shift_angstrom == pytest.approx(options.get("shift", 0.0))
    assert "poses of 12 particles" in found.sentences[0]
    assert species.faults == ()


@pytest.mark.parametrize(("strength", "verdict"), [(1e-4, "equivalent"), (0.3, "different")])
def test_maps_are_judged_by_their_correlation(repository, strength, verdict):
    found = judged(repository, noisy(strength))
    assert found.verdict == verdict
    (species,) = found.species
    assert (species.fsc >= 0.999) == (verdict == "equivalent")
    assert species.resolution_angstrom == 10.0, "without a known resolution, all shells"


def test_shells_beyond_the_resolution_of_the_replay_do_not_count(repository):
    wave = np.cos(np.pi * 3 / 4 * np.arange(8)).astype(np.float32)  # shell 3 of 4

    def change(draft):
        halves = tuple(cube(SEED + k) + 10 * wave for k in (0, 1))
        set_maps(draft, ribosome(draft).path, half_maps=halves)
        update_species_attributes(draft, ribosome(draft).path, {"resolution_angstrom": "20.0"})

    found = judged(repository, change)
    assert found.species[0].fsc > 0.999, "shells 1 and 2 are as they were"
    assert found.species[0].resolution_angstrom == 20.0


@pytest.mark.parametrize(("amount", "verdict"), [(0.1, "equivalent"), (0.7, "different")])
def test_parameters_of_series_may_differ_by_ten_times_as_much(repository, amount, verdict):
    found = judged(repository, warped(amount))
    assert found.verdict == verdict
    (item,) = found.items
    assert f"image_warp_x {amount:.2g} A apart (rms)" in item.sentence


def other_half(draft):
    species = ribosome(draft)
    columns = species.particles.load()
    set_particles(draft, species.path, replace(columns, half_set=3 - columns.half_set))


def other_particles(draft):
    items = [item.id for item in Population(draft).items()]
    positions = np.arange(36.0).reshape(12, 1, 3)
    ids = np.random.default_rng(3).integers(0, 255, (12, 16), dtype=np.uint8)
    columns = table(items, positions=positions, ids=ids)
    set_particles(draft, ribosome(draft).path, columns)


def other_symmetry(draft):
    update_species_attributes(draft, ribosome(draft).path, {"symmetry": "C2"})


def other_box(draft):
    halves = tuple(np.ones((6, 6, 6), np.float32) for _ in range(2))
    draft.remove(f"{ribosome(draft).path}/mask")
    set_maps(draft, ribosome(draft).path, half_maps=halves)


def broken_map(draft):
    halves = np.full((8, 8, 8), np.nan, np.float32)
    draft.set_array(f"{ribosome(draft).path}/half_map_1", halves, layout="volume")


def without_map(draft):
    draft.remove(f"{ribosome(draft).path}/half_map_2")


def other_inputs(draft):
    set_inputs(draft, ribosome(draft).path, [StateDigest.of_record({"made": "up"})])


def excluded(draft):
    set_excluded(draft, item_named(draft).path, excluded=True)


def without_warp(draft):
    draft.remove(f"{item_named(draft).path}/image_warp_x")
    seal(draft, draft.touched_paths())


def without_item(draft):
    draft.remove(item_named(draft, "TS_02").path)


def other_pixel(draft):
    update_item_attributes(draft, item_named(draft).path, {"pixel_size_angstrom": "1.36"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_half, "12 particles in the other half-set"),
        (other_particles, "12 particles only in the replay"),
        (other_symmetry, "symmetry is C1 in the record, C2 in the replay"),
        (other_box, "another size of half_map_1"),
        (broken_map, "half_map_1: "),
        (without_map, "only one side has a half_map_2"),
        (other_inputs, "the record names other inputs"),
        (excluded, "excluded is None in the record, True in the replay"),
        (without_warp, "image_warp_x: only in the record"),
        (without_item, "series 'TS_02' only in the record"),
        (other_pixel, "pixel_size_angstrom is 1.35 in the record, 1.36 in the replay"),
    ],
)
def test_what_no_tolerance_covers_is_different_and_named(repository, change, words):
    found = judged(repository, change)
    assert found.verdict == "different"
    assert words in " | ".join(found.sentences)


def test_what_only_the_record_changed_is_different_however_small(repository):
    """A pose that the step would have left alone was not made by the step."""

    def untouched(draft):
        before = Population(repository.snapshot("HEAD~1"))
        species = before.one_species("ribosome")
        set_particles(draft, ribosome(draft).path, species.particles.load())
        item = read_item(repository.snapshot("HEAD~1"), item_named(draft).path)
        warp = item.array("image_warp_x")
        update_item_arrays(
            draft, item.path, {"image_warp_x": (warp.read(), {"margins": ["0"] * 3})}
        )

    found = judged(repository, untouched)
    said = " | ".join(found.sentences)
    assert found.verdict == "different"
    assert "poses changed in the record only" in said
    assert "image_warp_x changed in the record only" in said


def test_states_that_differ_only_by_what_they_were_made_from_are_equivalent(repository):
    """The state of a species covers those of its series, so one small change reaches both."""

    def change(draft):
        warped(0.01)(draft)
        seal(draft, draft.touched_paths())
        species = ribosome(draft)
        states = [item.state for item in Population(draft).items()]
        set_inputs(draft, species.path, states)

    found = judged(repository, change)
    kinds = {each.name for each in (*found.species, *found.items)}
    assert kinds == {"ribosome", "TS_01"}


def test_a_resolution_that_the_maps_do_not_have_is_doubted(repository):
    def measured(draft):
        update_species_attributes(draft, ribosome(draft).path, {"resolution_angstrom": "12.5"})

    found = judged(repository, measured)
    assert found.verdict == "identical", "no state covers figures of merit"
    assert found.doubts == (
        "species 'ribosome': the record claims a resolution of none, the replay measures 12.50 A",
    )


def test_a_step_that_is_different_anyway_is_not_doubted_besides(repository):
    def other(draft):
        other_half(draft)
        update_species_attributes(draft, ribosome(draft).path, {"resolution_angstrom": "12.5"})

    found = judged(repository, other)
    assert (found.verdict, found.doubts) == ("different", ())


@settings(max_examples=200)
@given(
    fsc=st.none() | st.floats(-1, 1),
    shift=st.floats(0, 1),
    rotation=st.floats(0, 1),
    faults=st.sampled_from([(), ("something",)]),
)
def test_equivalent_is_what_the_rule_says(fsc, shift, rotation, faults):
    found = SpeciesReplay(
        name="made",
        fsc=fsc,
        resolution_angstrom=8.0,
        moved=3,
        shift_angstrom=shift,
        rotation_degree=rotation,
        faults=faults,
    )
    near = (fsc is None or fsc >= 0.999) and shift < 0.05 and rotation < 0.05
    assert found.equivalent == (near and not faults)
    assert all(fault in found.sentence for fault in faults)


def test_differences_are_told_with_units():
    change = ArrayChange(name="defocus", change="changed", unit="angstrom", maximum=9.0, rms=4.2)
    assert ItemReplay(name="TS_1", changes=(change,)).sentence == (
        "series 'TS_1': defocus 4.2 A apart (rms)"
    )
    assert SpeciesReplay(name="made", fsc=0.99912, resolution_angstrom=8.0).sentence == (
        "species 'made': FSC 0.999120 down to 8.0 A"
    )
    assert SpeciesReplay(name="made").sentence == "species 'made': made from others"
