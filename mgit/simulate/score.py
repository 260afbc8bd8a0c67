"""How far an estimate of geometry and poses is from the truth of a simulation.

An estimate knows its particles only up to one common choice of the reference's frame: if the map
is turned and moved, and all poses with it, every image is explained as well as before. So a
rotation R0 and a shift s, the same for all particles, are removed first. With estimated rotations
R_e and true ones R_t (particle -> image, all observations),

    R0 = argmin sum |R_e R0 - R_t|^2              (orthogonal Procrustes)
    s  = argmin sum |x_e + [R_e s]_xy - x_t|^2    (linear least squares)

and a point c of the true reference is the point R0 c + s of the estimated one. Stage angles turn
particles without moving them, so s goes through R_e without them.
"""

from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput
from mgit.simulate.forward import Views
from mgit.simulate.molecule import Molecule
from mgit.simulate.shells import Curve, shell_correlation

__all__ = ["Frame", "MapScore", "Score", "common_frame", "map_score", "score"]

TRUTH_THRESHOLD = 0.5
HALF_THRESHOLD = 0.143
MASK_EDGE_SHARE = 0.1
"""Of the radius of the soft ball within which maps are compared."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """The reference's frame: true point c -> estimated point `rotation @ c + shift` (angstrom)."""

    rotation: np.ndarray
    shift: np.ndarray

    @property
    def angle_degree(self) -> float:
        """Angle of the rotation."""
        return float(np.degrees(_angles(self.rotation[None], np.eye(3)[None])[0]))

    @property
    def shift_angstrom(self) -> float:
        """Length of the shift."""
        return float(np.linalg.norm(self.shift))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Errors over all particles and tilts, the common frame removed.

    position: length of the error of the projected position, angstrom. orientation: angle between
    estimated and true rotation, stage angles included, degrees. defocus: at the particles;
    tilt_defocus: of the tilts' means over particles, angstrom.
    """

    particles: int
    observations: int
    position_rms_angstrom: float
    position_median_angstrom: float
    orientation_rms_degree: float
    orientation_median_degree: float
    defocus_rms_angstrom: float
    tilt_defocus_rms_angstrom: float
    frame_rotation_degree: float
    frame_shift_angstrom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MapScore:
    """Resolutions in angstrom; None where a curve never rises above its threshold.

    truth: both half-maps' mean against the molecule, 0.5. halves: against each other, 0.143.
    """

    truth_angstrom: float | None
    halves_angstrom: float | None
    truth_curve: Curve
    halves_curve: Curve


def common_frame(estimate: Views, truth: Views) -> Frame:
    """The frame that brings the estimate nearest to the truth; observations must correspond."""
    u, _, vt = np.linalg.svd(np.einsum("nji,njk->ik", estimate.rotation, truth.rotation))
    # The nearest rotation, never a reflection: a wrong hand is an error, not a gauge.
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    rows = estimate.unturned[:, :2].reshape(-1, 3)
    shift = np.linalg.lstsq(rows, (truth.xy - estimate.xy).ravel(), rcond=None)[0]
    return Frame(rotation=rotation, shift=shift)


def score(estimate: Views, truth: Views) -> tuple[Score, Frame]:
    """Errors of an estimate, and the frame that was removed.

    Observations are matched by particle and tilt; those of the truth that the estimate lacks do
    not count. Raises InvalidInput when nothing is left.
    """
    estimate, truth = _matched(estimate, truth)
    if not len(estimate):
        raise InvalidInput("the estimate has no particle of this simulation in any tilt")
    frame = common_frame(estimate, truth)
    moved = estimate.unturned @ frame.shift
    offset = estimate.xy + moved[:, :2] - truth.xy
    position = np.linalg.norm(offset, axis=1)
    angle = np.degrees(_angles(estimate.rotation @ frame.rotation, truth.rotation))
    defocus = estimate.defocus + estimate.hand * moved[:, 2] - truth.defocus
    tilts, each = np.unique(truth.tilt, return_inverse=True)
    per_tilt = np.bincount(each, defocus, len(tilts)) / np.bincount(each, minlength=len(tilts))
    found = Score(
        particles=len(np.unique(truth.row)),
        observations=len(truth),
        position_rms_angstrom=_rms(position),
        position_median_angstrom=float(np.median(position)),
        orientation_rms_degree=_rms(angle),
        orientation_median_degree=float(np.median(angle)),
        defocus_rms_angstrom=_rms(defocus),
        tilt_defocus_rms_angstrom=_rms(per_tilt),
        frame_rotation_degree=frame.angle_degree,
        frame_shift_angstrom=frame.shift_angstrom,
    )
    return found, frame


def map_score(
    first: np.ndarray,
    second: np.ndarray,
    molecule: Molecule,
    frame: Frame,
    *,
    pixel_size_angstrom: float,
    diameter_angstrom: float,
) -> MapScore:
    """Compare half-maps `(z, y, x)` with each other and with the molecule in their own frame.

    The molecule is sampled afresh where the frame puts it, so that no map is interpolated; both
    sides are cut by one soft ball of the particle's diameter.
    """
    in_frame = molecule.moved(frame.rotation, frame.shift)
    wanted = in_frame.density(first.shape[0], pixel_size_angstrom=pixel_size_angstrom)
    ball = _ball(first.shape[0], diameter_angstrom / 2 / pixel_size_angstrom)
    truth_curve = shell_correlation(
        (first + second) * ball, wanted * ball, pixel_size_angstrom=pixel_size_angstrom
    )
    halves_curve = shell_correlation(
        first * ball, second * ball, pixel_size_angstrom=pixel_size_angstrom
    )
    return MapScore(
        truth_angstrom=truth_curve.resolution_angstrom(TRUTH_THRESHOLD),
        halves_angstrom=halves_curve.resolution_angstrom(HALF_THRESHOLD),
        truth_curve=truth_curve,
        halves_curve=halves_curve,
    )


def _matched(estimate: Views, truth: Views) -> tuple[Views, Views]:
    def keys(seen: Views) -> np.ndarray:
        return seen.row.astype(np.int64) << 32 | seen.tilt.astype(np.int64)

    _, ours, theirs = np.intersect1d(keys(estimate), keys(truth), return_indices=True)
    return estimate.take(ours), truth.take(theirs)


def _angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`(n,)` angle in radians of `a^T b`, accurate also near zero."""
    chord = np.linalg.norm(a - b, axis=(1, 2)) / (2 * np.sqrt(2))  # sin(angle / 2)
    return np.asarray(2 * np.arcsin(np.clip(chord, 0, 1)))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _ball(edge: int, radius_px: float) -> np.ndarray:
    axis = np.arange(edge) - edge // 2
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    beyond = np.clip((radius / radius_px - 1) / MASK_EDGE_SHARE, 0, 1)
    return np.asarray((1 + np.cos(np.pi * beyond)) / 2)
