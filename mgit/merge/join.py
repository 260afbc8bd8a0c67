"""Joining two lines of history: which way it goes, and the draft of a merge."""

from dataclasses import dataclass
from typing import Literal

from mgit.errors import DirtyStage, MergeConflict, Refused
from mgit.history.commits import CommitId, Signature
from mgit.history.operations import Change
from mgit.history.refs import branch_ref
from mgit.history.repository import Repository
from mgit.history.transaction import Transaction
from mgit.merge.bindings import Stale, binding_conflicts, mark_stale, stale_species
from mgit.merge.three_way import Conflict, MergePlan, apply, plan, prune

__all__ = ["Course", "Merged", "course_of", "fast_forward", "merge_into", "refuse_conflicts"]

_REASONS = {
    "both changed": "changed on both sides",
    "removed here": "removed here, changed there",
    "removed there": "changed here, removed there",
    "bases differ": "the histories crossed, and their common ancestors disagree about it",
    "no source": "its source was removed on the other side",
    "no series": "has particles in series that the other side removed",
    "same series": "one series under two names: both sides imported it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What joining `theirs` into `ours` takes: nothing, moving the branch, or a merge commit."""

    kind: Literal["up to date", "fast-forward", "merge"]
    ours: CommitId
    theirs: CommitId
    bases: tuple[CommitId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did in its draft."""

    plan: MergePlan
    stale: tuple[Stale, ...]


def course_of(repository: Repository, revision: str) -> Course:
    """Which way the join of `revision` into HEAD goes.

    Raises NotFound, DirtyStage, and Refused for histories without a common commit.
    """
    if repository.stage.read() is not None:
        raise DirtyStage("'merge' would pass over staged changes")
    ours, theirs = repository.resolve("HEAD"), repository.resolve(revision)
    bases = repository.merge_bases(ours, theirs)
    if not bases:
        raise Refused(
            f"'{revision}' and HEAD have no commit in common",
            hint="'mgit restore PATH --from REV' takes single species and sources over",
        )
    kind: Literal["up to date", "fast-forward", "merge"] = "merge"
    if theirs in bases:
        kind = "up to date"
    elif ours in bases:
        kind = "fast-forward"
    return Course(kind=kind, ours=ours, theirs=theirs, bases=bases)


def fast_forward(repository: Repository, course: Course, *, who: Signature, message: str) -> None:
    """Move the current branch (or the detached HEAD) to the other side. Raises RefMoved."""
    branch = repository.refs.head().branch
    if branch is None:
        change = Change(head=(course.ours, course.theirs))
    else:
        change = Change(refs={branch_ref(branch): (course.ours, course.theirs)})
    repository.operations.perform(change, verb="merge", message=message, who=who)


def merge_into(transaction: Transaction, repository: Repository, course: Course) -> Merged:
    """Write the merged tree into the draft of a transaction that has both sides as parents.

    A species whose poses come from one side and whose series' geometry from the other is marked
    `needs_refinement`. Raises MergeConflict, naming everything, before the draft is touched.
    """
    ours, theirs = repository.snapshot(course.ours), repository.snapshot(course.theirs)
    found = plan([repository.snapshot(base) for base in course.bases], ours, theirs)
    refuse_conflicts((*found.conflicts, *binding_conflicts(found, ours, theirs)))
    stale = stale_species(found, ours, theirs)
    apply(transaction.draft, theirs, found.theirs)
    prune(transaction.draft, (*found.ours, *found.theirs))
    mark_stale(transaction.draft, stale)
    return Merged(plan=found, stale=stale)


def refuse_conflicts(conflicts: tuple[Conflict, ...]) -> None:
    """Raise MergeConflict that names every conflict, if there is one."""
    if not conflicts:
        return
    lines = [f"\n    {each.name}: {_REASONS[each.reason]}" for each in conflicts]
    count = "one thing" if len(conflicts) == 1 else f"{len(conflicts)} things"
    raise MergeConflict(
        f"the sides disagree about {count}, so nothing was merged",
        conflicts="".join(lines),
        hint="'mgit restore PATH --from REV' on one branch takes the other's version; "
        "once both sides agree, merge again",
    )
