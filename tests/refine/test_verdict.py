"""What counts as worse: paired changes of held-out particles and FSC curves, with their noise."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.refine import verdict
from mgit.refine.holdout import HeldOut
from mgit.refine.verdict import Change, FscSample, fsc_change, held_out_change

PARTICLES, TILTS, TRUE_RHO = 60, 4, 0.3


def drawn(random, *, particles=PARTICLES, rho=TRUE_RHO, spread=0.05):
    """Terms of images whose AB varies from particle to particle as much as from image to image."""
    own = (
        rho
        + spread * random.normal(size=(particles, 1))
        + spread * random.normal(size=(particles, TILTS))
    )
    aa = random.uniform(0.5, 1.5, size=(particles, TILTS))
    bb = random.uniform(0.5, 1.5, size=(particles, TILTS))
    return np.stack([own * np.sqrt(aa * bb), aa, bb], axis=-1)


def held(before, after, *, species="made", rows=None):
    rows = np.arange(len(before)) if rows is None else rows
    return HeldOut(species=species, rows=rows, before=before, after=after)


def pooled(terms):
    ab, aa, bb = terms.reshape(-1, 3).sum(axis=0)
    return ab / np.sqrt(aa * bb)


def change(gain, noise, *, before=0.3):
    return Change(
        species="made", measure="x", before=before, after=before + gain, noise=noise, units=9
    )


@pytest.mark.parametrize(
    ("gain", "noise", "worse"),
    [
        (-0.021, 0.01, True),
        (-0.019, 0.01, False),
        (0.3, 0.01, False),
        (-0.0016, 0.0, True),
        (-0.0014, 0.0, False),
    ],
)
def test_a_fall_counts_beyond_two_standard_errors_and_half_a_percent(gain, noise, worse):
    assert change(gain, noise).worse is worse
    assert change(gain, noise).gain == pytest.approx(gain)


def test_the_measure_is_the_pooled_correlation_of_the_species_alone():
    random = np.random.default_rng(1)
    before, after, other = (drawn(random) for _ in range(3))
    parts = [
        held(before[:20], after[:20]),
        held(other, other[::-1], species="other"),
        held(before[20:], after[20:]),
    ]
    found = held_out_change("made", parts)
    assert found.before == pytest.approx(pooled(before), rel=1e-12)
    assert found.after == pytest.approx(pooled(after), rel=1e-12)
    assert found.units == PARTICLES


@pytest.mark.parametrize("particles", [60, 6])
def test_the_standard_error_is_the_spread_of_repeated_experiments(particles):
    """Eq. 3, from one experiment, against the spread of 400; units are images where few."""
    random = np.random.default_rng(3)
    # Where images are the units, they must be independent of each other for the check.
    spread = 0.05 if particles >= 10 else 0.0
    gains, errors = [], []
    for _ in range(400):
        before = drawn(random, particles=particles, spread=spread)
        after = before.copy()
        after[..., 0] += 0.02 + 0.03 * random.normal(size=(particles, TILTS))
        found = held_out_change("made", [held(before, after)])
        gains.append(found.gain)
        errors.append(found.noise)
    assert np.mean(errors) == pytest.approx(np.std(gains), rel=0.12)


def test_the_standard_error_is_that_of_a_bootstrap_over_particles():
    random = np.random.default_rng(4)
    before, after = drawn(random), drawn(random, rho=0.32)
    found = held_out_change("made", [held(before, after)])
    draws = [random.integers(0, PARTICLES, PARTICLES) for _ in range(1500)]
    gains = [pooled(after[rows]) - pooled(before[rows]) for rows in draws]
    assert found.noise == pytest.approx(np.std(gains), rel=0.1)


def test_what_both_sides_share_is_not_noise():
    random = np.random.default_rng(5)
    before = drawn(random, spread=0.2)
    after = before.copy()
    after[..., 0] *= 1.01
    paired = held_out_change("made", [held(before, after)])
    assert paired.noise < 0.05 * held_out_change("made", [held(before, drawn(random))]).noise


def test_a_change_that_is_nothing_has_no_noise_and_is_not_worse():
    before = drawn(np.random.default_rng(6))
    found = held_out_change("made", [held(before, before)])
    assert (found.gain, found.noise, found.worse) == (0.0, 0.0, False)


@pytest.mark.parametrize("count", [0, 3])
def test_without_images_nothing_is_said(count):
    nothing = np.zeros((count, TILTS, 3))
    assert held_out_change("made", [held(nothing, nothing)]) is None
    assert held_out_change("made", []) is None


def curve(values, *, shells=20):
    return np.concatenate([[1.0], values, np.zeros(shells - 1 - len(values))])


def sample(values, *, box=200.0, diameter=100.0):
    return FscSample(curve=curve(values), box_angstrom=box, diameter_angstrom=diameter)


def test_the_band_ends_where_the_maps_of_before_end():
    before, after = sample([0.9, 0.5, 0.2, 0.1, 0.8]), sample([0.8, 0.4, 0.3, 0.9, 0.9])
    found = fsc_change("made", before, after)
    assert found.units == 3
    assert found.before == pytest.approx(np.mean([0.9, 0.5, 0.2]))
    assert found.after == pytest.approx(np.mean([0.8, 0.4, 0.3]))


def test_maps_without_a_common_shell_are_not_compared():
    assert fsc_change("made", sample([0.1, 0.9]), sample([0.9, 0.9])) is None


def test_curves_of_boxes_of_two_sizes_are_compared_as_far_as_both_reach():
    long = FscSample(curve=np.ones(20), box_angstrom=200.0, diameter_angstrom=100.0)
    short = FscSample(curve=np.ones(12), box_angstrom=200.0, diameter_angstrom=100.0)
    assert fsc_change("made", long, short).units == 11


def noisy_half_maps(random, box, diameter, signal):
    """FSC of two maps in a ball: the same noise in both, weighted, and noise of their own."""
    z, y, x = np.indices((box,) * 3) - box // 2
    ball = x**2 + y**2 + z**2 < (diameter / 2) ** 2
    common, one, two = (random.normal(size=(box,) * 3) * ball for _ in range(3))
    first, second = (np.fft.fftn(signal * common + each) for each in (one, two))
    at = np.fft.fftfreq(box) * box
    radius = np.sqrt(sum(np.square(each) for each in np.meshgrid(at, at, at, indexing="ij")))
    shell = np.rint(radius).astype(int).ravel()

    def sums(values):
        return np.bincount(shell, values.ravel(), minlength=box)[: box // 2]

    cross = sums((first * second.conj()).real)
    return cross / np.sqrt(sums(np.abs(first) ** 2) * sums(np.abs(second) ** 2))


@pytest.mark.parametrize("signal", [0.0, 1.0])
@pytest.mark.parametrize("diameter", [10, 14, 24])
def test_the_standard_error_of_a_curve_is_that_of_maps_of_noise(signal, diameter):
    """Eqs. 4 and 5 against the spread of the mean FSC of 80 pairs of maps."""
    random, box = np.random.default_rng(7), 24
    curves = np.array([noisy_half_maps(random, box, diameter, signal) for _ in range(80)])
    band = np.arange(4, box // 2)
    expected = FscSample(curve=curves.mean(axis=0), box_angstrom=box, diameter_angstrom=diameter)
    errors = verdict._shell_errors(expected, band)
    noise = np.sqrt(np.square(errors).sum()) / len(band)
    assert noise == pytest.approx(curves[:, band].mean(axis=1).std(), rel=0.2)


def test_the_noise_of_a_change_is_that_of_both_curves():
    found = fsc_change("made", sample([0.5] * 8), sample([0.5] * 8))
    counts = 4 * np.pi * np.arange(1, 9) ** 2 * np.pi / 6 * 0.5**3
    assert found.noise == pytest.approx(0.75 * np.sqrt(2 * np.sum(1 / np.maximum(1, counts))) / 8)


def test_a_measure_that_does_not_decide_makes_no_round_worse():
    fallen = Change(
        species="made", measure="held-out correlation", before=0.2, after=0.1, noise=1e-3, units=9
    )
    assert fallen.worse
    assert not replace(fallen, decides=False).worse
