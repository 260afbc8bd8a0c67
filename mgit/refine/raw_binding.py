"""Raw files against the digests that a population has recorded: no other content takes part."""

from pathlib import Path
from typing import Protocol

from mgit.errors import InvalidInput, InvalidState, NotFound

__all__ = ["FileDigests", "RawFiles", "RecordedFile", "check_calibration", "checked_file"]


class FileDigests(Protocol):
    """What is known of a file's content; `mgit.curate.raw_digests.FileDigest` is one."""

    @property
    def quick(self) -> str:
        """Digest of size, ends and samples."""
        ...

    @property
    def full(self) -> str | None:
        """Digest of the whole file, where it was computed."""
        ...


class RawFiles(Protocol):
    """The raw files that this machine has."""

    def locate(self, source: str, path: str) -> Path | None:
        """The file that a manifest of the source calls `path`, or None."""
        ...

    def digests(self, place: Path, *, complete: bool) -> FileDigests:
        """Digests of the file as it is; `complete` asks for the full one."""
        ...


class RecordedFile(Protocol):
    """A file of a raw manifest; `mgit.state.raw.RawEntry` is one."""

    @property
    def path(self) -> str:
        """Relative path as the foreign document writes it."""
        ...

    @property
    def digest(self) -> str | None:
        """Digest of the whole file, if known."""
        ...

    @property
    def quick(self) -> str | None:
        """Quick digest, if known."""
        ...


def checked_file(entry: RecordedFile, raw: RawFiles, *, source: str, item: str) -> Path:
    """The file on this machine, with the content that was recorded.

    Raises NotFound for a file that is not here, InvalidState for one whose digest was never
    recorded, InvalidInput for another content; each names item and file.
    """
    place = raw.locate(source, entry.path)
    if place is None:
        raise NotFound(
            "a raw file of a series is not here",
            hint=f"run 'mgit source link {source} DIR' with the directory of the raw files",
            item=item,
            file=entry.path,
        )
    if entry.digest is None and entry.quick is None:
        raise InvalidState(
            "a series was never bound to its raw files",
            hint=f"run 'mgit source link {source} DIR': it records their digests",
            item=item,
            file=entry.path,
        )
    if not _is_recorded(entry, raw, place):
        raise InvalidInput(
            "a raw file is not the one that the series was recorded with",
            hint="link the directory with the original files, or 'mgit source update' the source",
            item=item,
            file=str(place),
        )
    return place


def check_calibration(entry: RecordedFile, raw: RawFiles, *, source: str, item: str) -> None:
    """Refuse a gain or defect map that is here with another content than the recorded one.

    Images that were averaged elsewhere do not need it; but a wrong one beside them says that they,
    too, may be those of another microscope. Raises InvalidInput, naming item and file.
    """
    place = raw.locate(source, entry.path)
    if place is None or (entry.digest is None and entry.quick is None):
        return
    if not _is_recorded(entry, raw, place):
        raise InvalidInput(
            "the gain or defect map of a series is not the one that it was recorded with",
            hint="link the directory with the original files, or 'mgit source update' the source",
            item=item,
            file=str(place),
        )


def _is_recorded(entry: RecordedFile, raw: RawFiles, place: Path) -> bool:
    found = raw.digests(place, complete=entry.quick is None)
    pairs = [(entry.digest, found.full), (entry.quick, found.quick)]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return bool(known) and all(a == b for a, b in known)
