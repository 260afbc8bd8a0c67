import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.optics.frequencies import image_frequencies
from mgit.optics.weights import (
    at_frame_location,
    frame_weights,
    reference_terms,
    tilt_weights,
    weight_image,
)

ANGLES = torch.tensor([-60.0, 0.0, 30.0], dtype=torch.float64)
EXPOSURE = torch.tensor([90.0, 0.0, 30.0], dtype=torch.float64)


def test_without_a_fit_tilts_weigh_their_cosine_and_decay_with_exposure():
    terms = tilt_weights(ANGLES, EXPOSURE)
    assert terms.scale.tolist() == pytest.approx([0.5, 1.0, np.sqrt(3) / 2])
    assert terms.b_factor.tolist() == [-360.0, 0.0, -120.0]
    assert not terms.b_factor_delta.any()


def test_fitted_weights_replace_the_assumed_ones():
    scale, b = torch.tensor([0.1, 0.9, 0.5]).double(), torch.tensor([-9.0, -1.0, -5.0]).double()
    terms = tilt_weights(
        ANGLES, EXPOSURE, fitted_scale=scale, fitted_b_factor=b, ctf_scale=torch.full((3,), 0.3)
    )
    assert torch.equal(terms.scale, scale)
    assert torch.equal(terms.b_factor, b)


def test_imported_scales_replace_the_cosine_and_imported_b_factors_add():
    given = torch.tensor([0.31, 1.0, 0.8]).double()
    terms = tilt_weights(ANGLES, EXPOSURE, ctf_scale=given, ctf_b_factor=torch.full((3,), -7.0))
    assert torch.equal(terms.scale, given)
    assert terms.b_factor.tolist() == [-367.0, -7.0, -127.0]


def test_the_cap_of_m_is_an_option():
    b = torch.tensor([-100.0, -1.0, -200.0]).double()
    capped = tilt_weights(ANGLES, EXPOSURE, fitted_b_factor=b, b_per_exposure_max=-3.0)
    assert capped.b_factor.tolist() == [-270.0, -1.0, -200.0]


def test_frames_decay_from_the_middle_of_each():
    terms = frame_weights(3, exposure_per_frame=2.0, pre_exposure=10.0)
    assert terms.b_factor.tolist() == [-44.0, -52.0, -60.0]
    assert terms.scale.tolist() == [1, 1, 1]
    fitted = frame_weights(2, exposure_per_frame=1.0, fitted_b_factor=torch.tensor([-1.0, -2.0]))
    assert fitted.b_factor.tolist() == [-1, -2]


def test_a_negative_exposure_is_refused():
    with pytest.raises(InvalidState, match="negative"):
        frame_weights(3, exposure_per_frame=-40.0)


def test_the_image_is_the_formula():
    k = image_frequencies(8, 2.0)
    delta, angle = torch.tensor([5.0]).double(), torch.tensor([20.0]).double()
    terms = tilt_weights(ANGLES[:1], EXPOSURE[:1], b_factor_delta=delta, b_factor_angle=angle)
    found = weight_image(k, terms)[0]
    kx, ky = k[3, 2].numpy()
    phi = np.arctan2(ky, kx)
    b = -360.0 + 5.0 * np.cos(2 * (phi - np.deg2rad(20)))
    assert found[3, 2] == pytest.approx(0.5 * np.exp(b * (kx**2 + ky**2) / 4))
    assert found[0, 0] == pytest.approx(0.5)


def test_location_and_item_terms_multiply_and_add():
    k = image_frequencies(8, 2.0)
    base = tilt_weights(ANGLES, EXPOSURE)
    found = weight_image(k, base.times(scale=0.5, b_factor=-8.0))
    expected = weight_image(k, base) * 0.5 * torch.exp(-2.0 * k.square().sum(-1))
    assert torch.allclose(found, expected, atol=1e-15)


def test_a_place_in_the_field_may_only_weaken_a_frame():
    base = frame_weights(2, exposure_per_frame=1.0)
    scale, b = torch.tensor([0.5, 1.5]).double(), torch.tensor([3.0, -4.0]).double()
    found = at_frame_location(base, scale=scale, b_factor=b)
    assert found.scale.tolist() == [0.5, 1.0]
    assert found.b_factor.tolist() == [-2.0, -10.0]


def test_no_direction_of_a_reference_is_sharpened():
    delta = torch.tensor([5.0, -30.0]).double()
    terms = reference_terms(frame_weights(2, exposure_per_frame=4.0, b_factor_delta=delta))
    assert terms.b_factor.tolist() == [-8.0, -30.0]
    image = weight_image(image_frequencies(8, 2.0), terms)
    assert image.max() <= 1


def test_weights_of_a_phase_plate_are_not_weaker():
    """Only scale and decay count: no phase shift enters."""
    assert weight_image(image_frequencies(4, 1.0), tilt_weights(ANGLES, EXPOSURE))[1, 0, 0] == 1


def test_derivatives_are_exact():
    k = image_frequencies(4, 4.0)
    parts = [torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (0.8, -30, 4, 25)]

    def value(scale, b, delta, angle):
        terms = tilt_weights(
            ANGLES[:1],
            EXPOSURE[:1],
            fitted_scale=scale,
            fitted_b_factor=b,
            b_factor_delta=delta,
            b_factor_angle=angle,
        )
        return weight_image(k, terms)

    assert torch.autograd.gradcheck(value, tuple(parts), eps=1e-4, atol=1e-8)
