"""Extracted 2-D stacks: which images a particle has, what they show, where they are centred.

Such images are cut out already, most often multiplied by the CTF too (`ctf_premultiplied`). Their
places in the original images are unknown: only the difference between where a particle was cut out
and where it is now believed to be can be applied, as a shift within its images.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidInput, MgitError, NotFound, Unsupported
from mgit.exchange.mrc import read_stack
from mgit.exchange.relion_optics import read_optics
from mgit.exchange.relion_particles import (
    Volumes,
    item_names,
    particle_block,
    particle_frame,
    place,
)
from mgit.exchange.star import parse_star
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.series_geometry import SeriesGeometry
from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.raw_stacks import BoundFile

__all__ = [
    "ParticleStacks", "StackRows", "around_zero", "background_free", "displacements",
    "particle_stacks", "stack_rows",
]  # fmt: skip

VISIBLE = "rlnTomoVisibleFrames"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StackRows:
    """Facts of particles that only their imported table has.

    stack: path per particle. centre: `(n, 3)` angstrom from the corner, what stands at the centre
    of its images. visible: per particle the flags of its tilts, or None without such a column.
    """

    stack: tuple[str, ...]
    centre: np.ndarray
    visible: tuple[np.ndarray, ...] | None

    def take(self, rows: np.ndarray) -> "StackRows":
        """The rows of these numbers."""
        return StackRows(
            stack=tuple(self.stack[row] for row in rows),
            centre=self.centre[rows],
            visible=None if self.visible is None else tuple(self.visible[row] for row in rows),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParticleStacks:
    """The images of the particles of one species in one series, protein bright.

    images: row -> images `(k, n, n)` float32 of a particle, in the order of the used tilts that
        they show; n // 2 is their centre.
    shown: bool `(particles, used tilts)`, which tilts these are.
    centre: `(particles, 3)` angstrom from the corner: what stands at the centre of the images.
    pixel_size_angstrom: of the images.
    """

    images: Callable[[int], np.ndarray]
    shown: np.ndarray
    centre: np.ndarray
    pixel_size_angstrom: float

    def numbers(self, row: int) -> np.ndarray:
        """Numbers of the used tilts that the images of a particle show, ascending."""
        return np.flatnonzero(self.shown[row])


def stack_rows(
    content: bytes,
    *,
    path: str,
    volumes: Volumes,
    coordinate_pixel_size_angstrom: float | None,
) -> StackRows:
    """Read a RELION or WarpTools table of 2-D stacks, all its rows.

    Raises Unsupported when it does not name one stack per particle.
    """
    document = parse_star(content, name=path)
    table = particle_block(document)
    stacks = table.strings("rlnImageName")
    if any("@" in name for name in stacks):
        raise Unsupported(
            "particles whose images are single members of a stack cannot be taken",
            hint="export one stack of all tilts per particle, as WarpTools does with --2d",
            file=path,
        )
    optics = read_optics(document, table)
    items = item_names(table)
    frame = particle_frame(table, optics, items, volumes, pixel_size=coordinate_pixel_size_angstrom)
    centre, _ = place(table, replace(frame, origins=()))
    visible = None
    if VISIBLE in table:
        visible = tuple(_flags(text) for text in table.strings(VISIBLE))
    return StackRows(stack=stacks, centre=centre, visible=visible)


def particle_stacks(
    geometry: SeriesGeometry,
    rows: StackRows,
    *,
    files: Mapping[str, BoundFile],
    pixel_size_angstrom: float,
) -> ParticleStacks:
    """The stacks of particles in a series. files: by the path that the manifest has.

    Raises InvalidInput naming the item for flags of another number of tilts. `images` raises
    NotFound and InvalidInput naming item and file: stacks that are missing, truncated, not finite,
    not square or of another length.
    """
    used, tilts = geometry.used_tilts, geometry.tilt_count
    visible = np.ones((len(rows.stack), tilts), dtype=bool)
    for row, flags in enumerate(rows.visible or ()):
        if len(flags) != tilts:
            raise InvalidInput(
                "a particle does not have one flag of visibility per tilt",
                hint="import the table that belongs to the series",
                item=geometry.name,
                file=rows.stack[row],
                flags=len(flags),
                tilts=tilts,
            )
        visible[row] = flags

    def images(row: int) -> np.ndarray:
        name = rows.stack[row]
        if name not in files:
            raise NotFound(
                "a particle's stack is not among the raw files", item=geometry.name, file=name
            )
        return _shown_images(geometry, files[name], visible[row])

    return ParticleStacks(
        images=images,
        shown=visible[:, used],
        centre=rows.centre,
        pixel_size_angstrom=pixel_size_angstrom,
    )


def displacements(geometry: SeriesGeometry, poses: ParticlePoses, centre: np.ndarray) -> Tensor:
    """How far particles stand from the centres of their images: `(n, used tilts, 2)` angstrom."""
    there = ParticlePoses(position=centre[:, None], angles=np.zeros((len(centre), 1, 3)))
    now, cut = (tilt_series_model(geometry, each).views().position for each in (poses, there))
    return now - cut


def background_free(images: np.ndarray, *, pixel: float, diameter_angstrom: float) -> np.ndarray:
    """Images without their background, the mean outside the particle's disc, where there is any."""
    size = images.shape[-1]
    at = (np.arange(size) - size // 2) * pixel
    outside = np.hypot(at[:, None], at[None, :]) > diameter_angstrom / 2
    if not outside.any():
        return images
    return np.asarray(images - images[:, outside].mean(axis=1, dtype=np.float64)[:, None, None])


def around_zero(images: Tensor, size: int) -> Tensor:
    """Images `(k, n, n)` with the centre n // 2 moved to index 0 of larger, empty ones."""
    width = images.shape[-1]
    before = size // 2 - width // 2
    after = size - width - before
    padded = torch.nn.functional.pad(images, (before, after, before, after))
    moved: Tensor = torch.fft.ifftshift(padded, dim=(-2, -1))
    return moved


def _flags(text: str) -> np.ndarray:
    return np.array([part.strip() == "1" for part in text.strip("[] ").split(",")])


def _shown_images(geometry: SeriesGeometry, file: BoundFile, visible: np.ndarray) -> np.ndarray:
    """Images of the used tilts among the visible ones; a stack may leave the others out."""
    try:
        stack = read_stack(file.place).values
    except MgitError as error:
        error.fields.setdefault("item", geometry.name)
        raise
    tilts = geometry.tilt_count
    square = stack.shape[1] == stack.shape[2] and not stack.shape[1] % 2
    if len(stack) not in (tilts, int(visible.sum())) or not square:
        raise InvalidInput(
            "a particle's stack does not have one even, square image per tilt",
            hint="link the stacks that belong to the table",
            item=geometry.name,
            file=str(file.place),
            images=stack.shape,
            tilts=tilts,
        )
    shown = geometry.used_tilts[visible[geometry.used_tilts]]
    section = shown if len(stack) == tilts else (np.cumsum(visible) - 1)[shown]
    if not np.isfinite(stack[section]).all():
        raise InvalidInput(
            "an image of a particle is not finite", item=geometry.name, file=str(file.place)
        )
    return np.asarray(stack[section], dtype=np.float32)
