"""Raw files of a source on this machine: where they lie and what their digests are."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from mgit.curate.links import RawLinks
from mgit.curate.raw_digests import DigestCache, FileDigest, digest_files
from mgit.curate.sources import DigestOf
from mgit.exchange.records import RawFile, SeriesRecord
from mgit.history.repository import Repository
from mgit.state.names import find_source
from mgit.state.protocol import Reader
from mgit.state.source import items

__all__ = ["Bar", "RawAccess"]


class Bar(AbstractContextManager["Bar"], Protocol):
    """What a progress bar has to offer."""

    def advance(self, amount: int) -> None:
        """Count `amount` bytes as done."""
        ...


class RawAccess:
    """The link of one source and the cache of digests of this repository."""

    def __init__(self, repository: Repository, source: str) -> None:
        local = Path(repository.layout.local)
        self._source = source
        self._files = repository.files
        self.links = RawLinks(local / "links.json", repository.files)
        self._cache = DigestCache(local / "raw-digests.json", repository.files)

    def remember(self, directory: Path) -> None:
        """Keep the directory as the source's place on this machine."""
        self.links.link(self._source, directory)

    def locate(self, path: str, *, directory: Path | None = None) -> Path | None:
        """The file on this machine that a document calls `path`, or None."""
        return self.links.locate(self._source, path, directory=directory)

    def digest_manifests(
        self,
        reader: Reader,
        *,
        directory: Path | None,
        complete: bool,
        again: bool,
        progress: Callable[..., Bar],
    ) -> tuple[dict[str, Path], Mapping[Path, FileDigest]]:
        """Digest what is here of the raw files in the manifests of the source's items.

        Returns the file on this machine by manifest path, and the digest by file.
        """
        places: dict[str, Path] = {}
        for item in items(reader, find_source(reader, self._source)):
            for entry in item.raw:
                found = self.locate(entry.path, directory=directory)
                if found is not None:
                    places[entry.path] = found
        total = sum(place.stat().st_size for place in places.values())
        with progress("digesting raw files", total=total, unit="B") as bar:
            digests = digest_files(
                places.values(), self._cache, complete=complete, again=again, advance=bar.advance
            )
        return places, digests

    def digests(
        self,
        series: Iterable[SeriesRecord],
        *,
        directory: Path | None,
        complete: bool,
        again: bool = False,
        advance: Callable[[int], None] = lambda _size_bytes: None,
    ) -> DigestOf:
        """Digest what is here of the raw files of many series; a lookup of the results.

        directory: look there instead of at the link. Files that are not here are left out.
        """
        where: dict[str, Path] = {}
        for record in series:
            for raw in record.raw:
                found = self.locate(raw.path, directory=directory)
                if found is not None:
                    where[raw.path] = found
        known = digest_files(
            where.values(), self._cache, complete=complete, again=again, advance=advance
        )

        def look_up(raw: RawFile) -> FileDigest | None:
            place = where.get(raw.path)
            return known[place] if place is not None else None

        return look_up
