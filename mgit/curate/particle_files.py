"""Particle tables as users name them: which file, which format, and where it stands in its project.

A table may be given itself or through RELION's `optimisation_set.star`, which also names
trajectories, half-maps, a mask and an FSC. Documents are kept under the path that they have inside
their project, so that an export puts them where they stood.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.records import Document, ParticleTable
from mgit.exchange.relion_documents import (
    OptimisationSet,
    find_file,
    is_optimisation_set,
    project_path,
    read_optimisation_set,
)

__all__ = ["ParticleFiles", "document_path", "find_particle_files", "read_particle_files"]

Volume = tuple[tuple[float, float, float], float]

TABLE_SUFFIX = ".star"
MAP_MARK = (208, b"MAP")
DYNAMO_COLUMNS_MIN = 26
HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticleFiles:
    """A particle table and what belongs to it. Paths beside `table` are None where unknown.

    table_path, trajectories_path: where the files stand inside their project.
    """

    table: Path
    table_path: str
    trajectories: Path | None = None
    trajectories_path: str = ""
    half_map_1: Path | None = None
    half_map_2: Path | None = None
    mask: Path | None = None
    fsc: Path | None = None
    notes: tuple[str, ...] = ()


def document_path(file: Path, *, project: Path | None = None) -> str:
    """Where a file stands relative to its project, with '/' between the parts.

    project: its directory if known; otherwise it is found as `relion_documents.project_path` does.
    A file that is no STAR file goes by its name.
    """
    if project is not None:
        whole, root = file.absolute(), project.absolute()
        return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.name
    if file.suffix == TABLE_SUFFIX:
        return project_path(str(file), content=file.read_bytes())
    return file.name


def find_particle_files(
    given: Path, *, trajectories: Path | None = None, project: Path | None = None
) -> ParticleFiles:
    """The particle table that `given` is or names, with the files that go with it.

    trajectories: a motion.star that wins over the one that an optimisation set names.

    Raises NotFound when the table or its trajectories do not exist; maps and curves that a set
    names and that are not here are noted instead, for they can be given otherwise.
    """
    content = _head(given)
    if trajectories is not None and not trajectories.is_file():
        raise NotFound("no such file", file=trajectories)
    moving = document_path(trajectories, project=project) if trajectories else ""
    if b"rlnTomoParticlesFile" not in content or not is_optimisation_set(
        given.read_bytes(), path=str(given)
    ):
        return ParticleFiles(
            table=given,
            table_path=document_path(given, project=project),
            trajectories=trajectories,
            trajectories_path=moving,
        )
    return _of_set(given, trajectories, moving, project)


def _of_set(
    given: Path, trajectories: Path | None, moving: str, project: Path | None
) -> ParticleFiles:
    named: OptimisationSet = read_optimisation_set(given.read_bytes(), path=str(given))
    table = _required(named.particles, given, project, field="rlnTomoParticlesFile")
    if trajectories is None and named.trajectories:
        trajectories = _required(
            named.trajectories, given, project, field="rlnTomoTrajectoriesFile"
        )
        moving = _named_path(named.trajectories, trajectories, project)
    found: dict[str, Path | None] = {}
    notes = []
    for role in ("half_map_1", "half_map_2", "mask", "fsc"):
        text = getattr(named, role)
        found[role] = _optional(text, given, project)
        if text and found[role] is None:
            notes.append(f"'{text}', which the optimisation set names, is not here")
    if found["half_map_1"] is None or found["half_map_2"] is None:
        found["half_map_1"] = found["half_map_2"] = None
    return ParticleFiles(
        table=table,
        table_path=_named_path(str(named.particles), table, project),
        trajectories=trajectories,
        trajectories_path=moving,
        notes=tuple(notes),
        **found,
    )


def _optional(text: str | None, given: Path, project: Path | None) -> Path | None:
    if not text:
        return None
    root = None if project is None else str(project)
    found = find_file(text, document_path=str(given), root=root)
    return None if found is None else Path(found)


def _required(text: str | None, given: Path, project: Path | None, *, field: str) -> Path:
    found = _optional(text, given, project)
    if found is None:
        raise NotFound(
            "the optimisation set names a file that is not here"
            if text
            else "the optimisation set names no particle table",
            file=given,
            field=field,
            path=text or "",
            hint="give the particle table itself with '--particles', its motion.star with "
            "'--trajectories', or the project's directory with '--project'",
        )
    return found


def _named_path(text: str, file: Path, project: Path | None) -> str:
    """Sets write paths relative to their project already, unless they are absolute."""
    return document_path(file, project=project) if Path(text).is_absolute() else text


def _head(file: Path) -> bytes:
    """The first bytes of a table. Raises NotFound, and InvalidInput for what is no table."""
    if file.is_dir():
        raise InvalidInput(
            "a directory is given where a particle table is expected",
            file=file,
            hint="name the file, for example Refine3D/job023/run_data.star",
        )
    if not file.is_file():
        raise NotFound("no such file", file=file)
    with file.open("rb") as stream:
        content = stream.read(HEAD_BYTES)
    offset, mark = MAP_MARK
    if content[offset : offset + len(mark)] == mark:
        raise InvalidInput(
            "a map is given where a particle table is expected",
            file=file,
            field="--particles",
            hint="maps are given with '--half1' and '--half2', or '--reference'",
        )
    if content.startswith(b"\x93NUMPY"):
        raise Unsupported(
            "cryoSPARC's .cs files are not read",
            file=file,
            hint="convert the particles to a RELION table (.star) first",
        )
    return content


def read_particle_files(
    files: ParticleFiles,
    *,
    volumes: Mapping[str, Volume],
    coordinate_pixel_size_angstrom: float | None,
) -> ParticleTable:
    """Read the particle table of RELION 3.0 to 5, WarpTools, M, STOPGAP or Dynamo.

    volumes: size in unbinned pixels and pixel size by series name, for centred coordinates.

    Raises InvalidInput from the readers, for a table without particles or with poses that are not
    finite, and when the pixel size of coordinates is needed.
    """
    table = _read(files, volumes, coordinate_pixel_size_angstrom)
    if not table.item_names:
        raise InvalidInput(
            "the particle table has no particles",
            file=files.table_path,
            hint="give a table with at least one row",
        )
    for field, values in (("coordinates", table.positions), ("angles", table.angles)):
        rows = np.flatnonzero(~np.isfinite(values).all(axis=(1, 2)))
        if rows.size:
            raise InvalidInput(
                f"{rows.size} particles have {field} that are not finite",
                file=files.table_path,
                field=field,
                row=int(rows[0]) + 1,
                hint="remove these rows, or export the table again",
            )
    if not table.angles.any():
        note = "the table has no orientations: all angles are zero"
        table = replace(table, notes=(*table.notes, note))
    return table


def _read(
    files: ParticleFiles, volumes: Mapping[str, Volume], pixel_size: float | None
) -> ParticleTable:
    content, path = files.table.read_bytes(), files.table_path
    motion = None
    if files.trajectories is not None:
        motion = Document(
            role="relion_trajectories",
            path=files.trajectories_path,
            content=files.trajectories.read_bytes(),
        )
    if b"_wrpCoordinateX1" in content:
        from mgit.exchange.m_particles import read_particles as read_m_particles

        return read_m_particles(content, path)
    if b"data_stopgap_motivelist" in content or _is_dynamo(content, path):
        return _motive_list(content, path, pixel_size)
    from mgit.exchange.relion_particles import read_particles

    return read_particles(
        content,
        path=path,
        volumes=volumes,
        coordinate_pixel_size_angstrom=pixel_size,
        trajectories=motion,
    )


def _is_dynamo(content: bytes, path: str) -> bool:
    if path.endswith(".tbl"):
        return True
    first = content.split(b"\n", 1)[0].split()
    try:
        return len(first) >= DYNAMO_COLUMNS_MIN and bool([float(word) for word in first])
    except ValueError:
        return False


def _motive_list(content: bytes, path: str, pixel_size: float | None) -> ParticleTable:
    from mgit.exchange.motive_lists import read_dynamo, read_stopgap

    if pixel_size is None:
        raise InvalidInput(
            "the table does not say which pixels its coordinates are in",
            file=path,
            field="--coordinate-pixel-size",
            hint="'--coordinate-pixel-size A' with the voxel size of the tomograms they were "
            "picked in",
        )
    if b"data_stopgap_motivelist" in content:
        return read_stopgap(content, path=path, pixel_size_angstrom=pixel_size)
    return read_dynamo(content, path=path, pixel_size_angstrom=pixel_size)
