"""AB and A^2 of images in one tilt as functions of its defocus and astigmatism, in one pass.

The phase of the CTF is linear in all three, so that a table of the rest and three tables of slopes
are made once per tilt; an evaluation reads every sample once (docs/math/target.md, section 5). In
float32 by a compiled loop, in float64 by torch, which is the reference.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from kernels.strips import compiled, compiled_strictly
from mgit.optics.aberrations import zernike
from mgit.optics.ctf import Optics, gamma
from mgit.refine.inputs import TiltSeriesData

__all__ = ["ContrastSums", "Phase", "phase_of_tilt"]

STRIP = 512
# pi / 2 in three parts, the first two with trailing zeros, and minimax polynomials of sine and
# cosine to a quarter of pi (Cephes, single precision).
TURN = np.float32(2 / np.pi)
PART_1, PART_2, PART_3 = (np.float32(each) for each in (1.5703125, 4.837513e-4, 7.54979e-8))
S1, S2, S3 = (np.float32(each) for each in (-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4))
C1, C2, C3 = (
    np.float32(each) for each in (4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5)
)
HALF, ONE = np.float32(0.5), np.float32(1)

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phase:
    """The phase of the CTF of one tilt: fixed + slopes . (defocus, u, v).

    fixed: `(samples,)` radians. slopes: `(3, samples)` radians per angstrom of defocus and of both
    components of astigmatism, delta cos 2 angle and delta sin 2 angle.
    """

    fixed: Tensor
    slopes: Tensor


def phase_of_tilt(frequencies: Tensor, series: TiltSeriesData, tilt: int) -> Phase:
    """The phase at frequencies `(h, w, 2)` in the specimen, flattened, in their dtype.

    Images that carry their CTF already have contrast one, whatever their defocus.
    """
    count = frequencies.shape[:-1].numel()
    if series.ctf_multiplied:
        fixed = torch.full((count,), -0.5 * torch.pi, dtype=frequencies.dtype)
        return Phase(fixed=fixed, slopes=fixed.new_zeros((3, count)))

    def one(value: float) -> Tensor:
        return torch.tensor(value, dtype=frequencies.dtype)

    even: Tensor | None = None
    if np.any(series.optics.get("zernike_even", 0.0)):
        even = torch.from_numpy(series.optics["zernike_even"]).to(frequencies.dtype)
    rest = Optics(
        defocus=one(0.0),
        defocus_delta=one(0.0),
        defocus_angle=one(0.0),
        phase_shift=one(float(series.optic("phase_shift")[tilt])),
        zernike_even=even,
    )
    fixed = gamma(frequencies, series.microscope, rest)
    unit = -torch.pi * series.microscope.wavelength_angstrom
    slopes = [
        unit * frequencies.square().sum(-1),
        0.5 * unit * zernike(frequencies, n=2, m=2),
        0.5 * unit * zernike(frequencies, n=2, m=-2),
    ]
    return Phase(fixed=fixed.reshape(-1), slopes=torch.stack(slopes).reshape(3, -1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContrastSums:
    """The sums over images `(n, samples)` of contrast times product and its square times power.

    defocus: `(n,)` angstrom, of the particles.
    """

    phase: Phase
    product: Tensor
    power: Tensor
    defocus: Tensor

    def at(self, values: Tensor) -> Tensor:
        """AB and A^2, float64 `(2,)`, at a change of defocus, u and v `(3,)`; differentiable."""
        if self.product.dtype == torch.float32:
            return cast(Tensor, _Sums.apply(values, self))  # type: ignore[no-untyped-call]
        change = torch.stack([self.defocus + values[0], *values[1:].expand(len(self.defocus), 2).T])
        factor = -torch.sin(self.phase.fixed + change.T @ self.phase.slopes)
        return torch.stack([(factor * self.product).sum(), (factor.square() * self.power).sum()])

    def arrays(self) -> Arrays:
        """What the compiled loops take besides values."""

        def array(tensor: Tensor) -> np.ndarray:
            return np.ascontiguousarray(tensor.detach().numpy())

        fixed, slopes = array(self.phase.fixed), array(self.phase.slopes)
        return array(self.product), array(self.power), array(self.defocus), fixed, slopes


class _Sums(torch.autograd.Function):
    """Sums by the compiled loop, derivatives from the same pass."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, task: ContrastSums) -> Tensor:
        found = np.zeros((2, 4))
        point = values.detach().double().numpy()
        if values.requires_grad:
            _with_slopes(*task.arrays(), point, found)
            ctx.save_for_backward(torch.from_numpy(found[:, 1:]))
        else:
            _values(*task.arrays(), point, found)
        return torch.from_numpy(found[:, 0].copy())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (slopes,) = ctx.saved_tensors
        return gradients[0] @ slopes, None


@compiled_strictly
def _waves(
    change: np.ndarray,
    fixed: np.ndarray,
    slopes: np.ndarray,
    start: int,
    count: int,
    sine: np.ndarray,
    cosine: np.ndarray,
) -> None:
    """Sine and cosine of the phase of a strip; strictly, for the parts of pi must not be joined."""
    d, u, v = change[0], change[1], change[2]
    for i in range(count):
        at = start + i
        phase = fixed[at] + d * slopes[0, at] + u * slopes[1, at] + v * slopes[2, at]
        quarter = np.rint(phase * TURN)
        r = ((phase - quarter * PART_1) - quarter * PART_2) - quarter * PART_3
        z = r * r
        s = r + r * z * (S1 + z * (S2 + z * S3))
        c = ONE - HALF * z + z * z * (C1 + z * (C2 + z * C3))
        turn = np.int32(quarter) & np.int32(3)
        swapped = (turn & np.int32(1)) != 0
        upper = s if not swapped else c
        lower = c if not swapped else s
        sine[i] = -upper if turn >= 2 else upper
        cosine[i] = -lower if (turn == 1) | (turn == 2) else lower


@compiled
def _values(
    product: np.ndarray,
    power: np.ndarray,
    defocus: np.ndarray,
    fixed: np.ndarray,
    slopes: np.ndarray,
    values: np.ndarray,
    found: np.ndarray,
) -> None:
    """Both sums into found[:, 0]."""
    sine, cosine = np.empty(STRIP, np.float32), np.empty(STRIP, np.float32)
    change = np.empty(3, np.float32)
    for n in range(len(product)):
        change[0] = defocus[n] + values[0]
        change[1], change[2] = values[1], values[2]
        for start in range(0, product.shape[1], STRIP):
            count = min(STRIP, product.shape[1] - start)
            _waves(change, fixed, slopes, start, count, sine, cosine)
            first = second = 0.0
            for i in range(count):
                c = -sine[i]
                first += c * product[n, start + i]
                second += c * c * power[n, start + i]
            found[0, 0] += first
            found[1, 0] += second


@compiled
def _with_slopes(
    product: np.ndarray,
    power: np.ndarray,
    defocus: np.ndarray,
    fixed: np.ndarray,
    slopes: np.ndarray,
    values: np.ndarray,
    found: np.ndarray,
) -> None:
    """Both sums into found[:, 0], their derivatives for the three values beside them."""
    sine, cosine = np.empty(STRIP, np.float32), np.empty(STRIP, np.float32)
    change = np.empty(3, np.float32)
    for n in range(len(product)):
        change[0] = defocus[n] + values[0]
        change[1], change[2] = values[1], values[2]
        for start in range(0, product.shape[1], STRIP):
            count = min(STRIP, product.shape[1] - start)
            _waves(change, fixed, slopes, start, count, sine, cosine)
            first = second = 0.0
            a0 = a1 = a2 = b0 = b1 = b2 = 0.0
            for i in range(count):
                at = start + i
                c = -sine[i]
                weighted = c * power[n, at]
                first += c * product[n, at]
                second += c * weighted
                a = -cosine[i] * product[n, at]
                b = -2 * cosine[i] * weighted
                a0 += a * slopes[0, at]
                a1 += a * slopes[1, at]
                a2 += a * slopes[2, at]
                b0 += b * slopes[0, at]
                b1 += b * slopes[1, at]
                b2 += b * slopes[2, at]
            found[0, 0] += first
            found[0, 1] += a0
            found[0, 2] += a1
            found[0, 3] += a2
            found[1, 0] += second
            found[1, 1] += b0
            found[1, 2] += b1
            found[1, 3] += b2
