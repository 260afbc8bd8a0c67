"""Optimisation sets, and finding the files that RELION documents name.

Signatures for callers:

    project_loader(document_path, *, root=None) -> load(path) -> bytes
    project_path(document_path, *, content, root=None) -> the path below its project directory
    read_optimisation_set(content, *, path) -> OptimisationSet (paths of particles, tomograms, ...)
    is_optimisation_set(content, *, path) -> bool

RELION writes paths relative to the project directory, from which its programs run; WarpTools
relative to the document. Both are tried.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.star import StarDocument, parse_star

__all__ = [
    "OptimisationSet",
    "find_file",
    "is_optimisation_set",
    "project_loader",
    "project_path",
    "read_optimisation_set",
]

PARTICLES = "rlnTomoParticlesFile"
TOMOGRAMS = "rlnTomoTomogramsFile"
TRAJECTORIES = "rlnTomoTrajectoriesFile"
HALF_MAPS = ("rlnTomoReferenceMap1File", "rlnTomoReferenceMap2File")
MASK = "rlnTomoReferenceMaskFile"
FSC = "rlnTomoReferenceFscFile"
SERIES_TABLE = "rlnTomoTiltSeriesStarFile"
IMAGE_COLUMNS = ("rlnImageName", "rlnMicrographName", "rlnMicrographMetadata")
JOB_DIRECTORY = re.compile(r"job\d{3,}")
NAMED_FILES_TRIED_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimisationSet:
    """The files of one RELION refinement, as its document writes them; None where it names none."""

    particles: str | None
    tomograms: str | None
    trajectories: str | None = None
    half_map_1: str | None = None
    half_map_2: str | None = None
    mask: str | None = None
    fsc: str | None = None


def read_optimisation_set(content: bytes, *, path: str) -> OptimisationSet:
    """Read `optimisation_set.star`. Raises InvalidInput unless it names particles or tomograms."""
    document = parse_star(content, name=path)
    if not _names_a_set(document):
        raise InvalidInput(
            "this is not an optimisation set",
            hint=f"it names neither _{PARTICLES} nor _{TOMOGRAMS}: give the optimisation_set.star",
            file=path,
        )
    return OptimisationSet(
        particles=_entry(document, PARTICLES),
        tomograms=_entry(document, TOMOGRAMS),
        trajectories=_entry(document, TRAJECTORIES),
        half_map_1=_entry(document, HALF_MAPS[0]),
        half_map_2=_entry(document, HALF_MAPS[1]),
        mask=_entry(document, MASK),
        fsc=_entry(document, FSC),
    )


def is_optimisation_set(content: bytes, *, path: str) -> bool:
    """Whether a STAR file is an optimisation set. Raises InvalidInput if it is no STAR file."""
    return _names_a_set(parse_star(content, name=path))


def find_file(path: str, *, document_path: str, root: str | None = None) -> str | None:
    """Where a file named by a document stands: under `root`, or beside or above the document."""
    if os.path.isabs(path):
        return path if os.path.exists(path) else None
    if root is not None and os.path.exists(os.path.join(root, path)):
        return os.path.join(root, path)
    directory = os.path.dirname(os.path.abspath(document_path))
    while True:
        candidate = os.path.join(directory, path)
        if os.path.exists(candidate):
            return candidate
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def project_loader(document_path: str, *, root: str | None = None) -> Callable[[str], bytes]:
    """A function that reads files by the paths that a document writes.

    The document's own directory and every directory above it are tried, so the project directory
    is found without being named. Raises NotFound for a path that is nowhere.
    """

    def load(path: str) -> bytes:
        found = find_file(path, document_path=document_path, root=root)
        if found is None:
            raise NotFound(
                f"a file that '{document_path}' names does not exist",
                hint="run from the RELION project directory, or give it with --project",
                path=path,
            )
        with open(found, "rb") as file:
            return file.read()

    return load


def project_path(document_path: str, *, content: bytes, root: str | None = None) -> str:
    """A document's path below its project directory, with forward slashes.

    The project directory is `root` if the document lies in it; else the one from which files that
    the document names are found; where none is here, the one above `Type/jobNNN/`; else the
    document's own. Raises InvalidInput if `content` is no STAR file.
    """
    full = os.path.abspath(document_path)
    if root is not None and full.startswith(os.path.join(os.path.abspath(root), "")):
        return os.path.relpath(full, root).replace(os.sep, "/")
    root = _named_root(full, content) or _job_root(full) or os.path.dirname(full)
    return os.path.relpath(full, root).replace(os.sep, "/")


def _named_root(full: str, content: bytes) -> str | None:
    for name in _named_files(parse_star(content, name=full)):
        found = None if os.path.isabs(name) else find_file(name, document_path=full)
        if found is not None:
            # `found` is a directory at or above the document, joined with the name.
            root = found[: -len(name)].rstrip(os.sep)
            return root or os.sep
    return None


def _named_files(document: StarDocument) -> Iterator[str]:
    listed = (PARTICLES, TOMOGRAMS, TRAJECTORIES, *HALF_MAPS, MASK, FSC, SERIES_TABLE)
    for column in (*listed, *IMAGE_COLUMNS):
        for table in document.tables_with(column):
            for row in range(min(table.row_count, NAMED_FILES_TRIED_MAX)):
                name = table.text(column, row).rpartition("@")[2]
                if name and name == os.path.normpath(name) and not name.startswith(".."):
                    yield name


def _job_root(full: str) -> str | None:
    """The directory above `Type/jobNNN/`, by which RELION writes every path."""
    directory = os.path.dirname(full)
    while os.path.dirname(directory) != directory:
        if JOB_DIRECTORY.fullmatch(os.path.basename(directory)):
            return os.path.dirname(os.path.dirname(directory))
        directory = os.path.dirname(directory)
    return None


def _names_a_set(document: StarDocument) -> bool:
    return any(True for column in (PARTICLES, TOMOGRAMS) for _ in document.tables_with(column))


def _entry(document: StarDocument, column: str) -> str | None:
    for table in document.tables_with(column):
        return table.text(column, 0) or None
    return None
