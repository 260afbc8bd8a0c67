"""Where this machine keeps the raw data of a source: local, never versioned, never pushed."""

import json
from pathlib import Path

from mgit.digest import canonical_bytes
from mgit.errors import Corrupt, InvalidInput
from mgit.store.files import Files

__all__ = ["RawLinks"]


class RawLinks:
    """Directories of raw data by source name, kept in `.mgit/local/links.json`."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files

    def all(self) -> dict[str, str]:
        """Directory by source name."""
        if not self._path.exists():
            return {}
        try:
            links = json.loads(self._path.read_bytes())
            return {str(name): str(directory) for name, directory in links.items()}
        except (ValueError, AttributeError) as error:
            raise Corrupt(
                "the file of raw-data links cannot be read",
                file=self._path,
                hint="delete it and run 'mgit source link NAME DIR' again",
            ) from error

    def directory(self, source: str) -> Path | None:
        """The directory linked to a source, if any."""
        linked = self.all().get(source)
        return Path(linked) if linked is not None else None

    def link(self, source: str, directory: Path) -> None:
        """Remember where a source's raw data lie. Raises InvalidInput if that is no directory."""
        if not directory.is_dir():
            raise InvalidInput(
                "not a directory", file=directory, hint="name the directory of the raw files"
            )
        links = self.all()
        links[source] = str(directory.resolve())
        self._files.make_directory(str(self._path.parent))
        self._files.replace(str(self._path), canonical_bytes(links))

    def unlink(self, source: str) -> None:
        """Forget a link; not having one is fine."""
        links = self.all()
        if links.pop(source, None) is not None:
            self._files.replace(str(self._path), canonical_bytes(links))

    def locate(self, source: str, relative: str, *, directory: Path | None = None) -> Path | None:
        """The raw file a document names, below the linked (or the given) directory, or None.

        Documents name files relative to a project that may have moved, so after the path itself its
        trailing parts are tried, longest first; the first that exists wins.
        """
        directory = directory or self.directory(source)
        if directory is None:
            return None
        parts = [
            part for part in Path(relative.split("@", 1)[-1]).parts if part not in ("/", "..", ".")
        ]
        for first in range(len(parts)):
            candidate = directory.joinpath(*parts[first:])
            if candidate.is_file():
                return candidate
        return None
