"""Refs and commits of one repository and nothing else: what light verbs start with."""

from mgit.history.commits import CommitRecord
from mgit.history.layout import find_repository
from mgit.history.objects import GitObjects
from mgit.history.refs import RefStore
from mgit.history.revisions import resolve
from mgit.store.files import Files

__all__ = ["CommitReader"]


class CommitReader:
    """Reads refs and commits of the repository that holds `directory`. Raises NotFound."""

    __slots__ = ("_parsed", "layout", "objects", "refs")

    def __init__(self, directory: str) -> None:
        self.layout = find_repository(directory)
        files = Files()
        self.objects = GitObjects(self.layout.git, files, self.layout.cache)
        self.refs = RefStore(self.layout.git, files)
        self._parsed: dict[str, CommitRecord] = {}

    def read(self, commit: str) -> CommitRecord:
        """The commit of that id. Raises NotFound or Corrupt."""
        if commit not in self._parsed:
            self._parsed[commit] = CommitRecord.parse(self.objects.read_commit(commit))
        return self._parsed[commit]

    def resolve(self, revision: str) -> str:
        """The id of the commit that a revision names. Raises NotFound, InvalidInput or Refused."""
        if "@{" in revision:  # asks for the operation log, which the whole repository knows
            from mgit.history.repository import Repository

            commit: str = Repository.open(self.layout.root).resolve(revision)
            return commit
        return resolve(revision, refs=self.refs, objects=self.objects)
