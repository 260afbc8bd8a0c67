"""How much an image counts at a frequency: exposure, tilt, location, docs/math/ctf.md section 3.

`W(k) = scale exp((B + dB cos 2(phi - phi_B)) k^2 / 4)` with B <= 0 for decay. Grids are evaluated
by the caller; here are the rules that join what a series knows. Excluded tilts have no weight at
all: they are left out beforehand.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.optics.frequencies import polar_cosine

__all__ = [
    "WeightTerms",
    "at_frame_location",
    "frame_weights",
    "reference_terms",
    "tilt_weights",
    "weight_image",
]

B_PER_EXPOSURE = -4.0
"""Angstrom^2 per e/angstrom^2: the decay assumed until it is fitted (Tegunov et al. 2021)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightTerms:
    """Scale and B factor of a batch of images, tensors of one shape or broadcast to it.

    b_factor, b_factor_delta: angstrom^2, negative for decay. b_factor_angle: degrees.
    """

    scale: Tensor
    b_factor: Tensor
    b_factor_delta: Tensor
    b_factor_angle: Tensor

    def times(
        self, *, scale: Tensor | float = 1.0, b_factor: Tensor | float = 0.0
    ) -> "WeightTerms":
        """The terms with another factor and another B factor, such as those of the whole item."""
        return WeightTerms(
            scale=self.scale * scale,
            b_factor=self.b_factor + b_factor,
            b_factor_delta=self.b_factor_delta,
            b_factor_angle=self.b_factor_angle,
        )


def tilt_weights(
    tilt_angle: Tensor,
    exposure: Tensor,
    *,
    fitted_scale: Tensor | None = None,
    fitted_b_factor: Tensor | None = None,
    b_factor_delta: Tensor | None = None,
    b_factor_angle: Tensor | None = None,
    ctf_scale: Tensor | None = None,
    ctf_b_factor: Tensor | None = None,
    b_per_exposure_max: float | None = None,
) -> WeightTerms:
    """Weights of tilts `(n,)` at the middle of the field, eq. 7.

    tilt_angle: degrees. exposure: accumulated, e/angstrom^2. The scale is the fitted one, else the
    one that the CTF was imported with, else cos(tilt). The B factor is the fitted one, else -4
    times the exposure; what the CTF was imported with is added.

    b_per_exposure_max: None, or the least decay per exposure that a fitted B factor may have; M
        uses -3 without saying so.
    """
    scale = torch.cos(torch.deg2rad(tilt_angle))
    if ctf_scale is not None:
        scale = ctf_scale
    if fitted_scale is not None:
        scale = fitted_scale
    b_factor = B_PER_EXPOSURE * exposure
    if fitted_b_factor is not None:
        b_factor = fitted_b_factor
        if b_per_exposure_max is not None:
            b_factor = torch.minimum(b_factor, b_per_exposure_max * exposure)
    if ctf_b_factor is not None:
        b_factor = b_factor + ctf_b_factor
    return _terms(scale, b_factor, b_factor_delta, b_factor_angle)


def frame_weights(
    frames: int,
    *,
    exposure_per_frame: float,
    pre_exposure: float = 0.0,
    fitted_scale: Tensor | None = None,
    fitted_b_factor: Tensor | None = None,
    b_factor_delta: Tensor | None = None,
    b_factor_angle: Tensor | None = None,
) -> WeightTerms:
    """Weights of the frames `(frames,)` of a movie, eq. 8.

    Unfitted B factors are -4 times the exposure in the middle of the frame. Raises InvalidState
    for a negative exposure, which some programs use for the total of a movie.
    """
    if exposure_per_frame < 0 or pre_exposure < 0:
        raise InvalidState(
            "an exposure is negative",
            hint="give the exposure of one frame in e/A^2",
            exposure_per_frame=exposure_per_frame,
        )
    middle = torch.arange(frames, dtype=torch.float64) + 0.5
    b_factor = B_PER_EXPOSURE * (pre_exposure + exposure_per_frame * middle)
    return _terms(
        torch.ones(frames, dtype=torch.float64) if fitted_scale is None else fitted_scale,
        b_factor if fitted_b_factor is None else fitted_b_factor,
        b_factor_delta,
        b_factor_angle,
    )


def at_frame_location(terms: WeightTerms, *, scale: Tensor, b_factor: Tensor) -> WeightTerms:
    """Frame weights at a place in the field, where its grids read `scale` and `b_factor`.

    A place may only weaken a frame: scales above 1 and positive B factors do not count, eq. 8.
    """
    return terms.times(scale=scale.clamp(max=1.0), b_factor=b_factor.clamp(max=0.0))


def reference_terms(terms: WeightTerms) -> WeightTerms:
    """Frame weights of a reference: the B factor is at least as strong as its anisotropy.

    So no direction of a reference is sharpened.
    """
    return WeightTerms(
        scale=terms.scale,
        b_factor=torch.minimum(terms.b_factor, -terms.b_factor_delta.abs()),
        b_factor_delta=terms.b_factor_delta,
        b_factor_angle=terms.b_factor_angle,
    )


def weight_image(frequencies: Tensor, terms: WeightTerms) -> Tensor:
    """W at frequencies `(h, w, 2)` for every image: `(..., h, w)`, eq. 6. Differentiable."""
    scale, b_factor, delta, angle = (
        each[..., None, None]
        for each in (terms.scale, terms.b_factor, terms.b_factor_delta, terms.b_factor_angle)
    )
    square = frequencies.square().sum(-1)
    exponent = b_factor * square + delta * polar_cosine(frequencies, angle)
    return scale * torch.exp(0.25 * exponent)


def _terms(
    scale: Tensor, b_factor: Tensor, delta: Tensor | None, angle: Tensor | None
) -> WeightTerms:
    zero = torch.zeros_like(b_factor)
    return WeightTerms(
        scale=scale,
        b_factor=b_factor,
        b_factor_delta=zero if delta is None else delta,
        b_factor_angle=zero if angle is None else angle,
    )
