"""What a commit says about itself, and which commit last touched a path."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgit.errors import Corrupt, NotFound
from mgit.history.commits import CommitRecord
from mgit.history.repository import Repository
from mgit.history.snapshot import Snapshot
from mgit.history.transaction import PROVENANCE
from mgit.survey.difference import TreeDifference, tree_difference

__all__ = ["CommitSummary", "Origin", "commit_summary", "last_change", "provenance_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The commit that last touched something, and its provenance."""

    commit: CommitRecord
    provenance: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSummary:
    """One commit: its provenance and what it changed against its first parent.

    difference: None for the first commit of a population.
    """

    commit: CommitRecord
    provenance: Mapping[str, Any]
    difference: TreeDifference | None


def commit_summary(repository: Repository, revision: str) -> CommitSummary:
    """Summarise a commit. Raises NotFound."""
    commit = repository.commit(revision)
    after = repository.snapshot(commit.id)
    difference = None
    if commit.parents:
        before = repository.snapshot(commit.parents[0])
        difference = tree_difference(before, after, yardstick="refinement")
    return CommitSummary(commit=commit, provenance=provenance_of(after), difference=difference)


def provenance_of(snapshot: Snapshot) -> Mapping[str, Any]:
    """The content of a tree's provenance.json; empty if it has none. Raises Corrupt."""
    try:
        content = snapshot.blob(PROVENANCE)
    except NotFound:
        return {}
    try:
        record = json.loads(content)
    except ValueError as error:
        raise Corrupt("the provenance is not JSON", path=PROVENANCE) from error
    if not isinstance(record, dict):
        raise Corrupt("the provenance is no JSON object", path=PROVENANCE)
    return record


def last_change(repository: Repository, revision: str, path: str) -> Origin | None:
    """The latest commit at or before `revision` in which what stands at `path` changed."""
    for commit in repository.walk(revision, path=path):
        return Origin(commit=commit, provenance=provenance_of(repository.snapshot(commit.id)))
    return None
