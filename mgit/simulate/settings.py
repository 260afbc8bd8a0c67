"""What a simulated tilt-series experiment is made of, and presets."""

import math
from dataclasses import dataclass, fields

from mgit.errors import InvalidInput

__all__ = ["PRESETS", "Settings"]

FLOAT32_IMAGE_PX_MAX = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One experiment. Errors are standard deviations of truth minus starting state.

    Lengths angstrom, angles degrees, exposures e/A^2. Raises InvalidInput, naming the field.
    """

    particles: int = 160
    """Of all series together."""
    series: int = 1
    tilts: int = 31
    tilt_range_degree: float = 60.0
    """Tilts run from minus to plus this angle."""
    axis_angle_degree: float = 85.0
    level_angle_x_degree: float = 1.5
    level_angle_y_degree: float = -2.0
    hand: int = -1
    """Sign of the change of defocus with z in the image."""
    exposure_per_tilt: float = 3.0

    image_size_px: int = 512
    pixel_size_angstrom: float = 4.0
    thickness_angstrom: float = 600.0
    box_px: int = 64
    """Box of the truth map, and the box that stays inside every image."""

    diameter_angstrom: float = 150.0
    gaussians: int = 500
    gaussian_width_angstrom: float = 3.2
    """Standard deviation; also the softening of atoms, which must not be finer than the pixels."""

    voltage_kilovolt: float = 300.0
    spherical_aberration_millimetre: float = 2.7
    amplitude_contrast: float = 0.07
    defocus_angstrom: float = 28_000.0
    astigmatism_angstrom: float = 400.0
    """Difference of both principal defoci in the starting state."""
    astigmatism_angle_degree: float = 35.0

    snr: float = 0.08
    """Mean variance of a particle's image in its box, over that of the noise; inf: no noise."""
    solvent: float = 0.0
    """Standard deviation of structured noise (seen through the CTF), in units of the noise."""

    position_error_angstrom: float = 3.0
    """Per axis."""
    angle_error_degree: float = 3.5
    """Root mean square of the angle of rotation."""
    shift_error_angstrom: float = 4.0
    """Per tilt and axis."""
    axis_angle_error_degree: float = 0.15
    tilt_angle_error_degree: float = 0.0
    stage_angle_error_degree: float = 0.3
    """Per tilt and axis; turns particles without moving them."""
    warp_error_angstrom: float = 2.0
    """Per node of the image warp and axis."""
    warp_grid: int = 3
    """Nodes of the image warp along x and y."""
    volume_warp_error_angstrom: float = 0.0
    defocus_error_angstrom: float = 1_200.0
    astigmatism_error_angstrom: float = 100.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not math.isfinite(value) and each.name != "snr":
                raise InvalidInput("a setting is not finite", field=each.name, value=value)
        for name in ("particles", "series", "tilts", "image_size_px", "box_px", "gaussians"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "must be positive")
        for name in ("pixel_size_angstrom", "diameter_angstrom", "gaussian_width_angstrom", "snr"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "must be positive")
        for name in ("image_size_px", "box_px"):
            value = getattr(self, name)
            _check(name, value, value % 2 == 0 and value <= FLOAT32_IMAGE_PX_MAX, "must be even")
        _check("hand", self.hand, self.hand in (-1, 1), "must be 1 or -1")
        _check(
            "particles",
            self.particles,
            self.particles >= self.series,
            "is below the number of series",
        )
        _check("warp_grid", self.warp_grid, self.warp_grid >= 1, "must be positive")
        tilt = self.tilt_range_degree
        _check("tilt_range_degree", tilt, 0 <= tilt < 85, "must lie between 0 and 85")
        box = self.box_px * self.pixel_size_angstrom
        _check("box_px", self.box_px, box > self.diameter_angstrom, "is smaller than the particle")
        for each in fields(self):
            if each.name.endswith(("_error_angstrom", "_error_degree")) or each.name == "solvent":
                value = getattr(self, each.name)
                _check(each.name, value, value >= 0, "must not be negative")

    @property
    def volume_px(self) -> tuple[int, int, int]:
        """Extent of the tomogram along x, y, z in pixels, even."""
        depth = 2 * math.ceil(self.thickness_angstrom / self.pixel_size_angstrom / 2)
        return self.image_size_px, self.image_size_px, depth


def _check(name: str, value: float, holds: object, message: str) -> None:
    if not holds:
        raise InvalidInput(f"the setting {message}", field=name, value=value)


PRESETS = {
    "tiny": Settings(
        particles=8,
        tilts=5,
        image_size_px=128,
        pixel_size_angstrom=5.0,
        thickness_angstrom=300.0,
        box_px=24,
        diameter_angstrom=100.0,
        gaussians=60,
        gaussian_width_angstrom=4.0,
        defocus_angstrom=20_000.0,
        snr=0.5,
    ),
    "demo": Settings(),
}
"""'tiny' takes seconds; 'demo' is what two cores refine in minutes."""
