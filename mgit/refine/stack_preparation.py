"""Extracted particles as whitened, weighted, packed discs: docs/math/target.md, section 2.

Their images often carry the CTF already: then they are not multiplied again, and the spectrum that
whitens them is that of the images before, found through the CTF's share of the power.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from kernels.packing import Packing, packing
from mgit.errors import InvalidState, Unsupported
from mgit.refine.discs import Subject, TiltDiscs, whitened
from mgit.refine.inputs import ParticleSet, TiltSeriesData
from mgit.refine.settings import RefineSettings
from mgit.refine.spectrum import chosen_rows, disc_power
from mgit.refine.stack_images import ParticleStacks, background_free, displacements
from mgit.refine.windows import (
    BoxPlan,
    Windows,
    box_plan,
    contrast,
    masked_discs,
    passed_discs,
    stack_transforms,
)

__all__ = ["refuse_options", "stack_discs", "stack_plan", "stacks_of"]


def refuse_options(kind: str, settings: RefineSettings, *, item: str) -> None:
    """Raises Unsupported, naming item and option, for what extracted particles cannot refine."""
    if kind != "particle_series":
        return
    for option in ("image_warp", "defocus", "defocus_exhaustive"):
        if getattr(settings, option) not in (None, False):
            spelled = "--" + option.replace("_", "-")
            raise Unsupported(
                "an option of refinement needs whole images, and extracted particles have none",
                hint=f"refine without {spelled}, as in 'mgit refine --particles', "
                "or add the tilt images as a source of their own",
                item=item,
                option=option,
            )


def stacks_of(series: TiltSeriesData, particles: ParticleSet) -> ParticleStacks:
    """The stacks of particles. Raises InvalidState for particles without any."""
    if particles.stacks is None:
        raise InvalidState(
            "particles of a series of extracted images have no stacks",
            item=series.name,
            species=particles.species,
        )
    return particles.stacks


def stack_plan(series: TiltSeriesData, subject: Subject) -> BoxPlan:
    """Sizes of a species' images: windows hold the extracted images and what they are moved by.

    The box is that of the references; smaller images are surrounded by zeros, larger ones cut.
    """
    stacks = stacks_of(series, subject.particles)
    moved = _moved(series, subject.particles, stacks)
    pixel = stacks.pixel_size_angstrom
    room = 2 * int(np.ceil(float(moved.abs().max()) / pixel)) if moved.numel() else 0
    size = stacks.images(0).shape[-1] if len(stacks.shown) else 0
    return box_plan(
        series,
        subject.reference,
        defocus=subject.views.defocus.detach().numpy(),
        pixel_size_angstrom=pixel,
        least_window=size + room,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tilt:
    """What is gathered of one used tilt."""

    disc: Packing
    measured: frozenset[int]
    rows: list[int] = field(default_factory=list)
    images: list[Tensor] = field(default_factory=list)
    power: list[Tensor] = field(default_factory=list)
    passed: list[Tensor] = field(default_factory=list)


def stack_discs(
    series: TiltSeriesData,
    subject: Subject,
    plan: BoxPlan,
    radii: np.ndarray,
    *,
    dtype: torch.dtype,
) -> dict[int, TiltDiscs]:
    """Discs of all particles of a species by number of the used tilt; radii: of every used tilt.

    Raises NotFound and InvalidInput naming the item for stacks that cannot be read.
    """
    stacks = stacks_of(series, subject.particles)
    moved = _moved(series, subject.particles, stacks)
    tilts = {}
    for number, radius in enumerate(radii):
        rows = np.flatnonzero(stacks.shown[:, number])
        if rows.size:
            measured = frozenset(rows[chosen_rows(len(rows))].tolist())
            tilts[number] = _Tilt(disc=packing(int(radius)), measured=measured)
    for row in range(len(stacks.shown)):
        numbers = stacks.numbers(row)
        if not numbers.size:
            continue
        images = background_free(
            stacks.images(row),
            pixel=stacks.pixel_size_angstrom,
            diameter_angstrom=plan.diameter_angstrom,
        )
        windows = stack_transforms(images, moved[row, numbers], plan, series=series, dtype=dtype)
        for index, number in enumerate(numbers):
            defocus = subject.views.defocus[row, number : number + 1].detach()
            one = replace(windows, transforms=windows.transforms[index : index + 1])
            _gather(tilts[number], series, row, int(number), one, plan, defocus)
    return {
        number: whitened(
            torch.cat(tilt.images),
            torch.cat(tilt.power).mean(0),
            series=series,
            number=number,
            plan=plan,
            disc=tilt.disc,
            rows=np.array(tilt.rows),
            passed=torch.cat(tilt.passed).mean(0) if tilt.passed else None,
        )
        for number, tilt in tilts.items()
    }


def _gather(
    tilt: _Tilt,
    series: TiltSeriesData,
    row: int,
    number: int,
    windows: Windows,
    plan: BoxPlan,
    defocus: Tensor,
) -> None:
    """Add one image of one particle."""
    at = int(series.geometry.used_tilts[number])
    factor = contrast(windows, series, at, defocus=defocus)
    disc = masked_discs(windows.transforms * factor, plan, tilt.disc)
    tilt.rows.append(row)
    tilt.images.append(disc)
    if row not in tilt.measured:
        return
    if not series.ctf_multiplied:
        tilt.power.append(disc_power(masked_discs(windows.transforms, plan, tilt.disc)))
        return
    before = contrast(windows, replace(series, ctf_multiplied=False), at, defocus=defocus)
    tilt.power.append(disc_power(disc))
    tilt.passed.append(passed_discs(before, plan, tilt.disc))


def _moved(series: TiltSeriesData, particles: ParticleSet, stacks: ParticleStacks) -> Tensor:
    return displacements(series.geometry, particles.poses, stacks.centre)
