"""Taking back and repeating the last change of a branch (docs/format/history.md, section 8).

An undo is an operation like any other: it moves refs to the values they had and is logged.
Objects are never deleted, so whatever was undone can be repeated.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mgit.errors import DirtyStage, NotFound, RefMoved, Refused
from mgit.history.commits import Signature
from mgit.history.operations import Change, Operation
from mgit.history.refs import branch_ref
from mgit.history.repository import Repository

__all__ = ["next_redo", "next_undo", "redo", "undo"]


@dataclass(slots=True)
class _Course:
    """What can be undone and repeated on one ref, the latest last."""

    done: list[Operation] = field(default_factory=list)
    undone: list[Operation] = field(default_factory=list)

    @classmethod
    def of(cls, ref: str, applied: Iterable[Operation]) -> "_Course":
        """Follow the log: an undo takes back what was done last, a redo what was undone last."""
        course = cls()
        by_sequence: dict[int, Operation] = {}
        for entry in applied:
            by_sequence[entry.sequence] = entry
            if ref not in entry.change.refs:
                continue
            if entry.undoes is not None:
                undone = by_sequence[entry.undoes]
                course.done = [each for each in course.done if each is not undone]
                course.undone.append(undone)
            elif entry.redoes is not None:
                redone = by_sequence[entry.redoes]
                course.undone = [each for each in course.undone if each is not redone]
                course.done.append(redone)
            else:
                course.done.append(entry)
                course.undone.clear()
        return course


def next_undo(repository: Repository, *, branch: str | None = None) -> Operation:
    """The change that `undo` would take back. Raises as `undo` does, and changes nothing."""
    ref = _ref(repository, branch)
    _refuse_dirty(repository, "undo")
    course = _Course.of(ref, repository.operations.applied())
    if not course.done:
        raise NotFound(f"no change of '{_short(ref)}' is left to take back")
    last = course.done[-1]
    change = last.change.reversed()
    head = repository.refs.head()
    leaves_head = change.head is None and head.branch is not None
    if leaves_head and branch_ref(head.branch or "") == ref and change.refs[ref][1] is None:
        raise Refused(
            f"taking back the beginning of '{_short(ref)}' would leave HEAD without a commit",
            hint="'mgit switch' to another branch first",
        )
    _require_at(repository, change)
    return last


def undo(repository: Repository, *, who: Signature, branch: str | None = None) -> Operation:
    """Take back the last change of a branch; returns the entry of the log that did it.

    branch: short name, also of a deleted branch; default: the current one. Called again, it goes
    one change further back. A change that named several refs is taken back whole.

    Raises NotFound if nothing is left to take back, RefMoved if the branch is not where the log
    says, Refused for the first commit of a population and for the creation of the current branch,
    DirtyStage if something is staged.
    """
    last = next_undo(repository, branch=branch)
    return repository.operations.perform(
        last.change.reversed(),
        verb="undo",
        message=_text("undo", last),
        who=who,
        undoes=last.sequence,
    )


def next_redo(repository: Repository, *, branch: str | None = None) -> Operation:
    """The change that `redo` would repeat. Raises as `redo` does, and changes nothing."""
    ref = _ref(repository, branch)
    _refuse_dirty(repository, "redo")
    course = _Course.of(ref, repository.operations.applied())
    if not course.undone:
        raise NotFound(f"nothing that was undone on '{_short(ref)}' can be repeated")
    last = course.undone[-1]
    _require_at(repository, last.change)
    return last


def redo(repository: Repository, *, who: Signature, branch: str | None = None) -> Operation:
    """Repeat what the last `undo` of a branch took back; returns the entry of the log.

    Raises NotFound if nothing was undone since the branch last changed, RefMoved, DirtyStage.
    """
    last = next_redo(repository, branch=branch)
    return repository.operations.perform(
        last.change, verb="redo", message=_text("redo", last), who=who, redoes=last.sequence
    )


def _ref(repository: Repository, branch: str | None) -> str:
    repository.operations.recover()
    if branch is not None:
        return branch_ref(branch)
    head = repository.refs.head()
    if head.branch is None:
        raise Refused(
            "HEAD is on no branch, so there is no branch whose change could be taken back",
            hint="name the branch, or 'mgit switch' to it first",
        )
    return branch_ref(head.branch)


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def _text(verb: str, operation: Operation) -> str:
    return f"{verb} {operation.sequence}: {operation.verb}: {operation.message}"


def _refuse_dirty(repository: Repository, verb: str) -> None:
    if repository.stage.read() is not None:
        raise DirtyStage(f"'{verb}' would move the branch below the staged changes")


def _require_at(repository: Repository, change: Change) -> None:
    for found, old, _ in repository.operations.values(change):
        if found != old:
            raise RefMoved(
                "the branch is not where the operation log says: it was moved without mgit",
                expected=old or "(none)",
                found=found or "(none)",
                hint="'mgit verify' shows what differs",
            )
