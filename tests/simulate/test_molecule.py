import numpy as np
import pytest
from scipy.integrate import quad

from mgit.errors import InvalidInput
from mgit.simulate.forward import particle_rotations
from mgit.simulate.molecule import Molecule, made_molecule

PIXEL = 2.0


@pytest.fixture
def molecule(rng) -> Molecule:
    return made_molecule(rng, gaussians=40, diameter_angstrom=60.0, width_angstrom=2.5)


def at(molecule, x, y, z) -> float:
    """The density at one point, term by term."""
    total = 0.0
    for centre, width, weight in zip(
        molecule.centres, molecule.widths, molecule.weights, strict=True
    ):
        squared = ((np.array([x, y, z]) - centre) ** 2).sum()
        total += weight * np.exp(-squared / (2 * width**2)) / (2 * np.pi * width**2) ** 1.5
    return total


def test_a_projection_is_the_integral_along_z(rng):
    molecule = Molecule(
        centres=np.array([[11.0, 14.0, 3.0], [17.0, 9.0, -5.0]]),
        widths=np.array([2.5, 4.0]),
        weights=np.array([3.0, 1.0]),
    )
    image = molecule.projection((12, 14), pixel_size_angstrom=PIXEL)
    for row, column in ((7, 5), (4, 9), (6, 7)):
        wanted, _ = quad(lambda z, x=column, y=row: at(molecule, x * PIXEL, y * PIXEL, z), -60, 60)
        assert image[row, column] == pytest.approx(wanted, rel=1e-5)


def test_the_density_is_sampled_about_the_middle_voxel(molecule):
    density = molecule.density(32, pixel_size_angstrom=PIXEL)
    for z, y, x in ((16, 16, 16), (12, 20, 17), (3, 2, 30)):
        place = [(index - 16) * PIXEL for index in (x, y, z)]
        assert density[z, y, x] == pytest.approx(at(molecule, *place), rel=1e-5, abs=1e-12)


def test_projections_are_central_slices_of_the_transform(molecule):
    """F2[projection of R rho](kx, ky) = F3[rho](R^T (kx, ky, 0)), the latter in closed form."""
    rotation = particle_rotations(np.array([31.0, 62.0, -115.0]))
    edge = 64
    middle = np.full(3, edge // 2 * PIXEL)
    image = molecule.moved(rotation, middle).projection((edge, edge), pixel_size_angstrom=PIXEL)
    transform = np.fft.rfft2(np.fft.ifftshift(image.astype(float))) * PIXEL**2
    k = np.fft.fftfreq(edge, PIXEL)
    for row, column in ((0, 0), (3, 5), (60, 7), (10, 1)):
        frequency = rotation.T @ np.array([k[column], k[row], 0.0])
        phases = np.exp(-2j * np.pi * molecule.centres @ frequency)
        decay = np.exp(-2 * np.pi**2 * molecule.widths**2 * (frequency**2).sum())
        wanted = (molecule.weights * decay * phases).sum()
        assert transform[row, column] == pytest.approx(wanted, abs=2e-4)


def test_the_other_hand_looks_alike_untilted_and_different_under_tilt(molecule):
    other = molecule.mirrored()
    middle = np.full(3, 32.0)

    def image(of, tilt):
        rotation = particle_rotations(np.array([0.0, tilt, 0.0]))
        return of.moved(rotation, middle).projection((32, 32), pixel_size_angstrom=PIXEL)

    assert np.allclose(image(molecule, 0.0), image(other, 0.0))
    ours, theirs = image(molecule, 40.0), image(other, 40.0)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] < 0.9


def handedness(molecule) -> float:
    """Determinant of the principal axes, each pointing along its own third moment."""
    axes = np.linalg.eigh(np.cov(molecule.centres.T))[1]
    skew = ((molecule.centres @ axes) ** 3).mean(axis=0)
    assert (np.abs(skew) > 0.5).all(), "an axis without direction says nothing"
    return float(np.linalg.det(axes * np.sign(skew)))


def test_no_rotation_turns_the_molecule_into_its_mirror_image(molecule, rng):
    turn = particle_rotations(rng.uniform(0, 180, 3))
    ours = handedness(molecule)
    assert handedness(molecule.moved(turn, np.zeros(3))) == pytest.approx(ours)
    assert handedness(molecule.mirrored()) == pytest.approx(-ours)


def test_a_made_molecule_fills_its_diameter_about_its_centre_of_mass(molecule):
    centre = np.average(molecule.centres, axis=0, weights=molecule.weights)
    assert np.abs(centre).max() < 1e-9
    assert 25 < molecule.radius_angstrom <= 30


def test_the_integral_is_the_sum_of_weights(molecule):
    density = molecule.density(48, pixel_size_angstrom=PIXEL)
    assert density.sum() * PIXEL**3 == pytest.approx(molecule.weights.sum(), rel=1e-4)
    image = molecule.moved(np.eye(3), np.full(3, 48.0)).projection(
        (48, 48), pixel_size_angstrom=PIXEL
    )
    assert image.sum() * PIXEL**2 == pytest.approx(molecule.weights.sum(), rel=1e-4)


@pytest.mark.parametrize(
    ("centres", "widths", "weights"),
    [
        (np.zeros((0, 3)), np.ones(0), np.ones(0)),
        (np.zeros((2, 3)), np.ones(1), np.ones(2)),
        (np.zeros((1, 3)), np.zeros(1), np.ones(1)),
        (np.full((1, 3), np.nan), np.ones(1), np.ones(1)),
    ],
)
def test_an_impossible_molecule_is_refused(centres, widths, weights):
    with pytest.raises(InvalidInput):
        Molecule(centres=centres, widths=widths, weights=weights)


def test_gaussians_wider_than_the_particle_are_refused(rng):
    with pytest.raises(InvalidInput, match="too wide"):
        made_molecule(rng, gaussians=5, diameter_angstrom=20.0, width_angstrom=8.0)
