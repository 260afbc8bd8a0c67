import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.simulate.shells import Curve, shell_correlation


def test_a_map_agrees_with_itself_whatever_its_scale(rng):
    a = rng.normal(size=(16, 16, 16))
    curve = shell_correlation(a, 3 * a, pixel_size_angstrom=2.0)
    assert curve.correlation == pytest.approx(np.ones(8))
    assert curve.edge_angstrom == 32.0


def test_the_curve_is_the_definition_over_the_full_transform(rng):
    a, b = rng.normal(size=(2, 12, 12, 12))
    b += a
    found = shell_correlation(a, b, pixel_size_angstrom=1.0).correlation
    fa, fb = np.fft.fftn(a), np.fft.fftn(b)
    k = np.fft.fftfreq(12, 1 / 12)
    radius = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)
    for shell in range(6):
        chosen = np.round(radius) == shell
        cross = (fa * fb.conj())[chosen].sum()
        power = (abs(fa[chosen]) ** 2).sum() * (abs(fb[chosen]) ** 2).sum()
        assert found[shell] == pytest.approx(cross.real / np.sqrt(power))


def test_the_resolution_lies_between_shells():
    curve = Curve(correlation=np.array([1, 0.9, 0.7, 0.3, 0.6]), edge_angstrom=100.0)
    assert curve.resolution_angstrom(0.5) == pytest.approx(100 / 2.5)
    assert curve.resolution_angstrom(0.2) == pytest.approx(100 / 4)
    assert curve.resolution_angstrom(0.95) is None


def test_an_empty_map_agrees_with_nothing(rng):
    curve = shell_correlation(
        np.zeros((8, 8, 8)), rng.normal(size=(8, 8, 8)), pixel_size_angstrom=1.0
    )
    assert (curve.correlation == 0).all()
    assert curve.resolution_angstrom(0.5) is None


@pytest.mark.parametrize("shape", [(8, 8, 6), (6, 6, 6)])
def test_maps_of_other_sizes_are_refused(shape):
    with pytest.raises(InvalidInput):
        shell_correlation(np.zeros((8, 8, 8)), np.zeros(shape), pixel_size_angstrom=1.0)
