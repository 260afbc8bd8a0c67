"""The raw files that this machine has links to, as `mgit verify --raw` reads them."""

from pathlib import Path

from mgit.curate.links import RawLinks
from mgit.curate.raw_digests import FileDigest, digest_file
from mgit.history.repository import Repository

__all__ = ["LinkedFiles"]


class LinkedFiles:
    """Looks up files at the links of `source link` and reads them whole, past every cache."""

    def __init__(self, repository: Repository) -> None:
        path = Path(repository.layout.local) / "links.json"
        self._links = RawLinks(path, repository.files)

    def locate(self, source: str, path: str) -> str | None:
        """The file that a manifest of a source calls `path`, None if it is not here."""
        found = self._links.locate(source, path)
        return None if found is None else str(found)

    def read(self, place: str) -> FileDigest:
        """Digests of the file as it is at this moment. Raises NotFound or InvalidInput."""
        return digest_file(Path(place), complete=True)
