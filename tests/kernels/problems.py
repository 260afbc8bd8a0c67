"""Problems that every implementation of an operator is asked to solve, and how they are judged."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from kernels import backproject_reference, correlate_reference
from kernels.arguments import Correlation
from kernels.packing import Packing, packing

OVERSAMPLING = 2
KINK_BAND = 1e-5  # voxels; float32 puts a point at 60 voxels within 4e-6 of where it is
CURVATURE = 0.02  # of the third column of A: kz of 3 voxels at a radius of 12, far more than real


def torch_of(values):
    return torch.from_numpy(np.ascontiguousarray(values))


@dataclass(frozen=True, kw_only=True)
class Problem:
    """NumPy arrays in float32 and complex64; `exact` gives the same numbers in float64."""

    volume: np.ndarray
    images: np.ndarray
    weights: np.ndarray
    group: np.ndarray
    matrices: np.ndarray
    shifts: np.ndarray
    radius: np.ndarray
    disc: Packing

    @property
    def box(self):
        return self.volume.shape[0]

    def batch(self):
        names = ("weights", "group", "matrices", "shifts", "radius", "disc")
        return {name: getattr(self, name) for name in names}

    def in_torch(self, *, double):
        real = torch.float64 if double else torch.float32
        complex_ = torch.complex128 if double else torch.complex64
        batch = {
            "weights": torch_of(self.weights).to(real),
            "group": torch_of(self.group),
            "matrices": torch_of(self.matrices).to(real),
            "shifts": torch_of(self.shifts).to(real),
            "radius": torch_of(self.radius),
            "disc": self.disc,
        }
        return torch_of(self.volume).to(complex_), torch_of(self.images).to(complex_), batch

    def with_(self, **changes):
        return replace(self, **changes)


def smooth_volume(box, rng, *, blobs=8):
    """Transform of Gaussian blobs near the centre, which itself is at index 0."""
    axis = np.arange(box) - box // 2
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij", sparse=True)
    real = np.zeros((box, box, box))
    for centre in rng.uniform(-box / 20, box / 20, (blobs, 3)):
        squares = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        real += np.exp(-squares / (2 * 1.5**2))
    return np.fft.rfftn(np.fft.ifftshift(real))


def rotations(count, rng):
    """Uniformly distributed rotation matrices (count, 3, 3)."""
    q = rng.standard_normal((count, 4))
    a, b, c, d = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (c * c + d * d), 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), 1 - 2 * (b * b + d * d), 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), 1 - 2 * (b * b + c * c)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def slice_matrices(count, rng, *, columns):
    """Oversampling x rotation^T, with a third column of either hand of curvature."""
    matrices = OVERSAMPLING * rotations(count, rng).transpose(0, 2, 1)
    matrices[::2, :, 2] *= CURVATURE
    matrices[1::2, :, 2] *= -CURVATURE
    return matrices[:, :, :columns]


def make_problem(image_box, count, *, columns=2, seed=0, noise=0.5):
    """Images that are slices at slightly other poses plus noise, in groups of two weights."""
    rng = np.random.default_rng(seed)
    disc = packing(image_box // 2 - 1)
    volume = smooth_volume(OVERSAMPLING * image_box, rng).astype(np.complex64)
    matrices = slice_matrices(count, rng, columns=columns)
    near = torch_of(matrices + 0.01 * rng.standard_normal(matrices.shape))
    clean = correlate_reference.project(torch_of(volume).to(torch.complex128), near, disc=disc)
    scale = float(clean.abs().mean()) if count else 1.0
    grain = rng.standard_normal((2, count, disc.samples))
    images = clean.numpy() / scale + noise * (grain[0] + 1j * grain[1])
    return Problem(
        volume=(volume / scale).astype(np.complex64),
        images=images.astype(np.complex64),
        weights=rng.uniform(0.2, 1, (2, disc.samples)).astype(np.float32),
        group=(np.arange(count) % 2).astype(np.int32),
        matrices=matrices.astype(np.float32),
        shifts=rng.uniform(-0.03, 0.03, (count, 2)).astype(np.float32),
        radius=np.full(count, disc.radius, np.int32),
        disc=disc,
    )


def correlation_in_torch(problem, *, double):
    """The reference's terms, and its gradients by autograd."""
    volume, images, batch = problem.in_torch(double=double)
    matrices = batch["matrices"].requires_grad_()
    shifts = batch["shifts"].requires_grad_()
    terms = correlate_reference.correlate(volume, images, **batch)
    d_shift, d_numerator = torch.autograd.grad(
        terms[:, 0].sum(), [shifts, matrices], retain_graph=True
    )
    (d_power,) = torch.autograd.grad(terms[:, 1].sum(), [matrices])
    return Correlation(
        terms=terms.detach().numpy(),
        d_shift=d_shift.numpy(),
        d_numerator=d_numerator.numpy(),
        d_power=d_power.numpy(),
    )


def sums_in_torch(problem, *, double):
    """The reference's backprojection, NumPy data and weight."""
    _, images, batch = problem.in_torch(double=double)
    data, weight = backproject_reference.backproject(images, box=problem.box, **batch)
    return data.numpy(), weight.numpy()


def largest(values):
    return float(np.max(np.abs(values), initial=0.0))


def assert_as_accurate_as_float32(kernel, plain, exact):
    """A kernel errs at most twice as much as plain torch does in the same precision."""
    smallest_meaningful = 4 * np.finfo(np.float32).eps * largest(exact)
    allowed = 2 * largest(plain - exact) + smallest_meaningful
    assert largest(kernel - exact) <= allowed


def smooth_at_its_points(problem):
    """Which images have no point within KINK_BAND of a face of its cell: bool (n).

    Interpolation has a kink there, so that float32 and float64 may see different slopes.
    """
    k = problem.disc.frequencies.astype(np.float64)
    k = np.concatenate([k, (k**2).sum(axis=1, keepdims=True)], axis=1)
    k = np.delete(k, problem.disc.zero, axis=0)[:, : problem.matrices.shape[-1]]
    points = problem.matrices.astype(np.float64) @ k.T
    return (np.abs(points - np.rint(points)) > KINK_BAND).all(axis=(1, 2))


def assert_correlation_as_accurate_as_float32(found, plain, exact, *, judged=slice(None)):
    """judged: the images of which derivatives are compared; terms have no kinks."""
    for name in ("d_shift", "d_numerator", "d_power"):
        assert_as_accurate_as_float32(
            getattr(found, name)[judged], getattr(plain, name)[judged], getattr(exact, name)[judged]
        )
    for term in range(3):
        assert_as_accurate_as_float32(
            found.terms[:, term], plain.terms[:, term], exact.terms[:, term]
        )
