"""Raw commits in a throw-away file, so that walking history opens no pack.

A commit is handed out only if its bytes have the SHA-1 that was asked for.
"""

from mgit.history.cache_file import append, entries
from mgit.history.commits import commit_id

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CommitCache"]


class CommitCache:
    """Commits by id from one file; a missing or damaged file is an empty cache."""

    __slots__ = ("_commits", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._commits: dict[str, bytes] | None = None

    def get(self, commit: str) -> "bytes | None":
        """The raw commit whose SHA-1 is `commit`, or None if the cache does not hold it."""
        if self._commits is None:
            self._commits = {commit_id(raw): raw for raw in entries(self._path)}
        return self._commits.get(commit)

    def add(self, commits: "Iterable[bytes]") -> None:
        """Append raw commits. A directory that cannot be written leaves the cache as it is."""
        new = {commit_id(raw): raw for raw in commits}
        if self._commits is not None:
            new = {name: raw for name, raw in new.items() if name not in self._commits}
            self._commits.update(new)
        append(self._path, new.values())
