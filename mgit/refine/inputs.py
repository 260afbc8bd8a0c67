"""What one item's refinement takes: a tilt series, references of species, their particles."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mgit.errors import InvalidState, Unsupported
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.series_geometry import SeriesGeometry, series_geometry
from mgit.maps.reference import HalfReferences
from mgit.optics.aberrations import beam_tilt_coefficients
from mgit.optics.ctf import Microscope
from mgit.refine.stack_images import ParticleStacks

__all__ = ["ParticleSet", "ReferenceSet", "TiltSeriesData", "tilt_series_data"]

PER_TILT = ("defocus_delta", "defocus_angle", "phase_shift", "ctf_scale", "ctf_b_factor")
PLAIN = {"zernike_odd": (12,), "zernike_even": (8,), "magnification": (2, 2)}
WEIGHT_GRIDS = (
    "exposure_weight",
    "exposure_b_factor",
    "exposure_b_factor_delta",
    "exposure_b_factor_angle",
    "location_weight",
    "location_b_factor",
)
NOT_APPLIED = (
    "defocus_field",
    "defocus_delta_field",
    "defocus_angle_field",
    "phase_shift_field",
    "spherical_aberration_field",
    "doming",
    "global_motion_x",
    "global_motion_y",
    "local_motion_x",
    "local_motion_y",
    "global_shift",
    "motion_polynomial",
)
MOTION_LEVELS = "motion_pyramid_"
"""Terms of movies, which no format has for series of tilts: refused by name where they are not
zero (docs/math/terms.md)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiltSeriesData:
    """One tilt series as refinement sees it.

    optics: canonical arrays (docs/state.md): per tilt, aberrations, magnification, weight grids.
    margins: x, y, z of the weight grids in `optics`.
    image: row of the tilt table -> `(height, width)`, as recorded.
    dark: whether protein is dark in the images, as it is in micrographs.
    beam_tilt_milliradian: x, y; it acts as odd aberrations do, on top of those in `optics`.
    ctf_multiplied, exposure_filtered: what was done to the images before.
    """

    geometry: SeriesGeometry
    microscope: Microscope
    optics: Mapping[str, np.ndarray]
    image: Callable[[int], np.ndarray]
    margins: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    beam_tilt_milliradian: tuple[float, float] = (0.0, 0.0)
    dark: bool = True
    ctf_multiplied: bool = False
    exposure_filtered: bool = False

    @property
    def odd_aberrations(self) -> np.ndarray:
        """Odd coefficients `(12,)` with those of the beam tilt, docs/math/aberrations.md eq. 5."""
        tilt = beam_tilt_coefficients(
            torch.tensor(self.beam_tilt_milliradian, dtype=torch.float64),
            wavelength_angstrom=self.microscope.wavelength_angstrom,
            spherical_aberration_millimetre=self.microscope.spherical_aberration_millimetre,
        )
        return np.asarray(self.optics.get("zernike_odd", 0.0) + tilt.numpy())

    @property
    def name(self) -> str:
        """Name of the item, for messages."""
        return self.geometry.name

    def optic(self, name: str) -> np.ndarray:
        """An array of `optics`; zeros per tilt where the series has none (scale: none)."""
        found = self.optics.get(name)
        return np.zeros(self.geometry.tilt_count) if found is None else found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceSet:
    """One species: its two references and its extent. mask diameter is `diameter_angstrom`.

    ewald: whether images are compared with curved slices; ewald_reverse: on which side of the
    plane, True where the depth of the series' defocus says so (docs/math/ctf.md eq. 11).
    """

    species: str
    references: HalfReferences
    diameter_angstrom: float
    ewald: bool = False
    ewald_reverse: bool = True

    @property
    def box_angstrom(self) -> float:
        """Edge of the box that the references span."""
        return self.references.box * self.references.pixel_size_angstrom

    def half(self, half_set: int) -> np.ndarray:
        """The volume to which particles of half-set 1 or 2 are aligned: their own."""
        return self.references.first if half_set == 1 else self.references.second


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParticleSet:
    """The particles of one species in the item, rows in the order of the species' table.

    half_set: `(n,)` 1 or 2. names: for messages; row numbers when empty.
    held: bool `(n,)`, which ones take no part in fitting what particles share; None leaves the
        choice to the settings.
    stacks: the images of particles that were extracted; None where whole images are cut up.
    """

    species: str
    poses: ParticlePoses
    half_set: np.ndarray
    names: tuple[str, ...] = field(default=())
    held: np.ndarray | None = None
    stacks: ParticleStacks | None = None

    def __post_init__(self) -> None:
        """Raises InvalidState unless every particle is in half-set 1 or 2."""
        if self.half_set.shape != (self.poses.count,) or not np.isin(self.half_set, (1, 2)).all():
            raise InvalidState(
                "a particle is in neither half-set",
                hint="split the species with 'mgit species add --new-split'",
                species=self.species,
            )

    def name_of(self, row: int) -> str:
        """What a message calls the particle."""
        return self.names[row] if self.names else f"row {row + 1}"


def tilt_series_data(
    name: str,
    *,
    arrays: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any],
    image: Callable[[int], np.ndarray],
    array_attributes: Mapping[str, Mapping[str, Any]] | None = None,
) -> TiltSeriesData:
    """Build the value from an item's canonical arrays and attributes (docs/state.md).

    Raises InvalidState for missing, misshapen or non-finite values, Unsupported for a term that is
    not zero and that alignment cannot apply; both name the item and the array.
    """
    _refuse_unknown_terms(name, arrays)
    geometry = series_geometry(
        name,
        "tilt_series",
        arrays=arrays,
        attributes=attributes,
        array_attributes=array_attributes,
    )
    optics = {
        key: np.asarray(arrays[key], dtype=np.float64)
        for key in (*PER_TILT, *PLAIN, *WEIGHT_GRIDS)
        if key in arrays
    }
    _check_optics(name, optics, geometry.tilt_count)
    return TiltSeriesData(
        geometry=geometry,
        microscope=_microscope(name, attributes),
        optics=optics,
        image=image,
        margins={key: _margins(array_attributes, key) for key in WEIGHT_GRIDS if key in arrays},
        beam_tilt_milliradian=_beam_tilt(name, attributes),
        ctf_multiplied=bool(attributes.get("ctf_premultiplied", False)),
        exposure_filtered=bool(attributes.get("exposure_filtered", False)),
    )


def _margins(
    attributes: Mapping[str, Mapping[str, Any]] | None, key: str
) -> tuple[float, float, float]:
    texts = (attributes or {}).get(key, {}).get("margins", ("0", "0", "0"))
    x, y, z = (float(text) for text in texts)
    return x, y, z


def _refuse_unknown_terms(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    for key in sorted(arrays):
        foreign = key in NOT_APPLIED or key.startswith(MOTION_LEVELS)
        if foreign and np.any(arrays[key]):
            raise Unsupported(
                "a series of tilts has a term of movies, which cannot be applied to it",
                hint="set it to zero if the images were corrected with it, or leave the series out",
                item=name,
                array=key,
            )


def _beam_tilt(name: str, attributes: Mapping[str, Any]) -> tuple[float, float]:
    x, y = (float(attributes.get(f"beam_tilt_{axis}_milliradian", "0")) for axis in "xy")
    if not np.isfinite([x, y]).all():
        raise InvalidState("the beam tilt of a series is not finite", item=name)
    return x, y


def _check_optics(name: str, optics: Mapping[str, np.ndarray], tilts: int) -> None:
    for key, values in optics.items():
        expected = (tilts,) if key in PER_TILT else PLAIN.get(key, values.shape)
        if values.shape != expected:
            raise InvalidState(
                "an array of the optics has the wrong shape",
                item=name,
                array=key,
                expected=expected,
                given=values.shape,
            )
        if not np.isfinite(values).all():
            raise InvalidState("an array of the optics is not finite", item=name, array=key)


def _microscope(name: str, attributes: Mapping[str, Any]) -> Microscope:
    keys = ("voltage_kilovolt", "spherical_aberration_millimetre", "amplitude_contrast")
    for key in keys:
        if key not in attributes:
            raise InvalidState(
                f"'{key}' of the microscope is not known",
                hint="set it with 'mgit source set'",
                item=name,
            )
    try:
        return Microscope(**{key: float(attributes[key]) for key in keys})
    except InvalidState as error:
        error.fields.setdefault("item", name)
        raise
