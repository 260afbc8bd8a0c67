"""A change that is carried out and never recorded: what state would it come to?

Unlike a transaction it moves no ref, looks at no stage and writes no operation, so that an audit
may use it whatever else is going on in the repository.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from mgit.digest import StateDigest
from mgit.history.draft import Draft
from mgit.history.merkle import state_digest

if TYPE_CHECKING:
    from mgit.history.repository import Repository

__all__ = ["Rehearsal"]


class Rehearsal:
    """A draft over the tree of a commit. Leaving the `with` block drops it.

    draft: to be changed, and to be read afterwards, as that of a transaction.
    """

    def __init__(self, repository: "Repository", base: str) -> None:
        """base: a revision. Raises NotFound."""
        snapshot = repository.snapshot(base)
        self._writer = repository.chunks.writer()
        self.draft = Draft(
            repository.objects, repository.chunks, writer=self._writer, base=snapshot
        )

    def state(self) -> StateDigest:
        """The `Mgit-State` that a commit of the draft as it is now would have; seals the draft."""
        from mgit.state.digests import seal  # deferred: imports numpy

        seal(self.draft, self.draft.touched_paths())
        tree, new = self.draft.pending()
        return state_digest(self.draft.objects_with(new), tree)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.abort()
