"""Raw files of a source on this machine: where they lie and what their digests are."""

from collections.abc import Callable, Iterable
from pathlib import Path

from mgit.curate.links import RawLinks
from mgit.curate.raw_digests import DigestCache, FileDigest, digest_files
from mgit.curate.sources import DigestOf
from mgit.exchange.records import RawFile, SeriesRecord
from mgit.history.repository import Repository

__all__ = ["RawAccess"]


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
