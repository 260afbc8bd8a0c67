"""Exported files put in place: names that cannot leave the directory, nothing half-written.

Files are written into a temporary directory beside the target and moved into it when all of them
are there. What is in the target already is never replaced.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgit.curate.export_documents import ExportedDocument
from mgit.errors import InvalidState, Refused
from mgit.exchange.report import FieldReport
from mgit.store.files import storage_error

__all__ = ["ExportedFile", "apart", "document_file", "place_files", "safe_path"]

TEMPORARY_SUFFIX = ".mgit-export"
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REPOSITORY = re.compile(r"\.m?git", re.IGNORECASE)
NAME_BYTES_MAX = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One file of an export, not yet written."""

    path: str
    """Below the target directory, with forward slashes."""
    owner: str
    """Whom it belongs to: 'source hiv', 'species capsid' or 'population'."""
    save: Callable[[Path], None]
    """Writes the file at a path of the local file system."""
    role: str = "new"
    """What it is, e.g. 'relion_tomograms', 'half_map_1'."""
    unchanged: bool = False
    """Whether it is byte for byte as it was imported."""
    report: tuple[FieldReport, ...] = ()
    note: str = ""
    """What a reader of the file should know, e.g. how a map was filtered."""

    def noted(self, note: str) -> "ExportedFile":
        """The same file with another note."""
        return replace(self, note=note)


def document_file(
    document: ExportedDocument, *, owner: str, path: str | None = None
) -> ExportedFile:
    """A document as a file of an export, where it stood or at `path`."""

    def save(place: Path) -> None:
        place.write_bytes(document.content)

    return ExportedFile(
        path=path or document.path,
        owner=owner,
        save=save,
        role=document.role,
        unchanged=document.unchanged,
        report=document.report,
    )


def safe_path(path: str) -> str:
    """A path from a foreign document as one that stays below a directory.

    Absolute paths and drives lose their root, '..' and '.' are left out, backslashes separate,
    control characters become '_', names are cut at 255 bytes. '.git' and '.mgit' become '_git' and
    '_mgit', so that no document plants a hook. Raises InvalidState if nothing is left.
    """
    text = _DRIVE.sub("", path.replace("\\", "/"), count=1) if _DRIVE.match(path) else path
    parts = [
        f"_{part[1:]}" if _REPOSITORY.fullmatch(part) else _cut(_CONTROL.sub("_", part))
        for part in text.replace("\\", "/").split("/")
        if part not in ("", ".", "..")
    ]
    if not parts:
        raise InvalidState("a document has no name that a file could have", path=path)
    return "/".join(parts)


def _cut(name: str) -> str:
    return name.encode("utf-8", "replace")[:NAME_BYTES_MAX].decode("utf-8", "ignore")


def apart(files: Iterable[ExportedFile]) -> tuple[ExportedFile, ...]:
    """The files with safe paths, owners apart where their files would meet.

    An owner one of whose paths is taken by another owner moves, with all its files, into a
    directory of its own name, so that the paths its documents write stay true below that. Paths
    that differ only in case count as equal.

    Raises InvalidState if one owner has two files of the same path.
    """
    by_owner: dict[str, list[ExportedFile]] = {}
    for file in files:
        by_owner.setdefault(file.owner, []).append(replace(file, path=safe_path(file.path)))
    taken: set[str] = set()
    placed: list[ExportedFile] = []
    for owner, owned in by_owner.items():
        chosen = owned
        attempt = 0
        while _meet(chosen, taken):
            attempt += 1
            directory = safe_path(owner.partition(" ")[2] or owner)
            directory = directory if attempt == 1 else f"{directory}_{attempt}"
            chosen = [replace(file, path=f"{directory}/{file.path}") for file in owned]
        _refuse_twins(chosen)
        taken.update(key for file in chosen for key in _keys(file.path))
        placed.extend(chosen)
    return tuple(placed)


def _meet(files: Sequence[ExportedFile], taken: set[str]) -> bool:
    """Whether a file would stand where another file or a directory of another owner's stands."""
    return any(f"f:{key}" in taken or f"d:{key}" in taken for key in map(_fold, files)) or any(
        f"f:{parent}" in taken for file in files for parent in _parents(_fold(file))
    )


def _fold(file: ExportedFile) -> str:
    return file.path.casefold()


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _keys(path: str) -> Iterator[str]:
    folded = path.casefold()
    yield f"f:{folded}"
    for parent in _parents(folded):
        yield f"d:{parent}"


def _refuse_twins(files: Sequence[ExportedFile]) -> None:
    seen: dict[str, str] = {}
    for file in files:
        if _fold(file) in seen:
            raise InvalidState(
                "two files of an export have the same path",
                owner=file.owner,
                path=file.path,
                other=seen[_fold(file)],
            )
        seen[_fold(file)] = file.path


def place_files(
    files: Sequence[ExportedFile],
    directory: Path,
    *,
    advance: Callable[[int], None] = lambda _count: None,
) -> None:
    """Write all files below `directory`, which is made if it is not there.

    Nothing appears in it before every file is written; files in it stay as they are.

    Raises Refused, before anything is written, if one of the files is there already or a name on
    its way is a link or no directory; DiskFull and its kin from the file system.
    """
    target = Path(os.path.abspath(directory))
    _refuse_standing(files, target)
    temporary = target.with_name(f".{target.name}{TEMPORARY_SUFFIX}-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise storage_error(error, str(temporary)) from error
    try:
        for file in files:
            place = temporary / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            file.save(place)
            advance(1)
        _move(temporary, target)
    except OSError as error:
        raise storage_error(error, str(error.filename or target)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refuse_standing(files: Sequence[ExportedFile], target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise Refused("the target is no directory", path=target, hint="name another one")
    for file in files:
        place = target / file.path
        if os.path.lexists(place):
            raise Refused(
                "a file of this name is there already",
                file=place,
                hint="export to an empty directory, or move that file away",
            )
        for parent in place.parents:
            if parent == target:
                break
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                raise Refused(
                    "a link or a file stands where a directory is needed",
                    path=parent,
                    hint="export to an empty directory",
                )


def _move(temporary: Path, target: Path) -> None:
    """Move what was written; a whole directory in one step wherever the target has none."""
    if not target.exists():
        os.rename(temporary, target)
        return
    for entry in sorted(temporary.iterdir()):
        place = target / entry.name
        if entry.is_dir() and place.is_dir():
            _move(entry, place)
        elif os.path.lexists(place):
            raise Refused(
                "a file of this name has appeared meanwhile",
                file=place,
                hint="export to an empty directory",
            )
        else:
            os.rename(entry, place)
