"""Where a repository stands: branch, stage, and what asks for attention."""

from collections.abc import Mapping
from dataclasses import dataclass

from mgit.history.commits import CommitRecord
from mgit.history.repository import Repository
from mgit.history.snapshot import Snapshot
from mgit.state.population import Counts, Population
from mgit.survey.difference import TreeDifference, tree_difference
from mgit.survey.species import FLAGS

__all__ = ["Staged", "Status", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What waits to be committed.

    outdated: whether the branch moved since, so that the stage can only be dropped.
    """

    messages: tuple[str, ...]
    difference: TreeDifference
    outdated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a repository stands.

    branch: None when HEAD is detached. tree facts (counts, unbound, excluded, flags) are of the
    stage where something is staged, of HEAD otherwise.
    """

    name: str
    branch: str | None
    head: CommitRecord | None
    staged: Staged | None
    counts: Counts
    unbound: Mapping[str, int]
    """Series without raw data, by source."""
    excluded: Mapping[str, int]
    flags: Mapping[str, tuple[str, ...]]
    """Flags that are set, by species."""


def status(repository: Repository) -> Status:
    """Where `repository` stands; reads metadata, and arrays only for what is staged."""
    head = repository.refs.head()
    commit = repository.commit(head.commit) if head.commit is not None else None
    staged = repository.stage.read()
    base = repository.snapshot(commit.id) if commit is not None else None
    tree = base
    waiting = None
    if staged is not None:
        tree = Snapshot(repository.objects, repository.chunks, tree=staged.tree)
        start = repository.snapshot(staged.base) if staged.base is not None else tree
        waiting = Staged(
            messages=staged.messages,
            difference=tree_difference(start, tree),
            outdated=staged.base != head.commit,
        )
    if tree is None:
        counts = Counts(sources=0, items=0, species=0, particles=0)
        return Status(
            name="",
            branch=head.branch,
            head=None,
            staged=None,
            counts=counts,
            unbound={},
            excluded={},
            flags={},
        )
    population = Population(tree)
    unbound: dict[str, int] = {}
    excluded: dict[str, int] = {}
    for source in population.sources():
        for item in source.items():
            if item.binding == "unbound":
                unbound[source.name] = unbound.get(source.name, 0) + 1
            if item.excluded:
                excluded[source.name] = excluded.get(source.name, 0) + 1
    flags = {each.name: tuple(n for n in FLAGS if each.flag(n)) for each in population.species()}
    return Status(
        name=population.name,
        branch=head.branch,
        head=commit,
        staged=waiting,
        counts=population.counts(),
        unbound=unbound,
        excluded=excluded,
        flags={name: found for name, found in flags.items() if found},
    )
