"""Particle images: cut out where the CTF does not alias, corrected, masked, packed.

docs/math/target.md, section 2. A window of W raw pixels is transformed, cropped to W' samples,
multiplied by the CTF, brought back, cropped about the particle to the N pixels of the box, masked,
transformed and packed; the particle's centre is at index 0 throughout.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kernels.packing import Packing, pack
from mgit.errors import InvalidInput
from mgit.optics.aberrations import phase_correction
from mgit.optics.alias import alias_free_size, fft_friendly_size, phase_gradient_max
from mgit.optics.ctf import Optics, complex_ctf, ctf
from mgit.optics.frequencies import image_frequencies, magnified, shift_factor
from mgit.refine.inputs import ReferenceSet, TiltSeriesData
from mgit.refine.stack_images import around_zero

__all__ = [
    "LEAST_RADIUS",
    "BoxPlan",
    "Windows",
    "box_plan",
    "contrast",
    "half_plane_counts",
    "in_specimen",
    "masked_discs",
    "masked_slices",
    "passed_discs",
    "side_band",
    "stack_transforms",
    "window_transforms",
]

EDGE_RAW_PX = 16
"""Width of the soft edge of a particle's mask, raw pixels."""
LEAST_RADIUS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxPlan:
    """Sizes of the images of one species in one item, docs/math/target.md eq. 1.

    window: W raw pixels. transformed: W' samples of the same edge. box: N pixels of
    `pixel_size_angstrom`. radius: of the largest disc. scale: of the slice matrices, volume
    samples per image sample.
    """

    window: int
    transformed: int
    box: int
    pixel_size_angstrom: float
    raw_pixel_angstrom: float
    diameter_angstrom: float
    radius: int
    scale: float

    @property
    def box_angstrom(self) -> float:
        """Edge of the box."""
        return self.box * self.pixel_size_angstrom

    def mask(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The soft disc `(N, N)` about index 0, eq. 3."""
        at = torch.fft.fftfreq(self.box, 1 / self.box, dtype=torch.float64)
        distance = torch.hypot(at[:, None], at[None, :]) * self.pixel_size_angstrom
        edge = min(
            EDGE_RAW_PX * self.raw_pixel_angstrom, (self.box_angstrom - self.diameter_angstrom) / 2
        )
        beyond = ((distance - self.diameter_angstrom / 2) / max(edge, 1e-6)).clamp(0, 1)
        return (0.5 * (1 + torch.cos(torch.pi * beyond))).to(dtype)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Transforms of the windows of some particles in one tilt, before the CTF.

    transforms: complex `(n, W', W'//2+1)`. frequencies: `(W', W'//2+1, 2)` in the specimen, 1/A.
    """

    transforms: Tensor
    frequencies: Tensor


def box_plan(
    series: TiltSeriesData,
    reference: ReferenceSet,
    *,
    defocus: np.ndarray,
    pixel_size_angstrom: float | None = None,
    least_window: int = 0,
) -> BoxPlan:
    """Sizes for a species; defocus: of all its particles in all tilts, angstrom.

    pixel_size_angstrom: of the images, where it is not that of the series. least_window: pixels.

    Raises InvalidInput, naming species and item, when the box does not hold the particle.
    """
    raw = pixel_size_angstrom or series.geometry.pixel_size_angstrom
    references = reference.references
    pixel = max(references.pixel_size_angstrom, raw)
    gradient = phase_gradient_max(
        series.microscope,
        defocus=defocus,
        defocus_delta=series.optic("defocus_delta")[series.geometry.used_tilts],
        frequency_max=0.5 / pixel,
        zernike_even=series.optics.get("zernike_even"),
    )
    free = alias_free_size(
        gradient, diameter_angstrom=reference.diameter_angstrom, pixel_size_angstrom=raw
    )
    window = fft_friendly_size(max(free, least_window, reference.box_angstrom / raw))
    transformed = min(window, fft_friendly_size(window * raw / pixel))
    pixel = window * raw / transformed
    box = min(transformed, 2 * round(reference.box_angstrom / pixel / 2))
    if box * pixel < reference.diameter_angstrom:
        raise InvalidInput(
            "the box of a species is smaller than its diameter",
            hint="its maps must span at least the diameter, better twice",
            item=series.name,
            species=reference.species,
        )
    ratio = box * pixel / reference.box_angstrom
    radius = min(box // 2 - 1, int((references.box // 2 - 1) * ratio))
    if radius < LEAST_RADIUS:
        raise InvalidInput(
            "the references of a species have too few samples to align to",
            hint="refine at a better resolution",
            item=series.name,
            species=reference.species,
            radius=radius,
        )
    return BoxPlan(
        window=window,
        transformed=transformed,
        box=box,
        pixel_size_angstrom=pixel,
        raw_pixel_angstrom=raw,
        diameter_angstrom=reference.diameter_angstrom,
        radius=radius,
        scale=references.oversampling / ratio,
    )


def window_transforms(
    image: np.ndarray,
    position: np.ndarray,
    plan: BoxPlan,
    *,
    series: TiltSeriesData,
    dtype: torch.dtype = torch.float32,
) -> Windows:
    """Windows about `position` `(n, 2)` angstrom, centred, with odd aberrations taken out.

    What lies outside the image is zero. Maths: docs/math/target.md eq. 2.
    """
    cut, inside = _cut(image, position / plan.raw_pixel_angstrom, plan.window)
    transforms = _cropped(torch.fft.rfft2(torch.from_numpy(cut).to(dtype)), plan.transformed)
    plain = image_frequencies(plan.transformed, plan.pixel_size_angstrom, dtype=dtype)
    shift = torch.from_numpy(-inside * plan.raw_pixel_angstrom).to(dtype)
    transforms = transforms * shift_factor(plain, shift)
    return in_specimen(transforms, plain, series=series)


def stack_transforms(
    images: np.ndarray,
    moved: Tensor,
    plan: BoxPlan,
    *,
    series: TiltSeriesData,
    dtype: torch.dtype = torch.float32,
) -> Windows:
    """Windows of extracted images `(k, n, n)`, centred on where the particle is now.

    moved: `(k, 2)` angstrom, from the centre of each image to the particle.
    """
    padded = around_zero(torch.from_numpy(images).to(dtype), plan.window)
    transforms = _cropped(torch.fft.rfft2(padded), plan.transformed)
    plain = image_frequencies(plan.transformed, plan.pixel_size_angstrom, dtype=dtype)
    transforms = transforms * shift_factor(plain, -moved.to(dtype))
    return in_specimen(transforms, plain, series=series)


def in_specimen(transforms: Tensor, frequencies: Tensor, *, series: TiltSeriesData) -> Windows:
    """Centred transforms `(n, h, w)` without the odd aberrations and beam tilt of their series.

    frequencies: `(h, w, 2)` in the image; those of the result are magnified to the specimen's.
    """
    specimen = frequencies
    if "magnification" in series.optics:
        specimen = magnified(frequencies, torch.from_numpy(series.optics["magnification"]))
    odd = series.odd_aberrations
    if odd.any():
        coefficients = torch.from_numpy(odd).to(frequencies.dtype)
        transforms = transforms * phase_correction(specimen, coefficients)
    return Windows(transforms=transforms, frequencies=specimen)


def contrast(
    windows: Windows,
    series: TiltSeriesData,
    tilt: int,
    *,
    defocus: Tensor,
    astigmatism: Tensor | None = None,
) -> Tensor:
    """CTF `(n, W', W'//2+1)` at `defocus` `(n,)`; ones if the images carry it already.

    astigmatism: `(2,)` angstrom, delta cos 2 angle and delta sin 2 angle in place of the series'
    own. Differentiable in both, also where there is no astigmatism (docs/math/target.md eq. 9).
    """
    if series.ctf_multiplied:
        return torch.ones((), dtype=windows.frequencies.dtype)
    optics = _optics(windows, series, tilt, defocus=defocus, astigmatism=astigmatism)
    return ctf(windows.frequencies, series.microscope, optics)


def side_band(windows: Windows, series: TiltSeriesData, tilt: int, *, defocus: Tensor) -> Tensor:
    """The complex CTF `(n, W', W'//2+1)` of one side band, whose real part is the CTF.

    Whether images carry the CTF already is not asked (docs/math/ctf.md eq. 4).
    """
    optics = _optics(windows, series, tilt, defocus=defocus, astigmatism=None)
    return complex_ctf(windows.frequencies, series.microscope, optics)


def _optics(
    windows: Windows,
    series: TiltSeriesData,
    tilt: int,
    *,
    defocus: Tensor,
    astigmatism: Tensor | None,
) -> Optics:
    dtype = windows.frequencies.dtype

    def own(name: str) -> Tensor:
        return torch.tensor(series.optic(name)[tilt], dtype=dtype)

    even: Tensor | None = None
    if np.any(series.optics.get("zernike_even", 0.0)):
        even = torch.from_numpy(series.optics["zernike_even"]).to(dtype)
    if astigmatism is not None:
        # Both components are even aberrations of second order: Z_2^2 and Z_2^-2.
        half_phase = -0.5 * np.pi * series.microscope.wavelength_angstrom
        u, v = (half_phase * astigmatism.to(dtype)).unbind()
        zero = torch.zeros_like(u)
        added = torch.stack([v, zero, u, *[zero] * 5])
        even = added if even is None else even + added
    return Optics(
        defocus=defocus.to(dtype),
        defocus_delta=own("defocus_delta") * (1.0 if astigmatism is None else 0.0),
        defocus_angle=own("defocus_angle"),
        phase_shift=own("phase_shift"),
        zernike_even=even,
    )


def masked_discs(transforms: Tensor, plan: BoxPlan, disc: Packing) -> Tensor:
    """Packed discs `(n, samples)` of transforms `(n, W', W'//2+1)` after the soft mask, eq. 3.

    A constant factor makes samples of white noise of deviation 1 in raw pixels have power 1.
    """
    size = plan.transformed
    real = torch.fft.irfft2(transforms, s=(size, size))
    keep = _about_origin(plan)
    real = real[:, keep[:, None], keep] * plan.mask(real.dtype)
    packed: Tensor = pack(torch.fft.rfft2(real), disc)
    return packed / _level(plan)


def passed_discs(factor: Tensor, plan: BoxPlan, disc: Packing) -> Tensor:
    """Share `(n, samples)` of white noise's power that `factor` `(n, W', W'//2+1)` lets through.

    After the soft mask, which averages the square of the factor over neighbouring samples.
    """
    size, box = plan.transformed, plan.box
    kernel = torch.fft.irfft2(factor.square(), s=(size, size))
    mask = torch.zeros((size, size), dtype=kernel.dtype)
    keep = _about_origin(plan)
    mask[keep[:, None], keep] = plan.mask(kernel.dtype)
    overlap = torch.fft.irfft2(torch.fft.rfft2(mask).abs().square(), s=(size, size))
    seen = kernel * overlap / overlap[0, 0]
    # Samples of the box are further apart than those of the window: real space folds into it.
    at = torch.fft.fftfreq(size, 1 / size, dtype=torch.float64).long() % box
    rows = torch.zeros((len(seen), box, size), dtype=seen.dtype).index_add(1, at, seen)
    folded = torch.zeros((len(seen), box, box), dtype=seen.dtype).index_add(2, at, rows)
    packed: Tensor = pack(torch.fft.rfft2(folded).real, disc)
    return packed


def masked_slices(packed: Tensor, plan: BoxPlan, disc: Packing) -> Tensor:
    """Transforms `(n, W', W'//2+1)` of packed slices after the soft mask: `masked_discs`' adjoint.

    Re sum conj(masked_discs(X)) P over the disc is Re sum conj(X) masked_slices(P) over the half
    plane, counted as `half_plane_counts` has it (docs/math/target.md eq. 10).
    """
    box, size = plan.box, plan.transformed
    index = torch.from_numpy(disc.rfft_index(box))
    ky, kx = index // (box // 2 + 1), index % (box // 2 + 1)
    full = torch.zeros((len(packed), box, box // 2 + 1), dtype=packed.dtype)
    full[:, ky, kx] = packed
    # Packing leaves out the partners in the column kx = 0.
    column = full[:, 1 : box // 2, 0]
    full[:, box // 2 + 1 :, 0] = column.flip(1).conj()
    real = torch.fft.irfft2(full, s=(box, box)) * plan.mask(full.real.dtype)
    keep = _about_origin(plan)
    padded = torch.zeros((len(packed), size, size), dtype=real.dtype)
    padded[:, keep[:, None], keep] = real
    scale = (box / size) ** 2 / _level(plan)
    transforms: Tensor = torch.fft.rfft2(padded) * scale
    return transforms


def half_plane_counts(size: int) -> Tensor:
    """What samples `(size, size//2+1)` count: half of the whole plane, without Nyquist; float64."""
    counts = torch.ones((size, size // 2 + 1), dtype=torch.float64)
    counts[:, 0] = 0.5
    counts[:, -1] = 0
    counts[size // 2] = 0
    return counts


def _about_origin(plan: BoxPlan) -> Tensor:
    """Rows of W' samples that lie in the box about index 0, in the box's layout."""
    half = plan.box // 2
    return torch.cat([torch.arange(half), torch.arange(plan.transformed - half, plan.transformed)])


def _level(plan: BoxPlan) -> float:
    # irfft2 divides by W'^2; noise of W^2 raw pixels then has variance (W / W')^2 per pixel.
    return (
        plan.window / plan.transformed * math.sqrt(float(plan.mask(torch.float64).square().sum()))
    )


def _cut(image: np.ndarray, centre: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows `(n, size, size)` and where the centres lie in them, pixels `(n, 2)`."""
    corner = np.floor(centre).astype(np.int64) - size // 2
    padded = np.zeros((len(centre), size, size), image.dtype)
    height, width = image.shape
    for row, (x, y) in enumerate(corner):
        left, right = max(x, 0), min(x + size, width)
        low, high = max(y, 0), min(y + size, height)
        if left < right and low < high:
            padded[row, low - y : high - y, left - x : right - x] = image[low:high, left:right]
    return padded, centre - corner


def _cropped(transforms: Tensor, size: int) -> Tensor:
    """Transforms of fewer samples, without the frequency of Nyquist."""
    full, half = transforms.shape[-2], size // 2
    keep = torch.cat([torch.arange(half), torch.arange(full - half, full)])
    cropped: Tensor = transforms[..., keep, : half + 1].clone()
    cropped[..., half, :] = 0
    cropped[..., half] = 0
    return cropped
