"""Masks: soft spheres, soft edges around a binary mask, and a mask found from two half-maps.

docs/math/masks.md has the equations. Masks are float32 (n, n, n) between 0 and 1.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from mgit.errors import InvalidInput
from mgit.maps.shells import checked_cube, scaled_by_radius

__all__ = [
    "AutomaticMask",
    "automatic_mask",
    "binary_mask",
    "otsu_threshold",
    "protein_volume_angstrom3",
    "soft_edged",
    "soft_sphere",
    "threshold_of_volume",
]

PROTEIN_ANGSTROM3_PER_DALTON = 1.21
"""From a partial specific volume of 0.73 cm^3/g (Harpaz, Gerstein & Chothia, Structure 2, 1994)."""
BINARY_FROM = 0.25
"""Where a resampled mask counts as inside (maps are band-limited and ring around 0 and 1)."""
HISTOGRAM_BINS = 512
PIECE_SHARE_MIN = 0.1
"""A connected piece below this share of the largest one is taken for noise."""
SURE_SHARE_MIN, SURE_DEVIATIONS = 0.02, 6.0
"""Unless it has this share and rises by so many deviations of the noise."""
LOW_PASS_EDGE_SHELLS = 2.0
NOISE_DEVIATIONS = 3.0
FAINT_SHARE = 0.3
"""Voxels from this share of the threshold on count where they touch what is above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticMask:
    """How a mask is found from half-maps.

    low_pass_angstrom: the mean map is low-passed to this before it is thresholded.
    mass_dalton: of the particle, where known; sets the volume inside the threshold. Without it the
    threshold separates the two classes of voxels best (Otsu).
    grow_angstrom, edge_angstrom: Euclidean dilation, then a raised-cosine edge.
    """

    low_pass_angstrom: float = 15.0
    mass_dalton: float | None = None
    grow_angstrom: float = 3.0
    edge_angstrom: float = 10.0

    def __post_init__(self) -> None:
        positive = [self.low_pass_angstrom, 1.0 if self.mass_dalton is None else self.mass_dalton]
        if not (min(positive) > 0 and self.grow_angstrom >= 0 and self.edge_angstrom >= 0):
            raise InvalidInput("resolution and mass of a mask are positive, its edges not negative")


def soft_sphere(box: int, *, diameter_voxel: float, edge_voxel: float) -> np.ndarray:
    """1 inside a sphere about voxel n // 2, a raised cosine down to 0 outside: float32."""
    squares = (np.arange(box) - box // 2).astype(np.float64) ** 2
    sphere = np.empty((box, box, box), np.float32)
    for z in range(box):
        radius = np.sqrt(squares[z] + squares[:, None] + squares[None, :])
        sphere[z] = _raised_cosine(radius - diameter_voxel / 2, edge_voxel)
    return sphere


def soft_edged(inside: np.ndarray, *, grow_voxel: float, edge_voxel: float) -> np.ndarray:
    """1 up to `grow_voxel` from a binary mask, then a raised cosine over `edge_voxel`: float32.

    Distances are exact and Euclidean (docs/math/masks.md, eq. 1). Raises InvalidInput when nothing
    is inside.
    """
    checked_cube(inside)
    if not inside.any():
        raise InvalidInput("a mask holds no voxel", hint="lower its threshold")
    distance = ndimage.distance_transform_edt(~inside.astype(bool))
    return _raised_cosine(distance - grow_voxel, edge_voxel).astype(np.float32)


def binary_mask(mask: np.ndarray) -> np.ndarray:
    """Where a mask counts as inside, bool, after resampling."""
    return np.asarray(mask >= BINARY_FROM)


def protein_volume_angstrom3(mass_dalton: float) -> float:
    """Volume that protein of a mass fills."""
    return mass_dalton * PROTEIN_ANGSTROM3_PER_DALTON


def threshold_of_volume(density: np.ndarray, *, volume_voxel: float, within: np.ndarray) -> float:
    """The value that as many voxels of `within` exceed or equal as the volume has.

    Raises InvalidInput when the volume is larger than what it is looked for in.
    """
    values = density[within]
    count = round(volume_voxel)
    if not 1 <= count <= len(values):
        raise InvalidInput(
            "the particle's volume does not fit the box",
            volume_voxel=count,
            voxels=len(values),
            hint="check the mass in dalton and the pixel size in angstrom",
        )
    return float(np.partition(values, len(values) - count)[len(values) - count])


def otsu_threshold(values: np.ndarray) -> float:
    """The value that separates two classes with the largest variance between their means.

    On 512 equal bins from the least to the largest value (Otsu, IEEE Trans. SMC 9, 1979).
    Raises InvalidInput when all values are equal.
    """
    low, high = float(values.min()), float(values.max())
    if not high > low:
        raise InvalidInput("a flat map has no threshold", value=low)
    counts, edges = np.histogram(values, bins=HISTOGRAM_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = len(values) - below
    first = np.cumsum(counts * centres)[:-1]
    total = float((counts * centres).sum())
    between = (total * below / len(values) - first) ** 2 / np.maximum(below * above, 1)
    return float(edges[1 + int(np.argmax(between))])


def automatic_mask(
    first: np.ndarray,
    second: np.ndarray,
    *,
    pixel_size_angstrom: float,
    diameter_angstrom: float,
    settings: AutomaticMask | None = None,
) -> np.ndarray:
    """A soft mask around the particle that the mean of two half-maps shows: float32 (n, n, n).

    Low-pass, threshold within the sphere of the diameter, largest pieces and what is faint but
    touches them, filled holes, dilation, soft edge. Raises InvalidInput for maps that differ in
    shape or are flat, and volumes that do not fit. Maths: docs/math/masks.md, eqs. 1 to 4.
    """
    chosen = settings or AutomaticMask()
    if first.shape != second.shape:
        raise InvalidInput("half-maps differ in shape", first=first.shape, second=second.shape)
    box = checked_cube(first)
    smooth = _low_passed((first + second) / 2, chosen.low_pass_angstrom / pixel_size_angstrom)
    within = (
        soft_sphere(box, diameter_voxel=diameter_angstrom / pixel_size_angstrom, edge_voxel=0) > 0
    )
    if chosen.mass_dalton is None:
        threshold = otsu_threshold(smooth[within])
    else:
        volume = protein_volume_angstrom3(chosen.mass_dalton) / pixel_size_angstrom**3
        threshold = threshold_of_volume(smooth, volume_voxel=volume, within=within)
    noise = _low_passed((first - second) / 2, chosen.low_pass_angstrom / pixel_size_angstrom)
    deviation = float(noise[within].std())
    inside = _large_pieces((smooth >= threshold) & within, smooth, SURE_DEVIATIONS * deviation)
    if chosen.mass_dalton is None:
        faint = max(FAINT_SHARE * threshold, NOISE_DEVIATIONS * deviation)
        inside = _with_touching(inside, (smooth >= faint) & within)
    return soft_edged(
        np.asarray(ndimage.binary_fill_holes(inside)),
        grow_voxel=chosen.grow_angstrom / pixel_size_angstrom,
        edge_voxel=chosen.edge_angstrom / pixel_size_angstrom,
    )


def _raised_cosine(beyond: np.ndarray, edge: float) -> np.ndarray:
    """1 where `beyond` <= 0, 0 from `edge` on, half a period of a cosine between."""
    if edge <= 0:
        return np.asarray(beyond <= 0).astype(np.float64)
    return np.asarray(0.5 * (1 + np.cos(np.pi * np.clip(beyond / edge, 0, 1))))


def _low_passed(density: np.ndarray, period_voxel: float) -> np.ndarray:
    """The map up to one period, with a linear edge."""
    box = density.shape[0]
    shell = box / period_voxel
    at = np.arange(box)
    profile = np.clip((shell + LOW_PASS_EDGE_SHELLS - at) / LOW_PASS_EDGE_SHELLS, 0, 1)
    transform = scaled_by_radius(fft.rfftn(density), profile)
    return np.asarray(fft.irfftn(transform, s=density.shape, axes=(0, 1, 2)))


def _large_pieces(inside: np.ndarray, density: np.ndarray, sure: float) -> np.ndarray:
    """The connected pieces (faces) that are large beside the largest, or smaller and no noise."""
    labels, count = ndimage.label(inside)
    sizes = np.bincount(labels.reshape(-1), minlength=count + 1)
    sizes[0] = 0
    peaks = ndimage.maximum(density, labels, np.arange(count + 1))
    kept = sizes >= PIECE_SHARE_MIN * sizes.max()
    kept |= (sizes >= SURE_SHARE_MIN * sizes.max()) & (np.asarray(peaks) >= sure)
    kept &= sizes > 0
    return np.asarray(kept[labels])


def _with_touching(inside: np.ndarray, faint: np.ndarray) -> np.ndarray:
    """The connected pieces (faces) of both that hold a voxel of `inside`."""
    labels, _ = ndimage.label(inside | faint)
    return np.isin(labels, np.unique(labels[inside]))
