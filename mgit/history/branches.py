"""Making, renaming, deleting and switching branches; each is one entry of the operation log."""

from mgit.errors import DirtyStage, NotFound, Refused
from mgit.history.commits import CommitId, Signature
from mgit.history.graph import is_ancestor
from mgit.history.operations import Change, Operation
from mgit.history.refs import BRANCH_PREFIX, HEAD, SYMBOLIC, branch_ref
from mgit.history.repository import Repository

__all__ = ["create", "delete", "rename", "switch", "unmerged"]


def create(repository: Repository, name: str, *, start: str = HEAD, who: Signature) -> Operation:
    """Make a branch that begins at a revision. Raises Refused if it exists, NotFound."""
    repository.operations.recover()
    ref = branch_ref(name)
    _refuse_existing(repository, name)
    change = Change(refs={ref: (None, repository.resolve(start))})
    return repository.operations.perform(
        change, verb="branch", message=f"create {name} at {start}", who=who
    )


def delete(repository: Repository, name: str, *, who: Signature) -> Operation:
    """Delete a branch; `undo` with its name brings it back.

    Raises NotFound, and Refused for the current branch. Ask `unmerged` first.
    """
    repository.operations.recover()
    ref = branch_ref(name)
    old = _tip(repository, name)
    if repository.refs.head().branch == name:
        raise Refused(f"'{name}' is the current branch", hint="'mgit switch' to another one first")
    return repository.operations.perform(
        Change(refs={ref: (old, None)}), verb="branch", message=f"delete {name}", who=who
    )


def rename(repository: Repository, old: str, new: str, *, who: Signature) -> Operation:
    """Rename a branch; HEAD follows. Raises NotFound, and Refused if `new` exists."""
    repository.operations.recover()
    tip = _tip(repository, old)
    _refuse_existing(repository, new)
    head = None
    if repository.refs.head().branch == old:
        head = (SYMBOLIC + branch_ref(old), SYMBOLIC + branch_ref(new))
    change = Change(refs={branch_ref(new): (None, tip), branch_ref(old): (tip, None)}, head=head)
    return repository.operations.perform(
        change, verb="branch", message=f"rename {old} to {new}", who=who
    )


def switch(
    repository: Repository, target: str, *, who: Signature, detach: bool = False
) -> Operation | None:
    """Make a branch the current one; None if it is already.

    detach: put HEAD on the commit that the revision `target` names, without a branch.

    Raises DirtyStage, NotFound if there is no such branch.
    """
    repository.operations.recover()
    if repository.stage.read() is not None:
        raise DirtyStage("'switch' would leave the staged changes behind")
    before = repository.refs.head().text
    if detach:
        after = repository.resolve(target)
    else:
        _tip(repository, target)
        after = SYMBOLIC + branch_ref(target)
    if before == after:
        return None
    return repository.operations.perform(
        Change(head=(before, after)), verb="switch", message=f"switch to {target}", who=who
    )


def unmerged(repository: Repository, name: str) -> bool:
    """Whether no other branch, no tag and no HEAD holds the tip of a branch."""
    ref = branch_ref(name)
    tip = _tip(repository, name)
    others = [full for full in repository.refs.all() if full != ref]
    head = repository.refs.head()
    starts: set[CommitId] = {repository.resolve(full) for full in others}
    if head.branch is None and head.commit is not None:
        starts.add(head.commit)
    return not any(is_ancestor(tip, start, repository.commit) for start in starts)


def _tip(repository: Repository, name: str) -> CommitId:
    tip = repository.refs.get(branch_ref(name))
    if tip is None:
        known = ", ".join(
            full.removeprefix(BRANCH_PREFIX) for full in repository.refs.all(BRANCH_PREFIX)
        )
        raise NotFound(f"there is no branch '{name}'", hint=f"the branches are: {known}")
    return tip


def _refuse_existing(repository: Repository, name: str) -> None:
    if repository.refs.get(branch_ref(name)) is not None:
        raise Refused(f"a branch '{name}' exists already", hint="choose another name")
