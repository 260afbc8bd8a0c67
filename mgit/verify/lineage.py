"""Level 4: what was made from what: `inputs` are states of the commit or of its past."""

import json
from collections.abc import Iterator, Mapping

from mgit.history.commits import CommitId, CommitRecord
from mgit.history.repository import Repository
from mgit.history.transaction import PROVENANCE
from mgit.history.tree_diff import touched
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Finding, Level
from mgit.verify.graph import GraphAudit, Place

__all__ = ["check_inputs", "check_provenance", "parents_first"]


def check_provenance(graph: GraphAudit, ledger: DamageLedger) -> None:
    """Whether the provenance of every commit that mgit made names the commit's own parents."""
    for record in graph.commits.values():
        if not record.root:
            continue
        subject = f"{PROVENANCE} in {record.id[:10]}"
        with ledger.watch(level=Level.DOMAIN, kind="provenance-unreadable", subject=subject):
            place = Place(commit=record.id, tree=record.tree, path=PROVENANCE)
            told = tuple(json.loads(graph.snapshot(place).blob(PROVENANCE))["parents"])
            if told != record.parents:
                finding = Finding(
                    level=Level.DOMAIN,
                    kind="provenance-parents",
                    subject=subject,
                    message=f"it names the parents {_list(told)}, not {_list(record.parents)}",
                    commit=record.id,
                )
                ledger.add(finding)


def check_inputs(repository: Repository, graph: GraphAudit, ledger: DamageLedger) -> None:
    """Whether every input of every item and species is a state that existed by then.

    Only what differs from all parents is looked at: the rest was looked at in a parent. Where an
    ancestor cannot be read, an input may be a state of that one, and nothing is said of it.
    """
    known: dict[CommitId, tuple[set[str], bool]] = {}
    waiting = _children(graph.commits)
    for record in parents_first(graph.commits):
        states, whole = _inherited(record, known, waiting)
        owners: list[tuple[Place, list[str]]] = []
        read = False
        with ledger.watch(
            level=Level.DOMAIN, kind="inputs-unreadable", subject=f"commit {record.id}"
        ):
            owners = list(_new_owners(repository, graph, record, states))
            read = True
        whole = whole and read
        known[record.id] = (states, whole)
        for place, inputs in owners:
            for each in inputs if whole else ():
                if each not in states:
                    message = f"its input {each} is no state of this commit or of an ancestor"
                    finding = Finding(
                        level=Level.DOMAIN,
                        kind="provenance-edge",
                        subject=place.subject,
                        message=message,
                        commit=record.id,
                    )
                    ledger.add(finding)


def parents_first(commits: Mapping[CommitId, CommitRecord]) -> Iterator[CommitRecord]:
    """Every commit after those of its parents that are there."""
    done: set[CommitId] = set()
    for start in commits:
        pending = [start]
        while pending:
            name = pending[-1]
            missing = [
                parent
                for parent in commits[name].parents
                if parent in commits and parent not in done
            ]
            if missing:
                pending += missing
                continue
            pending.pop()
            if name not in done:
                done.add(name)
                yield commits[name]


def _children(commits: Mapping[CommitId, CommitRecord]) -> dict[CommitId, int]:
    counts = dict.fromkeys(commits, 0)
    for record in commits.values():
        for parent in set(record.parents) & counts.keys():
            counts[parent] += 1
    return counts


def _inherited(
    record: CommitRecord,
    known: dict[CommitId, tuple[set[str], bool]],
    waiting: dict[CommitId, int],
) -> tuple[set[str], bool]:
    """States of all ancestors, and whether all of them could be read.

    The set of a parent is handed on to its last child instead of copied: along a line of commits
    there is one set.
    """
    states: set[str] | None = None
    whole = True
    for parent in dict.fromkeys(record.parents):
        if parent not in known:
            whole = False
            continue
        theirs, complete = known[parent]
        whole = whole and complete
        waiting[parent] -= 1
        last = waiting[parent] == 0
        if last:
            del known[parent]
        if states is None:
            states = theirs if last else set(theirs)
        else:
            states |= theirs
    return set() if states is None else states, whole


def _new_owners(
    repository: Repository, graph: GraphAudit, record: CommitRecord, states: set[str]
) -> Iterator[tuple[Place, list[str]]]:
    """Items and species that differ from all parents, with their inputs; adds their states."""
    paths: set[str] | None = None
    parents: list[str | None] = [
        graph.commits[parent].tree for parent in record.parents if parent in graph.commits
    ]
    for tree in parents or [None]:
        change = touched(repository.objects, tree, record.tree)
        found = {*change.items, *change.species}
        paths = found if paths is None else paths & found
    for path in sorted(paths or ()):
        place = Place(commit=record.id, tree=record.tree, path=path)
        reader = graph.snapshot(place)
        if reader.exists(path):
            attributes = reader.attributes(path)
            states.add(str(attributes.get("state")))
            yield place, [str(each) for each in attributes.get("inputs", ())]


def _list(commits: tuple[str, ...]) -> str:
    return ", ".join(str(commit)[:10] for commit in commits) or "(none)"
