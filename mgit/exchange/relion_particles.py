"""RELION particle tables as canonical positions and angles.

Signatures for callers:

    read_particles(content, *, path, volumes=None, coordinate_pixel_size_angstrom=None,
                   trajectories=None) -> ParticleTable
    read_trajectories(document, *, particle_names) -> (n, F, 3) float64

`volumes` maps series names (rlnTomoName or the micrograph's name) to (size x y z in unbinned px,
pixel size in angstrom), as `mgit.exchange.relion_tomograms.volumes_of` gives it. It is needed for
centred coordinates (RELION 5) and otherwise gives the default coordinate pixel size.

Positions are angstrom from the corner of the volume:

    centred:    rlnCenteredCoordinate + size / 2 * pixel size - A_sub origin
    from px:    rlnCoordinate * coordinate pixel size + half - A_sub origin

where half is half a pixel along axes of which the tomogram has an odd number of unbinned pixels and
the coordinates count those: RELION turns tomograms about pixel n // 2, mgit about n / 2;

and orientations are `A_sub A(rot, tilt, psi)`, where A_sub comes from
rlnTomoSubtomogramRot/Tilt/Psi (identity when absent), and `origin`
from rlnOriginX/Y/ZAngst, or rlnOriginX/Y/Z in image pixels.

The coordinate pixel size is, in this order: the argument; rlnTomoTiltSeriesPixelSize of the optics
group or the volume; rlnMicrographPixelSize, rlnMicrographOriginalPixelSize; the image pixel size.
WarpTools writes coordinates in pixels of the extracted images: give the argument there.
Single-particle tables get z = 0; their defocus stays per particle among the pass-through columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.records import ColumnValues, Document, ParticleTable
from mgit.exchange.relion_optics import OpticsGroups, read_optics
from mgit.exchange.relion_projections import half_pixels
from mgit.exchange.relion_rotations import compose_angles, euler_matrices
from mgit.exchange.star import StarDocument, StarTable, parse_star

__all__ = [
    "ANGLE_COLUMNS",
    "CENTRED_COLUMNS",
    "COORDINATE_COLUMNS",
    "ORIGIN_ANGSTROM_COLUMNS",
    "ORIGIN_PIXEL_COLUMNS",
    "SUBTOMOGRAM_COLUMNS",
    "ParticleFrame",
    "Volumes",
    "item_names",
    "particle_block",
    "particle_frame",
    "place",
    "read_particles",
    "read_trajectories",
]

ANGLE_COLUMNS = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
SUBTOMOGRAM_COLUMNS = ("rlnTomoSubtomogramRot", "rlnTomoSubtomogramTilt", "rlnTomoSubtomogramPsi")
CENTRED_COLUMNS = (
    "rlnCenteredCoordinateXAngst",
    "rlnCenteredCoordinateYAngst",
    "rlnCenteredCoordinateZAngst",
)
COORDINATE_COLUMNS = ("rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ")
ORIGIN_ANGSTROM_COLUMNS = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")
ORIGIN_PIXEL_COLUMNS = ("rlnOriginX", "rlnOriginY", "rlnOriginZ")
DEFOCUS_COLUMNS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
PARTICLE_BLOCKS = ("particles", "images", "")
Volumes = Mapping[str, tuple[tuple[float, float, float], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticleFrame:
    """How the coordinates of a table relate to angstrom from the corner, per row.

    coordinates: names of the coordinate columns (two for micrographs). scale: `(n, 1)` angstrom per
    unit. centre: `(n, 3)` angstrom added after scaling. origins: names of the origin columns.
    origin_scale: `(n, 1)` angstrom per unit. subtomogram: `(n, 3)` angles of A_sub, degrees.
    """

    coordinates: tuple[str, ...]
    scale: np.ndarray
    centre: np.ndarray
    origins: tuple[str, ...]
    origin_scale: np.ndarray
    subtomogram: np.ndarray
    notes: tuple[str, ...] = ()


def read_particles(
    content: bytes,
    *,
    path: str,
    volumes: Volumes | None = None,
    coordinate_pixel_size_angstrom: float | None = None,
    trajectories: Document | None = None,
) -> ParticleTable:
    """Read a RELION 3.0 to 5 particle table of tomograms, subtomograms or micrographs.

    Raises InvalidInput when a required column, a pixel size or a tomogram's size is missing, or
    when a half set is neither 1 nor 2.
    """
    document = parse_star(content, name=path)
    table = particle_block(document)
    optics = read_optics(document, table)
    items = item_names(table)
    frame = particle_frame(
        table, optics, items, volumes or {}, pixel_size=coordinate_pixel_size_angstrom
    )
    positions, angles = place(table, frame)
    used = {*frame.coordinates, *frame.origins, *ANGLE_COLUMNS, *SUBTOMOGRAM_COLUMNS}
    passthrough = {
        column: table.values(column)
        for column in table.columns
        if column not in used and column not in ("rlnTomoName", "rlnRandomSubset")
    }
    motion = None
    if trajectories is not None:
        names = table.strings("rlnTomoParticleName")
        motion = read_trajectories(trajectories, particle_names=names)
    notes = (*frame.notes, *optics.notes, *_doubts(table, frame, optics, items, volumes or {}))
    if "rlnRandomSubset" not in table:
        notes = (*notes, "the table has no half sets (rlnRandomSubset)")
    return ParticleTable(
        positions=positions[:, None, :],
        angles=angles[:, None, :],
        half_sets=_half_sets(table),
        item_names=items,
        passthrough=passthrough,
        document=Document(role="relion_particles", path=path, content=content),
        companions=() if trajectories is None else (trajectories,),
        trajectories=motion,
        attributes=_attributes(document, table, frame, optics, passthrough),
        notes=notes,
    )


def particle_block(document: StarDocument) -> StarTable:
    """The particles: `data_particles`, `data_images`, `data_`, or the only table with images."""
    for block in PARTICLE_BLOCKS:
        if block in document and document.table(block).is_loop:
            return document.table(block)
    found = list(document.tables_with("rlnCoordinateX")) or list(
        document.tables_with("rlnImageName")
    )
    if len(found) == 1:
        return found[0]
    return document.table("particles")


def place(table: StarTable, frame: ParticleFrame) -> tuple[np.ndarray, np.ndarray]:
    """Positions `(n, 3)` in angstrom from the corner and angles `(n, 3)` in degrees of a table."""
    positions = _stack(table, frame.coordinates) * frame.scale + frame.centre
    if frame.origins:
        origins = _stack(table, frame.origins) * frame.origin_scale
        turned = frame.subtomogram.any(axis=1)
        if turned.any():
            rotations = euler_matrices(frame.subtomogram[turned])
            origins[turned] = (rotations @ origins[turned, :, None])[:, :, 0]
        positions = positions - origins
    angles = np.zeros_like(positions)
    if all(column in table for column in ANGLE_COLUMNS):
        angles = compose_angles(frame.subtomogram, _stack(table, ANGLE_COLUMNS))
    return positions, angles


def particle_frame(
    table: StarTable,
    optics: OpticsGroups,
    items: Sequence[str],
    volumes: Volumes,
    *,
    pixel_size: float | None,
) -> ParticleFrame:
    """Scales, centres and A_sub of every row; see the module's text for the order of choices."""
    rows = table.row_count
    centre, scale = np.zeros((rows, 3)), np.ones((rows, 1))
    coordinates: tuple[str, ...] = CENTRED_COLUMNS
    notes: tuple[str, ...] = ()
    if all(column in table for column in CENTRED_COLUMNS):
        size_of = {item: _volume_centre(table, volumes, item) for item in set(items)}
        centre = np.array([size_of[item] for item in items]).reshape(rows, 3)
    else:
        coordinates = tuple(column for column in COORDINATE_COLUMNS if column in table)
        if len(coordinates) < 2:
            table.position(COORDINATE_COLUMNS[len(coordinates)])
        scale, notes = _coordinate_scale(table, optics, items, volumes, pixel_size)
        if "rlnTomoName" in table and len(coordinates) == len(COORDINATE_COLUMNS):
            centre = _half_pixels(items, volumes, scale)
    origins: tuple[str, ...] = tuple(
        column for column in ORIGIN_ANGSTROM_COLUMNS if column in table
    )
    origin_scale = np.ones((rows, 1))
    if not origins:
        origins = tuple(column for column in ORIGIN_PIXEL_COLUMNS if column in table)
        if origins:
            origin_scale = _origin_scale(table, optics, scale)
    subtomogram = np.zeros((rows, 3))
    if all(column in table for column in SUBTOMOGRAM_COLUMNS):
        subtomogram = _stack(table, SUBTOMOGRAM_COLUMNS)
    return ParticleFrame(
        coordinates=coordinates,
        scale=scale,
        centre=centre,
        origins=origins,
        origin_scale=origin_scale,
        subtomogram=subtomogram,
        notes=notes,
    )


def read_trajectories(document: Document, *, particle_names: Sequence[str]) -> np.ndarray:
    """Displacements `(particles, tilts, 3)` in angstrom of a motion.star, in particle order.

    Rows follow the tilt table; series with fewer tilts than the longest are padded with zeros.
    Raises InvalidInput when a particle has no block.
    """
    parsed = parse_star(document.content, name=document.path)
    paths = [_stack(parsed.table(name), ORIGIN_ANGSTROM_COLUMNS) for name in particle_names]
    longest = max((path.shape[0] for path in paths), default=0)
    values = np.zeros((len(paths), longest, 3))
    for at, path in enumerate(paths):
        values[at, : path.shape[0]] = path
    return values


def _stack(table: StarTable, columns: Sequence[str]) -> np.ndarray:
    """Columns side by side as `(n, 3)`, zeros for a missing z."""
    values = np.zeros((table.row_count, 3))
    for at, column in enumerate(columns):
        values[:, at] = table.floats(column)
    return values


def item_names(table: StarTable) -> tuple[str, ...]:
    """The series of every row: rlnTomoName, rlnMicrographName, or the stack in rlnImageName."""
    for column in ("rlnTomoName", "rlnMicrographName"):
        if column in table:
            return table.strings(column)
    if "rlnImageName" in table:
        return tuple(name.rpartition("@")[2] for name in table.strings("rlnImageName"))
    table.position("rlnTomoName")
    return ()


def _volume_centre(table: StarTable, volumes: Volumes, item: str) -> tuple[float, float, float]:
    if item not in volumes:
        raise InvalidInput(
            f"centred coordinates need the size of tomogram '{item}', which is not known",
            hint="add the tomogram set of these particles as a source first",
            file=table.file,
            block=table.block,
            column=CENTRED_COLUMNS[0],
        )
    (x, y, z), pixel = volumes[item]
    return (x / 2 * pixel, y / 2 * pixel, z / 2 * pixel)


def _half_pixels(items: Sequence[str], volumes: Volumes, scale: np.ndarray) -> np.ndarray:
    """What RELION's coordinates in unbinned pixels lack in odd tomograms, `(n, 3)` angstrom."""
    found = {item: volumes[item] for item in set(items) if item in volumes}
    lacking = {item: half_pixels(size) * pixel for item, (size, pixel) in found.items()}
    missing = np.zeros((len(items), 3))
    if not any(each.any() for each in lacking.values()):
        return missing
    for row, item in enumerate(items):
        if item in found and scale[row, 0] == found[item][1]:
            missing[row] = lacking[item]
    return missing


def _coordinate_scale(
    table: StarTable,
    optics: OpticsGroups,
    items: Sequence[str],
    volumes: Volumes,
    pixel_size: float | None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    rows = table.row_count
    if pixel_size is not None:
        if not pixel_size > 0:
            raise InvalidInput(
                f"the coordinate pixel size {pixel_size:g} is not positive",
                hint="give angstrom per coordinate pixel",
                file=table.file,
            )
        return np.full((rows, 1), float(pixel_size)), ()
    if "rlnTomoName" not in table and items and all(item in volumes for item in set(items)):
        scale = np.array([volumes[item][1] for item in items])
        return scale[:, None], ()
    for column in (
        "rlnTomoTiltSeriesPixelSize",
        "rlnMicrographPixelSize",
        "rlnMicrographOriginalPixelSize",
    ):
        found = optics.per_row(column)
        if found is not None:
            return found[:, None], (f"coordinates were read in pixels of {column}",)
    if items and all(item in volumes for item in set(items)):
        scale = np.array([volumes[item][1] for item in items])
        return scale[:, None], ()
    image = optics.image_pixel_sizes()
    if image is None:
        raise InvalidInput(
            "the pixel size of the coordinates is not in the table",
            hint="give it in angstrom with '--coordinate-pixel-size A'",
            file=table.file,
            block=table.block,
            column=COORDINATE_COLUMNS[0],
        )
    return image[:, None], ("coordinates were read in pixels of the extracted images",)


def _origin_scale(table: StarTable, optics: OpticsGroups, scale: np.ndarray) -> np.ndarray:
    image = optics.image_pixel_sizes()
    return scale if image is None else image[:, None]


def _doubts(
    table: StarTable,
    frame: ParticleFrame,
    optics: OpticsGroups,
    items: Sequence[str],
    volumes: Volumes,
) -> tuple[str, ...]:
    """A note when coordinates fill a corner of the tomograms only, as WarpTools' exports do."""
    image = optics.image_pixel_sizes()
    known = bool(items) and all(item in volumes for item in set(items))
    centred = frame.coordinates == CENTRED_COLUMNS
    if image is None or not known or len(frame.coordinates) < 3 or centred:
        return ()
    sizes = np.array([np.array(volumes[item][0]) * volumes[item][1] for item in items])
    coordinates = _stack(table, frame.coordinates)
    in_corner = (coordinates * frame.scale < sizes / 2).all()
    if (
        in_corner
        and (coordinates * image[:, None] <= sizes).all()
        and (image > frame.scale[:, 0]).all()
    ):
        return (
            "all coordinates lie in one corner of their tomograms: they may count pixels of the "
            f"extracted images, as WarpTools writes them: '--coordinate-pixel-size {image[0]:g}'",
        )
    return ()


def _half_sets(table: StarTable) -> np.ndarray | None:
    if "rlnRandomSubset" not in table:
        return None
    values = table.integers("rlnRandomSubset")
    wrong = np.flatnonzero((values != 1) & (values != 2))
    if wrong.size:
        raise table.invalid(
            f"half set {int(values[wrong[0]])} is neither 1 nor 2",
            column="rlnRandomSubset",
            row=int(wrong[0]),
            hint="assign half sets 1 and 2, or remove the column",
        )
    return values.astype(np.uint8)


def _attributes(
    document: StarDocument,
    table: StarTable,
    frame: ParticleFrame,
    optics: OpticsGroups,
    passthrough: Mapping[str, ColumnValues],
) -> dict[str, Any]:
    attributes: dict[str, Any] = {"format": _format(document, table)}
    sizes = np.unique(frame.scale)
    if frame.coordinates != CENTRED_COLUMNS and sizes.size == 1:
        attributes["coordinate_pixel_size_angstrom"] = repr(float(sizes[0]))
    attributes["optics_groups"] = optics.records()
    attributes["applied_columns"] = [c for c in DEFOCUS_COLUMNS if c in passthrough]
    if "general" in document and "rlnTomoSubTomosAre2DStacks" in document.table("general"):
        stacks = int(document.table("general").integers("rlnTomoSubTomosAre2DStacks")[0])
        attributes["images"] = "stack_2d" if stacks else "subtomogram"
    return attributes


def _format(document: StarDocument, table: StarTable) -> str:
    if "rlnTomoName" in table:
        tomo5 = CENTRED_COLUMNS[0] in table or "general" in document
        return "relion_5_tomo" if tomo5 else "relion_4_tomo"
    kind = "subtomograms" if "rlnCoordinateZ" in table else "single_particles"
    return f"relion_3.1_{kind}" if "optics" in document else f"relion_3.0_{kind}"
