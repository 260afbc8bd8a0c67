"""Whether a round made things better: held-out particles and half-map FSC, with their noise.

docs/math/holdout.md. A round is worse when a measure falls by more than `NOISE_FACTOR` standard
errors and by more than a share that anybody would notice; no measure of one species is compared
with another's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgit.refine.holdout import HeldOut

__all__ = ["Change", "FscSample", "fsc_change", "held_out_change"]

NOISE_FACTOR = 2.0
NOTICEABLE = 0.005
"""Share of a measure; the standard errors of paired changes can be far smaller."""
FEW_PARTICLES = 10
"""With fewer, images and not particles are the units of the standard error."""
MEASURABLE = 0.143


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A measure of one species before and after a round, and the standard error of its change.

    measure: 'held-out correlation' or 'half-map FSC'. units: how many were sampled. decides:
    whether a fall makes a round worse; a correlation does not where the CTF changed, as its norm
    changes with the CTF (decision 008).
    """

    species: str
    measure: str
    before: float
    after: float
    noise: float
    units: int
    decides: bool = True

    @property
    def gain(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def worse(self) -> bool:
        """Whether the measure fell beyond its noise."""
        limit = max(NOISE_FACTOR * self.noise, NOTICEABLE * abs(self.before))
        return self.decides and self.gain < -limit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FscSample:
    """An FSC curve `(n/2)` and how much of the box the particle fills, for its noise."""

    curve: np.ndarray
    box_angstrom: float
    diameter_angstrom: float


def held_out_change(species: str, held: Sequence[HeldOut]) -> Change | None:
    """Pooled correlation of the held-out particles of a species in all items, eqs. 1 to 3.

    None without held-out images.
    """
    mine = [each for each in held if each.species == species]
    before, after = ([getattr(each, side) for each in mine] for side in ("before", "after"))
    if not mine or not any((each[..., 2] > 0).any() for each in before):
        return None
    particles = sum(len(each.rows) for each in mine)
    parts = []
    for sides in (before, after):
        correlation, influence = _influence(sides)
        if particles >= FEW_PARTICLES:
            units = np.concatenate([each.sum(axis=1) for each in influence])
        else:
            units = np.concatenate([each.ravel() for each in influence])
        parts.append((correlation, units))
    (old, old_units), (new, new_units) = parts
    seen = (old_units != 0) | (new_units != 0)
    return Change(
        species=species,
        measure="held-out correlation",
        before=old,
        after=new,
        noise=float(np.sqrt(np.square(new_units - old_units).sum())),
        units=int(seen.sum()),
    )


def _influence(sides: Sequence[np.ndarray]) -> tuple[float, list[np.ndarray]]:
    """Rho = AB / sqrt(A^2 B^2) of pooled terms, and each image's influence on it, eq. 2."""
    ab, aa, bb = np.sum([each.reshape(-1, 3).sum(axis=0) for each in sides], axis=0)
    scale = np.sqrt(aa * bb)
    rho = ab / scale
    influence = [
        each[..., 0] / scale - 0.5 * rho * (each[..., 1] / aa + each[..., 2] / bb) for each in sides
    ]
    return float(rho), influence


def fsc_change(species: str, before: FscSample, after: FscSample) -> Change | None:
    """Mean FSC up to the resolution before the round, eqs. 4 and 5; None without such shells."""
    shells = int(min(len(before.curve), len(after.curve)))
    low = np.flatnonzero(before.curve[1:shells] < MEASURABLE)
    last = int(low[0]) + 1 if len(low) else shells
    if last < 2:
        return None
    band = np.arange(1, last)
    errors = [_shell_errors(each, band) for each in (before, after)]
    return Change(
        species=species,
        measure="half-map FSC",
        before=float(before.curve[band].mean()),
        after=float(after.curve[band].mean()),
        noise=float(np.sqrt(np.square(errors).sum()) / len(band)),
        units=len(band),
    )


def _shell_errors(sample: FscSample, band: np.ndarray) -> np.ndarray:
    """Standard error of a shell's FSC: (1 - F^2) / sqrt(independent real samples), eq. 5."""
    filled = np.pi / 6 * min(1.0, sample.diameter_angstrom / sample.box_angstrom) ** 3
    independent = np.maximum(1.0, 4 * np.pi * band**2 * filled)
    return np.asarray((1 - sample.curve[band] ** 2) / np.sqrt(independent))
