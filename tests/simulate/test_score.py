from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidInput
from mgit.simulate.experiment import Particles
from mgit.simulate.forward import angles_of, particle_rotations
from mgit.simulate.score import common_frame, map_score, score
from mgit.simulate.truth import views_of


def in_frame(particles: Particles, rotation, shift) -> Particles:
    """The same particles described by a reference whose point c lies at `rotation c + shift`.

    A point stays where it is: p + R c = p' + R' (rotation c + shift).
    """
    turned = particle_rotations(particles.angles) @ rotation.T
    return replace(
        particles, positions=particles.positions - turned @ shift, angles=angles_of(turned)
    )


def test_the_truth_has_no_error(simulated):
    truth = simulated.truth.views()
    found, frame = score(truth, truth)
    assert found.particles == 8
    assert found.observations == 40
    assert found.position_rms_angstrom < 1e-9
    assert found.orientation_rms_degree < 1e-6
    assert found.defocus_rms_angstrom < 1e-9
    assert frame.angle_degree < 1e-6
    assert frame.shift_angstrom < 1e-9


@given(st.integers(0, 2**31))
def test_a_common_frame_of_the_reference_is_no_error(simulated, seed):
    """Without image warp exactly; its gradient over a few angstrom adds next to nothing."""
    random = np.random.default_rng(seed)
    rotation = Rotation.from_rotvec(random.normal(size=3)).as_matrix()
    shift = 5 * random.normal(size=3)
    truth = simulated.truth
    series = tuple(
        replace(
            each, arrays={n: v for n, v in each.arrays.items() if not n.startswith("image_warp")}
        )
        for each in truth.series
    )
    moved = in_frame(truth.particles, rotation, shift)
    found, frame = score(views_of(series, moved), views_of(series, truth.particles))
    assert found.position_rms_angstrom < 1e-6
    assert found.orientation_rms_degree < 1e-5
    assert found.defocus_rms_angstrom < 1e-6
    assert np.allclose(frame.rotation, rotation, atol=1e-7)
    assert np.allclose(frame.shift, shift, atol=1e-6)


def test_errors_that_were_put_in_come_out(simulated, rng):
    truth = simulated.truth.views()
    offset = rng.normal(size=truth.xy.shape)
    turns = Rotation.from_rotvec(np.radians(rng.normal(size=(len(truth), 3)))).as_matrix()
    wrong = replace(
        truth,
        xy=truth.xy + offset,
        rotation=turns @ truth.rotation,
        defocus=truth.defocus + 70.0,
    )
    found, _ = score(wrong, truth)
    length = np.sqrt((offset**2).sum(axis=1).mean())
    # A frame fitted to 80 numbers takes up a little of their noise.
    assert 0.9 * length < found.position_rms_angstrom <= length
    angle = np.degrees(np.sqrt((Rotation.from_matrix(turns).magnitude() ** 2).mean()))
    assert 0.9 * angle < found.orientation_rms_degree <= angle
    assert found.tilt_defocus_rms_angstrom == pytest.approx(70.0, abs=3)


def test_noise_of_tilts_is_not_taken_for_a_shift_of_the_reference(simulated):
    """A tilt that is off by 10 A in x is off by 10 A, whatever frame is fitted."""
    truth = simulated.truth.views()
    off = truth.tilt == 2
    wrong = replace(truth, xy=truth.xy + np.outer(off, [10.0, 0.0]))
    found, _ = score(wrong, truth)
    assert found.position_rms_angstrom == pytest.approx(10 * np.sqrt(off.mean()), rel=0.1)


def test_a_wrong_hand_is_an_error_not_a_frame(simulated):
    truth = simulated.truth.views()
    mirror = np.diag([1.0, 1.0, -1.0])
    mirrored = replace(truth, rotation=mirror @ truth.rotation @ mirror)
    found, frame = score(mirrored, truth)
    assert np.linalg.det(frame.rotation) == pytest.approx(1.0)
    assert found.orientation_median_degree > 20


def test_one_rotation_of_all_particles_but_one_shows_in_the_rms_alone(simulated):
    truth = simulated.truth.views()
    turn = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    wrong = replace(
        truth,
        rotation=np.where((truth.row == 3)[:, None, None], truth.rotation @ turn, truth.rotation),
    )
    found, _ = score(wrong, truth)
    assert found.orientation_median_degree < 5
    assert found.orientation_rms_degree == pytest.approx(30 / np.sqrt(8), rel=0.15)


def test_observations_are_matched_by_particle_and_tilt(simulated, rng):
    truth = simulated.truth.views()
    some = truth.take(rng.permutation(len(truth))[:25])
    found, _ = score(some, truth)
    assert found.observations == 25
    assert found.position_rms_angstrom < 1e-9


def test_nothing_in_common_is_refused(simulated):
    truth = simulated.truth.views()
    with pytest.raises(InvalidInput):
        score(replace(truth, row=truth.row + 100), truth)


def test_maps_are_compared_in_the_frame_of_the_estimate(simulated, rng):
    truth = simulated.truth
    rotation = Rotation.from_rotvec([0.3, -0.2, 0.4]).as_matrix()
    shift = np.array([3.0, -2.0, 1.0])
    pixel = truth.settings.pixel_size_angstrom
    moved = in_frame(truth.particles, rotation, shift)
    frame = common_frame(views_of(truth.series, moved), truth.views())
    density = truth.molecule.moved(rotation, shift).density(24, pixel_size_angstrom=pixel)
    noise = 0.002 * density.max() * rng.normal(size=(2, 24, 24, 24))
    facts = {"pixel_size_angstrom": pixel, "diameter_angstrom": 100.0}

    def compared(of):
        return map_score(density + noise[0], density + noise[1], truth.molecule, of, **facts)

    right = compared(frame)
    wrong = compared(replace(frame, rotation=np.eye(3), shift=np.zeros(3)))
    assert right.truth_angstrom == pytest.approx(2 * pixel * 12 / 11)
    assert right.halves_angstrom == pytest.approx(right.truth_angstrom)
    assert wrong.truth_angstrom > 2 * right.truth_angstrom
    # The two halves agree with each other whatever the truth is.
    assert wrong.halves_angstrom == right.halves_angstrom
