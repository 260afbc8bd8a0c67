"""Small histories that several tests build."""

import numpy as np

from mgit.history.commits import Signature, commit_id, format_commit
from mgit.history.repository import Repository

ADA = Signature("Ada Test", "ada@example.org", 1_700_000_000, 3600)
BEN = Signature("Ben Test", "ben@example.org", 1_700_000_100, -18000)


def at(time_s):
    """Ada, at another time."""
    return Signature(ADA.name, ADA.email, time_s, 0)


def begin(directory, *, files=None):
    """An empty population."""
    return Repository.init(str(directory), name="toy", who=ADA, files=files)


def commit(repository, path="notes/a", value=1, *, who=ADA, **options):
    """Commit one array of four numbers at `path`."""
    with repository.transaction(verb="test", **options) as transaction:
        transaction.draft.set_array(path, np.full(4, value, dtype="<f8"))
        return transaction.commit(message=f"{path} = {value}", who=who, provenance={})


def value_at(snapshot, path="notes/a"):
    """What `commit` put there, None if nothing stands there."""
    return int(snapshot.array(path).read()[0]) if snapshot.exists(path) else None


def commit_bytes(repository, parents, *, time_s, message="made up"):
    """A commit object that is not stored."""
    return format_commit(
        tree=repository.commit("HEAD").tree,
        parents=parents,
        author=at(time_s),
        committer=at(time_s),
        message=message,
        trailers={},
    )


def fabricate(repository, parents, *, time_s, message="made up"):
    """Store a commit object that no branch holds, for tests of the graph; returns its id."""
    raw = commit_bytes(repository, parents, time_s=time_s, message=message)
    repository.objects.write_pack([("commit", raw)])
    return commit_id(raw)
