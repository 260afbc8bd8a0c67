import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.optics.crop import exposure_dependent_sizes, kept_share

SIZE, BOX = 128, 256.0  # 128 pixels of 2 angstrom


def brute_force(b: np.ndarray, threshold: float) -> list[int]:
    """Two times the first shell whose relative weight is below the threshold, shell by shell."""
    sizes = []
    for each in b:
        k = np.arange(1, SIZE + 1) / BOX
        ratio = np.exp((each - b.max()) * k**2 / 4)
        below = np.flatnonzero(ratio < threshold)
        first = below[0] + 1 if below.size else SIZE
        sizes.append(int(np.clip(2 * first, 2, SIZE)))
    return sizes


@pytest.mark.parametrize("threshold", [0.05, 0.25, 0.6])
def test_sizes_are_those_of_counting_shells(rng, threshold):
    b = -rng.uniform(0, 600, 40)
    found = exposure_dependent_sizes(b, size=SIZE, box_angstrom=BOX, threshold=threshold)
    assert found.tolist() == brute_force(b, threshold)


def test_the_best_image_is_never_cropped_and_the_worst_keeps_something():
    found = exposure_dependent_sizes(np.array([-3.0, -1e9]), size=SIZE, box_angstrom=BOX)
    assert found.tolist() == [128, 2]


def test_the_closed_form_of_the_paper():
    """f_max = sqrt(1.386 / exposure difference) for B = -4 e and a threshold of 1/4."""
    exposure = np.array([0.0, 60.0])
    found = exposure_dependent_sizes(-4 * exposure, size=SIZE, box_angstrom=BOX)
    assert found[1] == pytest.approx(2 * np.sqrt(1.386 / 60) * BOX, abs=2)


def test_an_anisotropic_decay_counts_in_its_best_direction():
    b, delta = np.array([0.0, -200.0]), np.array([0.0, -150.0])
    found = exposure_dependent_sizes(b, size=SIZE, box_angstrom=BOX, b_factor_delta=delta)
    alone = exposure_dependent_sizes(np.array([0.0, -50.0]), size=SIZE, box_angstrom=BOX)
    assert found.tolist() == alone.tolist()


def test_sizes_are_even_and_shrink_with_exposure():
    found = exposure_dependent_sizes(-4 * np.arange(0, 121, 3.0), size=SIZE, box_angstrom=BOX)
    assert (found % 2 == 0).all()
    assert (np.diff(found) <= 0).all()


def test_a_usual_series_keeps_about_half_of_its_samples():
    """41 tilts of 3 e/A^2 refined to 4 A: the saving that the threshold is for."""
    sizes = exposure_dependent_sizes(-4 * np.arange(0, 123, 3.0), size=SIZE, box_angstrom=BOX)
    assert kept_share(sizes, size=SIZE) == pytest.approx(0.5, abs=0.02)
    assert kept_share(np.array([SIZE]), size=SIZE) == 1


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0, float("nan")])
def test_an_impossible_threshold_is_refused(threshold):
    with pytest.raises(InvalidState):
        exposure_dependent_sizes(np.zeros(2), size=8, box_angstrom=8.0, threshold=threshold)
