"""Defocus and astigmatism per tilt: exhaustive search, then the exact slope of the target.

The CTF acts on the images, so that a change of defocus makes them anew from their windows, which
are transformed once per tilt. Tilts are taken one after the other: each moves the pooled target of
the whole item with the terms of all other tilts in it (docs/math/target.md, section 5).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kernels import correlate_reference
from mgit.errors import InvalidState
from mgit.refine.contrast_sums import ContrastSums, phase_of_tilt
from mgit.refine.correlation import BlockCorrelation
from mgit.refine.images import prepared_image
from mgit.refine.inputs import TiltSeriesData
from mgit.refine.objective import PERCENT, SpeciesTarget, score_of_sums
from mgit.refine.preparation import longest_period
from mgit.refine.solver import Outcome, Solution, minimise
from mgit.refine.tilt_numbers import exclusion, tilt_number
from mgit.refine.windows import (
    half_plane_counts,
    masked_discs,
    masked_slices,
    window_transforms,
)

__all__ = [
    "Astigmatism",
    "DefocusResult",
    "SpeciesOptics",
    "TiltOptics",
    "refine_defocus",
    "search_exhaustively",
    "tilt_optics",
]

RANGE_ANGSTROM = 3000.0
STEP_ANGSTROM = 100.0
ROUNDS = 5
BEST = 2
FLAT = 1e-7
"""Candidates whose scores differ by less than this share of the best one say nothing."""
ASTIGMATISM_WIDTH_ANGSTROM = 200.0
"""Width of the prior on each component's change; high tilts alone do not determine them."""
LEAST_CORRELATION = 1e-3
ROUND = 1e-3
"""Angstrom; less astigmatism than this has no direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Astigmatism:
    """Change of the mean defocus, and the two components of astigmatism of a tilt, angstrom.

    u = delta cos 2 angle, v = delta sin 2 angle: smooth through zero, unlike delta and angle.
    """

    defocus: float
    u: float
    v: float

    @property
    def delta(self) -> float:
        """Difference of both principal defoci."""
        return math.hypot(self.u, self.v)

    @property
    def angle(self) -> float:
        """Direction of the larger one, degrees, -90 to 90."""
        return math.degrees(math.atan2(self.v, self.u)) / 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeciesOptics:
    """The images of one species in one tilt before the CTF, and what they are compared with.

    sums: of product, Re(X* Q) of eq. 10, and power, |Q'|^2 of eq. 11, over the half plane
    `(n, W' (W'//2+1))`. Both hold the particles' shares and what each sample counts.
    energy: B^2 of eq. 12.
    """

    sums: ContrastSums
    energy: float
    edge: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiltOptics:
    """All species in one tilt, as a function of its defocus and astigmatism.

    number: of the used tilt; tilt: its row in the table.
    """

    series: TiltSeriesData
    number: int
    tilt: int
    species: tuple[SpeciesOptics, ...]
    species_of: tuple[int, ...]

    def sums(self, values: Tensor, count: int) -> Tensor:
        """AB, A^2, B^2 of every species, float64 `(count, 3)`, at values `(3,)`; differentiable.

        values: change of the defocus, u and v (see `Astigmatism`), angstrom. A carries the CTF.
        """
        rows = [torch.zeros(3, dtype=torch.float64) for _ in range(count)]
        for index, each in zip(self.species_of, self.species, strict=True):
            energy = torch.tensor([each.energy], dtype=torch.float64)
            rows[index] = rows[index] + torch.cat([each.sums.at(values), energy])
        return torch.stack(rows)

    def start(self) -> Tensor:
        """The values that change nothing, float64 `(3,)`."""
        delta = float(self.series.optic("defocus_delta")[self.tilt])
        double = math.radians(2 * float(self.series.optic("defocus_angle")[self.tilt]))
        u, v = delta * math.cos(double), delta * math.sin(double)
        return torch.tensor([0.0, u, v], dtype=torch.float64)


def tilt_optics(
    series: TiltSeriesData, targets: Sequence[SpeciesTarget], number: int
) -> TiltOptics | None:
    """The chosen particles of all species in a used tilt, or None where there are none."""
    tilt = int(series.geometry.used_tilts[number])
    longest = longest_period(each.prepared.reference for each in targets)
    image = prepared_image(series, tilt, longest_angstrom=longest)
    parts: list[SpeciesOptics] = []
    of: list[int] = []
    for index, target in enumerate(targets):
        for task in target.tasks():
            if task.block.height < 0:
                continue  # the same images again: defocus is found with flat slices
            part = _species_optics(series, target, task, image, number)
            if part is not None:
                parts.append(part)
                of.append(index)
    if not parts:
        return None
    return TiltOptics(
        series=series, number=number, tilt=tilt, species=tuple(parts), species_of=tuple(of)
    )


def _species_optics(
    series: TiltSeriesData,
    target: SpeciesTarget,
    task: BlockCorrelation,
    image: np.ndarray,
    number: int,
) -> SpeciesOptics | None:
    prepared, block = target.prepared, task.block
    rows = block.particle[(block.tilt == number) & target.chosen[block.particle]]
    if not rows.size:
        return None
    real = block.weights.dtype
    used = series.geometry.used_tilts
    views = target.model.views()
    windows = window_transforms(
        image, prepared.origin[rows, number], prepared.plan, series=series, dtype=real
    )
    matrices, shifts = (each[rows, number].to(real) for each in target.slices(views))
    slices = _slices(task, matrices, shifts) * block.weights[number]
    counts = correlate_reference.inside_radius(block.disc, None, like=matrices)[0]
    share = torch.from_numpy(prepared.share[rows] ** 2).to(real)
    both = half_plane_counts(prepared.plan.transformed).to(real) * share[:, None, None]
    weighted, plain = (
        masked_slices(each, prepared.plan, block.disc)
        for each in (slices * block.whitening[number], slices)
    )
    images = masked_discs(windows.transforms, prepared.plan, block.disc) * block.whitening[number]
    energy = (images.real.square() + images.imag.square()) * counts * share[:, None]
    return SpeciesOptics(
        sums=ContrastSums(
            phase=phase_of_tilt(windows.frequencies, series, int(used[number])),
            product=((windows.transforms.conj() * weighted).real * both).flatten(1),
            # A window of white noise has power W^2 per sample.
            power=(
                (plain.real.square() + plain.imag.square()) * both * prepared.plan.window**2
            ).flatten(1),
            defocus=views.defocus[rows, number],
        ),
        energy=float(energy.double().sum()),
        edge=block.disc.radius / prepared.plan.box_angstrom,
    )


def _slices(task: BlockCorrelation, matrices: Tensor, shifts: Tensor) -> Tensor:
    """Shifted slices `(n, samples)`, without weights."""
    complex_ = torch.complex128 if matrices.dtype == torch.float64 else torch.complex64
    volume = torch.from_numpy(task.volume).to(complex_)
    slices = correlate_reference.project(volume, matrices, disc=task.block.disc)
    k = correlate_reference.frequencies(task.block.disc, like=matrices, columns=2)
    phase = -2 * torch.pi * shifts @ k.T
    return slices * torch.complex(phase.cos(), phase.sin())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DefocusResult:
    """The series with its new defocus and astigmatism.

    sums: `(species, used tilts, 3)` AB, A^2, B^2 there; start_sums: before.
    outcomes: of every tilt that was followed.
    evaluations: of value and gradient, all tilts together.
    """

    series: TiltSeriesData
    start_sums: Tensor
    sums: Tensor
    outcomes: tuple[Outcome, ...]
    evaluations: int


def search_exhaustively(
    score: Callable[[float], float], *, item: str, tilt: int
) -> tuple[float, float]:
    """The best change of defocus within +-3000 A, and its score: 5 rounds from 100 A steps.

    Round 1 scores every step; each further round halves the step and looks beside the two best.
    No change where nothing scores above zero. Raises InvalidState, naming item and tilt, where
    scores are zero, flat or not finite.
    """
    steps = round(RANGE_ANGSTROM / STEP_ANGSTROM)
    candidates = [STEP_ANGSTROM * index for index in range(-steps, steps + 1)]
    scores = {each: score(each) for each in candidates}
    values = np.array(list(scores.values()))
    largest = float(np.abs(values).max()) if np.isfinite(values).all() else math.nan
    if not largest > 0 or not float(np.ptp(values)) > FLAT * largest:
        raise InvalidState(
            "the scores of a defocus search are zero, flat or not finite",
            hint=f"run {exclusion(item, tilt)}, or refine without defocus",
            item=item,
            tilt=tilt_number(tilt),
        )
    step = STEP_ANGSTROM
    for _ in range(ROUNDS - 1):
        step /= 2
        best = sorted(scores, key=lambda each: (-scores[each], abs(each), each))[:BEST]
        for centre in best:
            for candidate in (centre - step, centre + step):
                if candidate not in scores and abs(candidate) <= RANGE_ANGSTROM:
                    scores[candidate] = score(candidate)
    found = min(scores, key=lambda each: (-scores[each], abs(each), each))
    return (found, scores[found]) if scores[found] > 0 else (0.0, scores[0.0])


def refine_defocus(
    series: TiltSeriesData,
    targets: Sequence[SpeciesTarget],
    scales: Tensor,
    *,
    exhaustive: bool,
    steps_max: int,
) -> DefocusResult:
    """Better defocus and astigmatism of every used tilt.

    exhaustive: search before following the slope. steps_max: of the slope; 0 leaves it out.
    Raises InvalidState, naming item and tilt, for scores that are zero, flat or not finite.
    """
    numbers = range(len(series.geometry.used_tilts))
    tilts = [tilt_optics(series, targets, number) for number in numbers]
    pooled = torch.zeros((len(targets), len(tilts), 3), dtype=torch.float64)
    for optics in tilts:
        if optics is not None:
            pooled[:, optics.number] = optics.sums(optics.start(), len(targets)).detach()
    before = pooled.clone()
    outcomes: list[Outcome] = []
    evaluations = 0
    changes: dict[int, Astigmatism] = {}
    for optics in tilts:
        if optics is None:
            continue
        number = optics.number
        others = pooled.sum(1) - pooled[:, number]
        values = optics.start()
        if exhaustive:
            values[0] = _searched(optics, values, scales)
        if steps_max:
            solution = _followed(optics, values, others, scales, steps_max)
            values = values + solution.point * _unit(optics)
            outcomes.append(solution.outcome)
            evaluations += solution.evaluations
        pooled[:, number] = optics.sums(values, len(targets)).detach()
        change, u, v = (float(each) for each in values)
        changes[optics.tilt] = Astigmatism(defocus=change, u=u, v=v)
    return DefocusResult(
        series=_changed(series, changes),
        start_sums=before,
        sums=pooled,
        outcomes=tuple(outcomes),
        evaluations=evaluations,
    )


def _searched(optics: TiltOptics, values: Tensor, scales: Tensor) -> float:
    def score(change: float) -> float:
        moved = values.clone()
        moved[0] = change
        with torch.no_grad():
            return float(score_of_sums(optics.sums(moved, len(scales)), scales))

    found, _ = search_exhaustively(score, item=optics.series.name, tilt=optics.tilt)
    return found


def _followed(
    optics: TiltOptics, values: Tensor, others: Tensor, scales: Tensor, steps_max: int
) -> Solution:
    """Maximise the pooled target over one tilt's defocus and astigmatism, in `_unit`."""
    unit = _unit(optics)
    held = _astigmatism_cost(others + optics.sums(values, len(scales)).detach(), scales)
    held *= float(unit[1] / ASTIGMATISM_WIDTH_ANGSTROM) ** 2

    def loss(point: Tensor) -> tuple[float, Tensor]:
        moved = point.detach().clone().requires_grad_()
        sums = others + optics.sums(values + moved * unit, len(scales))
        value = -PERCENT * score_of_sums(sums, scales) + held * moved[1:].square().sum()
        (gradient,) = torch.autograd.grad(value, moved)
        return float(value.detach()), gradient

    start = torch.zeros(3, dtype=torch.float64)
    solution = minimise(loss, start, steps_max=steps_max)
    if solution.outcome is Outcome.NON_FINITE or solution.gradient_max == 0:
        raise InvalidState(
            "the score of a tilt is not finite or does not depend on its defocus",
            hint=f"run {exclusion(optics.series.name, optics.tilt)}, or refine without defocus",
            item=optics.series.name,
            tilt=tilt_number(optics.tilt),
        )
    return solution


def _astigmatism_cost(sums: Tensor, scales: Tensor) -> float:
    """What half the square of a change of one width costs in units of the loss, eq. 13."""
    correlation = max(abs(float(score_of_sums(sums, scales))), LEAST_CORRELATION)
    return 0.5 * PERCENT / (2 * correlation * float(sums[:, 2].sum()))


def _unit(optics: TiltOptics) -> Tensor:
    """Angstrom that turn gamma by one radian at the edge of the largest disc."""
    edge = max(each.edge for each in optics.species)
    one = 1 / (math.pi * optics.series.microscope.wavelength_angstrom * edge**2)
    return torch.tensor([one, 2 * one, 2 * one], dtype=torch.float64)


def _changed(series: TiltSeriesData, changes: dict[int, Astigmatism]) -> TiltSeriesData:
    arrays = {
        "defocus": series.geometry.arrays["defocus"].copy(),
        "defocus_delta": series.optic("defocus_delta").copy(),
        "defocus_angle": series.optic("defocus_angle").copy(),
    }
    for tilt, change in changes.items():
        arrays["defocus"][tilt] += change.defocus
        if change.delta > ROUND:
            arrays["defocus_delta"][tilt] = change.delta
            arrays["defocus_angle"][tilt] = change.angle
    defocus = arrays.pop("defocus")
    return replace(
        series,
        geometry=series.geometry.with_arrays({"defocus": defocus}),
        optics={**series.optics, **arrays},
    )
