"""FSC against a direct implementation, its laws, and RELION's postprocess."""

import shutil
import subprocess

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.maps.fsc import (
    GOLD_STANDARD,
    cut_off_shell,
    draws_for,
    fourier_shell_correlation,
    half_map_fsc,
    phase_randomised,
    resolution_angstrom,
    transforms_correlation,
)
from mgit.maps.masks import soft_sphere
from tests.maps.phantom import handed_phantom


def noise(box, seed):
    return np.random.default_rng(seed).normal(size=(box,) * 3).astype(np.float32)


def half_maps(box, level, *, seed=0):
    """A phantom whose spectrum falls, with white noise of its own in each half."""
    fine = handed_phantom(count=25, reach=box * 0.2, width=(0.8, 1.2)).density(box)
    coarse = handed_phantom(count=10, reach=box * 0.2, width=(2.0, 3.0), seed=7).density(box)
    truth = fine + coarse
    return truth + level * noise(box, seed + 1), truth + level * noise(box, seed + 2)


def direct_fsc(first, second):
    """The definition, sample by sample over the whole transform."""
    box = len(first)
    a, b = np.fft.fftn(first.astype(float)), np.fft.fftn(second.astype(float))
    k = np.fft.fftfreq(box, 1 / box)
    sums = np.zeros((box // 2 + 1, 3))
    for z, y, x in np.ndindex(a.shape):
        radius = (k[z] ** 2 + k[y] ** 2 + k[x] ** 2) ** 0.5
        if radius >= box / 2:
            continue
        low, share = int(radius), radius - int(radius)
        p, q = a[z, y, x], b[z, y, x]
        terms = np.array([(p * q.conjugate()).real, abs(p) ** 2, abs(q) ** 2])
        sums[low] += (1 - share) * terms
        sums[low + 1] += share * terms
    curve = sums[:-1, 0] / np.sqrt(sums[:-1, 1] * sums[:-1, 2])
    curve[0] = 1
    return curve


def test_it_is_what_the_definition_gives():
    first, second = half_maps(14, 0.5)
    found = fourier_shell_correlation(first, second)
    assert np.abs(found - direct_fsc(first, second)).max() < 1e-5


def test_a_mask_multiplies_both_maps():
    first, second = half_maps(14, 0.5)
    mask = soft_sphere(14, diameter_voxel=6, edge_voxel=3)
    found = fourier_shell_correlation(first, second, mask=mask)
    assert np.abs(found - direct_fsc(first * mask, second * mask)).max() < 1e-5


@given(st.integers(0, 99))
def test_a_map_agrees_with_itself(seed):
    density = noise(10, seed)
    assert np.allclose(fourier_shell_correlation(density, density), 1)


@settings(max_examples=20)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_scales_do_not_matter_and_signs_turn_it(first_scale, second_scale):
    first, second = half_maps(12, 0.3)
    curve = fourier_shell_correlation(first, second)
    scaled = fourier_shell_correlation(first * first_scale, -second * second_scale)
    assert np.allclose(scaled[1:], -curve[1:], atol=1e-5)


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_the_order_of_the_halves_does_not_matter(seed):
    first, second = half_maps(12, 0.5, seed=seed)
    one = fourier_shell_correlation(first, second)
    other = fourier_shell_correlation(second, first)
    assert np.allclose(one, other, atol=1e-12)


def test_random_halves_do_not_correlate():
    box = 32
    curves = np.array(
        [
            fourier_shell_correlation(noise(box, 2 * seed), noise(box, 2 * seed + 1))
            for seed in range(20)
        ]
    )[:, 1:]
    # A shell of radius r holds about 2 pi r^2 independent complex samples.
    expected = 1 / np.sqrt(4 * np.pi * np.arange(1, box // 2) ** 2)
    assert np.abs(curves.mean(0) / expected * np.sqrt(20)).max() < 4
    assert np.median(curves.std(0) / expected) == pytest.approx(0.82, abs=0.15)


def test_an_empty_map_correlates_with_nothing():
    assert not fourier_shell_correlation(noise(8, 1), np.zeros((8, 8, 8)))[1:].any()


def test_maps_of_other_boxes_are_refused():
    with pytest.raises(InvalidInput, match="box"):
        fourier_shell_correlation(noise(8, 1), noise(10, 1))
    with pytest.raises(InvalidInput, match="mask"):
        fourier_shell_correlation(noise(8, 1), noise(8, 1), mask=noise(10, 1))
    with pytest.raises(InvalidInput, match="differ"):
        transforms_correlation(np.zeros((8, 8, 5)), np.zeros((10, 10, 6)))


# --- random phases -----------------------------------------------------------------------------


@settings(max_examples=10)
@given(st.integers(0, 2**63), st.integers(1, 7))
def test_random_phases_keep_every_amplitude_and_what_lies_below(seed, shell):
    density = half_maps(16, 0.2)[0]
    mixed = phase_randomised(density, from_shell=shell, seed=seed)
    before, after = np.fft.rfftn(density), np.fft.rfftn(mixed)
    assert np.abs(np.abs(after) - np.abs(before)).max() < 1e-4 * np.abs(before).max()
    curve = fourier_shell_correlation(density, mixed)
    assert np.allclose(curve[:shell], 1, atol=1e-4)
    assert np.abs(curve[shell + 1 :]).max(initial=0) < 0.7


def test_random_phases_repeat_with_the_seed_and_differ_without():
    density = half_maps(16, 0.2)[0]
    one, same, other = (phase_randomised(density, from_shell=4, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


# --- all curves --------------------------------------------------------------------------------


def test_the_correction_takes_out_what_the_mask_brings():
    """Noise under a tight mask correlates after a common signal leaks; the correction knows."""
    box = 32
    first, second = half_maps(box, 0.15)
    mask = soft_sphere(box, diameter_voxel=12, edge_voxel=2)
    curves = half_map_fsc(first, second, mask=mask, seed=1)
    start = curves.randomised_from
    assert 1 < start < 12
    assert curves.unmasked[start] <= 0.8
    assert (curves.unmasked[1:start] > 0.8).all()
    kept = slice(0, start + 2)
    assert np.array_equal(curves.corrected[kept], curves.masked[kept])
    late = slice(start + 2, None)
    back = curves.corrected[late] * (1 - curves.randomised[late]) + curves.randomised[late]
    assert np.allclose(back, curves.masked[late])
    assert np.abs(curves.randomised[start + 4 :]).mean() < curves.masked[start + 4 :].mean()


def test_random_curves_are_means_of_draws_that_scatter_less():
    first, second = half_maps(24, 0.15)
    options = {"mask": soft_sphere(24, diameter_voxel=10, edge_voxel=2)}
    single = np.array(
        [half_map_fsc(first, second, seed=n, draws=1, **options).randomised for n in range(24)]
    )
    mean = np.array(
        [half_map_fsc(first, second, seed=n, draws=6, **options).randomised for n in range(12)]
    )
    assert mean.std(0)[6:].mean() < 0.6 * single.std(0)[6:].mean()
    assert np.abs(mean.mean(0) - single.mean(0)).max() < 4 * single.std(0).max() / np.sqrt(24)
    default = half_map_fsc(first, second, seed=3, **options).randomised
    named = half_map_fsc(first, second, seed=3, draws=draws_for(24), **options).randomised
    assert np.array_equal(default, named)


@pytest.mark.parametrize(("box", "draws"), [(32, 8), (128, 8), (160, 4), (256, 1), (512, 1)])
def test_small_boxes_get_more_draws(box, draws):
    assert draws_for(box) == draws


def test_halves_that_never_part_are_not_randomised():
    density = half_maps(16, 0.0)[0]
    curves = half_map_fsc(density, density, mask=np.ones((16,) * 3), seed=1)
    assert curves.randomised_from == 8
    assert np.allclose(curves.corrected, 1)
    assert curves.resolution_angstrom(1.5) == pytest.approx(3.0)


# --- cut-off -----------------------------------------------------------------------------------


def test_the_cut_off_lies_between_the_shells_that_straddle_it():
    curve = np.array([1, 0.9, 0.5, 0.3, 0.1, 0.6])
    assert cut_off_shell(curve, threshold=0.2) == pytest.approx(3.5)
    assert cut_off_shell(curve, threshold=0.5) == 2
    assert cut_off_shell(curve, threshold=0.05) == 6
    assert resolution_angstrom(curve, pixel_size_angstrom=2, threshold=0.2) == pytest.approx(
        6 * 2 * 2 / 3.5
    )


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.floats(0.05, 0.95))
def test_the_cut_off_is_the_first_crossing(values, threshold):
    curve = np.array([1.0, *values])
    shell = cut_off_shell(curve, threshold=threshold)
    assert 0 < shell <= len(curve)
    assert (curve[: int(np.ceil(shell))] > threshold).all()
    if shell < len(curve):
        assert curve[int(np.ceil(shell))] <= threshold


def test_a_pixel_size_of_nothing_is_refused():
    with pytest.raises(InvalidInput):
        resolution_angstrom(np.ones(8), pixel_size_angstrom=0, threshold=GOLD_STANDARD)


# --- RELION ------------------------------------------------------------------------------------


def postprocessed(folder, seed):
    """The columns of RELION's FSC table for the maps in a folder."""
    out = folder / "job"
    out.mkdir(exist_ok=True)
    (out / "job").mkdir(exist_ok=True)
    subprocess.run(
        [
            *("relion_postprocess", "--i", "half1_unfil.mrc", "--i2", "half2_unfil.mrc"),
            *("--mask", "mask.mrc", "--angpix", "2", "--o", "job/job"),
            *("--random_seed", str(seed)),
        ],
        cwd=folder,
        capture_output=True,
        check=False,  # without Ghostscript it fails after the table is written
    )
    table = (out / "job.star").read_text().split("data_fsc")[1].split("data_")[0].splitlines()
    names = [line.split()[0] for line in table if line.startswith("_")]
    rows = [line.split() for line in table if len(line.split()) == len(names)]
    return dict(zip(names, np.array(rows, dtype=float).T, strict=True))


@pytest.mark.slow
def test_curves_equal_those_of_relion(tmp_path):
    if shutil.which("relion_postprocess") is None:
        pytest.skip("relion_postprocess is not installed")
    box, seeds = 64, 24
    first, second = half_maps(box, 0.03)
    mask = soft_sphere(box, diameter_voxel=40, edge_voxel=6)
    for name, values in (("half1_unfil", first), ("half2_unfil", second), ("mask", mask)):
        with mrcfile.new(tmp_path / f"{name}.mrc") as file:
            file.set_data(values)
            file.voxel_size = 2.0
    tables = [postprocessed(tmp_path, seed) for seed in range(1, seeds + 1)]
    theirs = {
        name: np.array([table[f"_rln{column}"][: box // 2] for table in tables])
        for name, column in {
            "unmasked": "FourierShellCorrelationUnmaskedMaps",
            "masked": "FourierShellCorrelationMaskedMaps",
            "randomised": "CorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps",
            "corrected": "FourierShellCorrelationCorrected",
        }.items()
    }
    found = [
        half_map_fsc(first, second, mask=mask, seed=seed, rule="relion", draws=1)
        for seed in range(seeds)
    ]
    for name in ("unmasked", "masked"):
        ours = getattr(found[0], name)
        assert np.abs(ours - theirs[name][0]).max() < 1e-4, name
        default = getattr(half_map_fsc(first, second, mask=mask, seed=1), name)
        assert np.abs(default - theirs[name][0]).max() < 0.03, name
    for name in ("randomised", "corrected"):
        ours = np.array([getattr(each, name) for each in found])
        apart = np.abs(ours.mean(0) - theirs[name].mean(0))
        spread = np.sqrt((ours.var(0) + theirs[name].var(0)) / (seeds - 1))
        assert (apart < 0.005 + 4 * spread).all(), name
