"""The raw files of this machine with their digests, as verbs that read images take them."""

from importlib.metadata import version
from pathlib import Path

from mgit.curate.links import RawLinks
from mgit.curate.raw_digests import DigestCache, FileDigest, digest_files
from mgit.history.repository import Repository

__all__ = ["DigestedFiles", "computing_versions"]

COMPUTING = ("numba", "scipy", "torch")


class DigestedFiles:
    """Looks up files at the links of `source link`; digests of unchanged files are remembered."""

    def __init__(self, repository: Repository) -> None:
        local = Path(repository.layout.local)
        self._links = RawLinks(local / "links.json", repository.files)
        self._cache = DigestCache(local / "raw-digests.json", repository.files)

    def locate(self, source: str, path: str) -> Path | None:
        """The file that a manifest of the source calls `path`, or None."""
        return self._links.locate(source, path)

    def digests(self, place: Path, *, complete: bool) -> FileDigest:
        """Digests of the file; `complete` asks for the full one. Raises NotFound, InvalidInput."""
        return digest_files([place], self._cache, complete=complete)[place]


def computing_versions() -> dict[str, str]:
    """Versions of the libraries that numbers come from, beside those every provenance has."""
    return {name: version(name) for name in COMPUTING}
