"""Fourier shell correlation: unmasked, masked, with randomised phases, corrected; cut-offs.

docs/math/fsc.md has the equations (Harauz & van Heel, Optik 73, 1986; Chen et al., Ultramicroscopy
135, 2013, for the correction).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from mgit.errors import InvalidInput
from mgit.maps.shells import ShellRule, checked_cube, checked_half_complex, shell_sums

__all__ = [
    "GOLD_STANDARD",
    "RANDOMISE_BELOW",
    "TO_TRUTH",
    "HalfMapFsc",
    "corrected_curve",
    "cut_off_shell",
    "draws_for",
    "fourier_shell_correlation",
    "half_map_fsc",
    "phase_randomised",
    "resolution_angstrom",
    "transforms_correlation",
]

GOLD_STANDARD = 0.143
"""FSC between half-maps at which the mean map correlates 0.5 with the truth (Rosenthal &
Henderson, J. Mol. Biol. 333, 2003)."""
TO_TRUTH = 0.5
RANDOMISE_BELOW = 0.8
"""Phases are randomised from the first shell whose unmasked FSC is not above this."""
DRAWS_MAX = 8
DRAWN_VOXELS = 1 << 24
TRANSITION_SHELLS = 2
"""Shells beyond the first randomised one that keep the masked FSC: the mask leaks across it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfMapFsc:
    """Curves over shells 0 ... n/2 - 1 of two half-maps, float64; shell 0 is 1.

    unmasked, masked, randomised, corrected: docs/math/fsc.md, eqs. 2 to 4.
    randomised_from: first shell whose phases were randomised; n/2 when there is none.
    """

    unmasked: np.ndarray
    masked: np.ndarray
    randomised: np.ndarray
    corrected: np.ndarray
    randomised_from: int

    def resolution_angstrom(
        self, pixel_size_angstrom: float, *, threshold: float = GOLD_STANDARD
    ) -> float:
        """Where the corrected curve first falls to the threshold; Nyquist when it never does."""
        return resolution_angstrom(
            self.corrected, pixel_size_angstrom=pixel_size_angstrom, threshold=threshold
        )


def fourier_shell_correlation(
    first: np.ndarray,
    second: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    rule: ShellRule = "split",
) -> np.ndarray:
    """FSC of two maps (n, n, n) over shells 0 ... n/2 - 1: float64; shell 0 is 1.

    mask: multiplies both maps first. rule: how samples are shared by shells, see `shells`.
    A shell in which one map is empty correlates 0.

    Raises InvalidInput for maps that are no even cubes of one size or not finite.
    Maths: docs/math/fsc.md, eqs. 1 and 2.
    """
    _refuse_other_shapes(first, second, mask)
    if mask is not None:
        first, second = first * mask, second * mask
    return transforms_correlation(_transform(first), _transform(second), rule=rule)


def transforms_correlation(
    first: np.ndarray, second: np.ndarray, *, rule: ShellRule = "split"
) -> np.ndarray:
    """FSC of two half-complex cubes (n, n, n//2+1): float64 (n/2)."""
    box = checked_half_complex(first)
    if second.shape != first.shape:
        raise InvalidInput("transforms differ in shape", first=first.shape, second=second.shape)

    def terms(plane: int) -> Sequence[np.ndarray]:
        a, b = (each[plane].astype(np.complex128) for each in (first, second))
        return (a * b.conj()).real, (a * a.conj()).real, (b * b.conj()).real

    cross, power_a, power_b, _ = shell_sums(terms, box=box, rule=rule)
    scale = np.sqrt(power_a) * np.sqrt(power_b)
    curve = np.divide(cross, scale, out=np.zeros_like(cross), where=scale > 0)
    curve[0] = 1.0
    return np.asarray(curve)


def phase_randomised(density: np.ndarray, *, from_shell: int, seed: int) -> np.ndarray:
    """The map with random phases at radii of `from_shell` and more; amplitudes are kept exactly.

    Phases are multiplied by those of the transform of white noise, which has the symmetry of a
    real map also in the plane kx = 0. The same seed gives the same bits.
    Maths: docs/math/fsc.md, eq. 3.
    """
    box = checked_cube(density)
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal((box,) * 3, np.float32)
    transform, phases = _transform(density), _transform(noise)
    amplitude = np.abs(phases)
    phases = np.divide(phases, amplitude, out=np.ones_like(phases), where=amplitude > 0)
    kx = np.arange(box // 2 + 1)
    ky = np.fft.fftfreq(box, 1 / box)
    for plane in range(box):
        square = ky[plane] ** 2 + ky[:, None] ** 2 + kx[None, :] ** 2
        phases[plane][square < from_shell**2] = 1
    mixed = fft.irfftn(transform * phases, s=density.shape, axes=(0, 1, 2))
    return np.asarray(mixed.astype(density.dtype, copy=False))


def half_map_fsc(
    first: np.ndarray,
    second: np.ndarray,
    *,
    mask: np.ndarray,
    seed: int,
    rule: ShellRule = "split",
    draws: int | None = None,
) -> HalfMapFsc:
    """All curves of two half-maps (n, n, n) under a soft mask.

    seed: of the random phases; draw i of the halves takes the children 2 i and 2 i + 1 of it.
    draws: of random phases that `randomised` is the mean of; None for `draws_for` the box.
    Raises InvalidInput for arrays that do not fit. Maths: docs/math/fsc.md, eqs. 2 to 4.
    """
    unmasked = fourier_shell_correlation(first, second, rule=rule)
    masked = fourier_shell_correlation(first, second, mask=mask, rule=rule)
    low = np.flatnonzero(unmasked[1:] <= RANDOMISE_BELOW)
    start = int(low[0]) + 1 if len(low) else len(unmasked)
    if start == len(unmasked):
        return HalfMapFsc(
            unmasked=unmasked,
            masked=masked,
            randomised=masked.copy(),
            corrected=masked.copy(),
            randomised_from=start,
        )
    count = draws_for(len(first)) if draws is None else draws
    children = np.random.SeedSequence(seed).generate_state(2 * count, np.uint64)
    curves = [
        fourier_shell_correlation(
            phase_randomised(first, from_shell=start, seed=int(one)),
            phase_randomised(second, from_shell=start, seed=int(other)),
            mask=mask,
            rule=rule,
        )
        for one, other in children.reshape(-1, 2)
    ]
    randomised = np.mean(curves, axis=0)
    return HalfMapFsc(
        unmasked=unmasked,
        masked=masked,
        randomised=randomised,
        corrected=corrected_curve(masked, randomised, start),
        randomised_from=start,
    )


def draws_for(box: int) -> int:
    """How many draws of random phases a box gets: 8 up to 128 voxels, 1 from 204 on.

    A small box has few samples per shell, so that one draw scatters more, and costs little.
    """
    return max(1, min(DRAWS_MAX, DRAWN_VOXELS // box**3))


def cut_off_shell(curve: np.ndarray, *, threshold: float) -> float:
    """Fractional shell at which a curve first falls to a threshold, linear between shells.

    The number of shells, which is Nyquist, when it never does. Maths: docs/math/fsc.md, eq. 5.
    """
    low = np.flatnonzero(curve[1:] <= threshold)
    if not len(low):
        return float(len(curve))
    shell = int(low[0]) + 1
    above, below = float(curve[shell - 1]), float(curve[shell])
    return shell - 1 + (above - threshold) / (above - below) if above > threshold else float(shell)


def resolution_angstrom(
    curve: np.ndarray, *, pixel_size_angstrom: float, threshold: float = GOLD_STANDARD
) -> float:
    """Resolution at the cut-off of a curve over shells 0 ... n/2 - 1 of a box n."""
    if not pixel_size_angstrom > 0:
        raise InvalidInput("a pixel size is positive", pixel_size_angstrom=pixel_size_angstrom)
    return 2 * len(curve) * pixel_size_angstrom / cut_off_shell(curve, threshold=threshold)


def corrected_curve(masked: np.ndarray, randomised: np.ndarray, start: int) -> np.ndarray:
    """What of the masked curve the mask does not explain, phases random from `start` on (eq. 4)."""
    corrected = masked.copy()
    beyond = slice(start + TRANSITION_SHELLS, None)
    left = np.maximum(1 - randomised[beyond], np.finfo(np.float64).eps)
    corrected[beyond] = (masked[beyond] - randomised[beyond]) / left
    return corrected


def _transform(density: np.ndarray) -> np.ndarray:
    return np.asarray(fft.rfftn(density))


def _refuse_other_shapes(first: np.ndarray, second: np.ndarray, mask: np.ndarray | None) -> None:
    box = checked_cube(first)
    for name, other in (("second", second), ("mask", mask)):
        if other is not None and checked_cube(other) != box:
            raise InvalidInput(f"the {name} map has another box", box=other.shape[0], first=box)
