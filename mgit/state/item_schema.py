"""The arrays and attributes of an item (one series) and of its source."""

from collections.abc import Iterable
from dataclasses import replace

from mgit.state.schema_types import (
    FRAME,
    ITEM_KINDS,
    KIND,
    NAME,
    PARTICLE,
    STATE_AND_INPUTS,
    TILT,
    ArraySchema,
    AttributeSchema,
    Kind,
    attributes_of,
)

__all__ = ["ITEM_ARRAYS", "ITEM_ATTRIBUTES", "SOURCE_ATTRIBUTES"]


def _table(
    dimensions: tuple[str, ...], rows: Iterable[tuple[str, str, str]], *kinds: Kind
) -> tuple[ArraySchema, ...]:
    return tuple(
        ArraySchema(
            name=name,
            dtype="float64",
            dimensions=dimensions,
            unit=unit,
            meaning=meaning,
            kinds=kinds or ITEM_KINDS,
        )
        for name, unit, meaning in rows
    )


_PER_TILT = _table(
    ("tilt",),
    [
        ("tilt_angle", "degree", "stage tilt about the y axis"),
        ("axis_angle", "degree", "direction of the tilt axis in the image"),
        ("level_angle_x", "degree", "tilt of the specimen about x, before the stage tilt"),
        ("level_angle_y", "degree", "offset added to the tilt angle"),
        ("axis_offset_x", "angstrom", "shift of the image along x, added to projected positions"),
        ("axis_offset_y", "angstrom", "shift of the image along y, added to projected positions"),
        ("exposure", "e/angstrom^2", "accumulated exposure"),
        ("defocus", "angstrom", "mean of both principal defoci, underfocus positive"),
        ("defocus_delta", "angstrom", "difference of both principal defoci, U - V"),
        ("defocus_angle", "degree", "direction of the larger defocus from the x axis"),
        ("phase_shift", "degree", "phase shift of a phase plate"),
        ("ctf_scale", "1", "amplitude factor of the contrast transfer function"),
        ("ctf_b_factor", "angstrom^2", "B factor of the contrast transfer function, decay < 0"),
    ],
)

_GRID = ("depth", "height", "width")

_GRIDS = _table(
    _GRID,
    [
        ("image_warp_x", "angstrom", "image warp along x, subtracted; depth runs over tilts"),
        ("image_warp_y", "angstrom", "image warp along y, subtracted; depth runs over tilts"),
        ("stage_angle_x", "degree", "correction of particle orientations about x"),
        ("stage_angle_y", "degree", "correction of particle orientations about y"),
        ("stage_angle_z", "degree", "correction of particle orientations about z"),
        ("exposure_weight", "1", "amplitude factor per tilt or frame"),
        ("exposure_b_factor", "angstrom^2", "B factor per tilt or frame"),
        ("exposure_b_factor_delta", "angstrom^2", "anisotropy of the B factor"),
        ("exposure_b_factor_angle", "degree", "direction of the B factor's anisotropy"),
        ("location_weight", "1", "amplitude factor over the field of view"),
        ("location_b_factor", "angstrom^2", "B factor over the field of view"),
        ("defocus_field", "angstrom", "defocus over the field of view and frames"),
        ("defocus_delta_field", "angstrom", "astigmatism over the field of view"),
        ("defocus_angle_field", "degree", "direction of the astigmatism over the field of view"),
        ("phase_shift_field", "degree", "phase shift over the field of view and frames"),
        ("spherical_aberration_field", "millimetre", "added spherical aberration over the field"),
        ("doming", "angstrom", "change of defocus over field and frames"),
    ],
)

_MOTION = _table(
    _GRID,
    [
        ("global_motion_x", "angstrom", "motion of whole frames along x, subtracted"),
        ("global_motion_y", "angstrom", "motion of whole frames along y, subtracted"),
        ("local_motion_x", "angstrom", "local motion along x, subtracted"),
        ("local_motion_y", "angstrom", "local motion along y, subtracted"),
        ("motion_pyramid_x_<j>", "angstrom", "level j of the refined motion along x, subtracted"),
        ("motion_pyramid_y_<j>", "angstrom", "level j of the refined motion along y, subtracted"),
    ],
)

_VOLUME_WARP = _table(
    ("duration", "depth", "height", "width"),
    [
        ("volume_warp_x", "angstrom", "volume warp along x, added; duration runs over exposure"),
        ("volume_warp_y", "angstrom", "volume warp along y, added; duration runs over exposure"),
        ("volume_warp_z", "angstrom", "volume warp along z, added; duration runs over exposure"),
    ],
    TILT,
)

_USE = ArraySchema(
    name="use", dtype="bool", dimensions=("tilt",), unit="", meaning="whether the tilt takes part"
)

ITEM_ARRAYS: tuple[ArraySchema, ...] = (
    *_PER_TILT,
    _USE,
    *_GRIDS,
    *_MOTION,
    *_VOLUME_WARP,
    *_table(("12",), [("zernike_odd", "radian", "odd aberrations, order of docs/math")]),
    *_table(("8",), [("zernike_even", "radian", "even aberrations, order of docs/math")]),
    *_table(("2", "2"), [("magnification", "1", "[[m11, m12], [m21, m22]] on frequencies (x, y)")]),
    *_table(
        ("tilt", "coefficient"),
        [("image_deformation", "attribute", "coefficients per tilt; attributes type, grid, unit")],
        TILT,
    ),
    *_table(
        ("frame", "2"),
        [("global_shift", "angstrom", "shift of whole frames (x, y)")],
        FRAME,
        PARTICLE,
    ),
    *_table(
        ("36",),
        [("motion_polynomial", "angstrom", "third-order local motion model (x then y)")],
        FRAME,
        PARTICLE,
    ),
)
"""Arrays of an item, all digested: every one changes what is measured in the images."""


_OPTICS = attributes_of(
    "decimal",
    [
        ("pixel_size_angstrom", "angstrom", "pixel size of the raw images"),
        ("voltage_kilovolt", "kilovolt", "acceleration voltage"),
        ("spherical_aberration_millimetre", "millimetre", "spherical aberration"),
        ("chromatic_aberration_millimetre", "millimetre", "chromatic aberration"),
        ("amplitude_contrast", "1", "fraction of amplitude contrast"),
        ("beam_tilt_x_milliradian", "milliradian", "beam tilt along x"),
        ("beam_tilt_y_milliradian", "milliradian", "beam tilt along y"),
        ("b_factor_angstrom2", "angstrom^2", "B factor of the whole item in reconstructions"),
        ("weight", "1", "weight of the whole item in reconstructions"),
        ("exposure_per_frame", "e/angstrom^2", "exposure of one frame"),
        ("pre_exposure", "e/angstrom^2", "exposure before the first frame"),
        ("image_pixel_size_angstrom", "angstrom", "pixel size of extracted or averaged images"),
    ],
    digested=True,
)

_TILT_EXPOSURE = attributes_of(
    "decimal",
    [("exposure_per_tilt", "e/angstrom^2", "nominal exposure of one tilt; `exposure` counts")],
    digested=False,
)

ITEM_ATTRIBUTES: tuple[AttributeSchema, ...] = (
    NAME,
    *attributes_of(
        "text",
        [
            ("id", "", "permanent identity, 32 hexadecimal digits"),
            ("exclusion_reason", "", "why the item is excluded"),
            ("optics_group", "", "name of the optics group in the foreign document"),
        ],
        digested=False,
    ),
    KIND,
    *STATE_AND_INPUTS,
    *attributes_of("texts", [("aliases", "", "other names in particle tables")], digested=False),
    AttributeSchema(
        name="raw",
        value_type="records",
        unit="",
        meaning="raw files in order: role, path, digest, quick, size, url, and of a stack the "
        "sections by row where these are not 1, 2, ...; roles, digests and sections count",
        in_state_digest=True,
    ),
    *_OPTICS,
    *_TILT_EXPOSURE,
    *attributes_of(
        "decimals",
        [("volume_dimensions_angstrom", "angstrom", "x, y, z of the tomogram's frame")],
        digested=True,
        length=3,
    ),
    *attributes_of(
        "decimals",
        [("image_dimensions_angstrom", "angstrom", "x, y of the images")],
        digested=True,
        length=2,
    ),
    *attributes_of(
        "integers", [("image_size_px", "px", "x, y of the raw images")], digested=True, length=2
    ),
    *attributes_of(
        "integer",
        [
            ("hand", "", "+1 or -1: sign of the change of defocus with z in the image"),
            ("frame_count", "", "frames of a movie that are used"),
            ("frame_start", "", "first frame that is used, counted from 1"),
            ("eer_grouping", "", "raw frames of a counting camera per frame"),
        ],
        digested=True,
    ),
    *attributes_of(
        "boolean",
        [
            ("excluded", "", "whether the item takes no part in refinement"),
            ("ctf_premultiplied", "", "whether the images are multiplied by the CTF already"),
            ("exposure_filtered", "", "whether the images are exposure-filtered already"),
            ("gain_flip_x", "", "whether the gain reference is mirrored along x"),
            ("gain_flip_y", "", "whether the gain reference is mirrored along y"),
            ("gain_transpose", "", "whether the gain reference is transposed"),
        ],
        digested=True,
    ),
)

SOURCE_ATTRIBUTES: tuple[AttributeSchema, ...] = (
    NAME,
    replace(KIND, in_state_digest=False),
    *attributes_of(
        "text",
        [("format", "", "the foreign format that the source came from")],
        digested=False,
    ),
    *(replace(each, in_state_digest=False) for each in _OPTICS),
    *_TILT_EXPOSURE,
    *attributes_of(
        "decimals",
        [("volume_dimensions_angstrom", "angstrom", "x, y, z of the tomogram's frame")],
        digested=False,
        length=3,
    ),
    *attributes_of("texts", [("notes", "", "assumptions made at import")], digested=False),
)
"""Attributes of a source: facts its items share, for eyes; what items say counts."""
