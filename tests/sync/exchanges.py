"""Small populations that send each other commits."""

from mgit.history.repository import Repository
from mgit.store.checks import check_store
from mgit.store.files import Files
from mgit.sync.clone import clone
from mgit.sync.fetch import fetch
from mgit.sync.path_remote import PathRemote
from mgit.sync.push import plan_push, push
from mgit.verify.audit import Request, verify
from mgit.verify.findings import Level
from tests.history.histories import ADA, begin, commit

__all__ = [
    "bare",
    "begin",
    "check_graph",
    "check_whole",
    "cloned",
    "commit",
    "fetched",
    "pushed",
    "sent",
]

MAIN = {"refs/heads/main": "refs/heads/main"}


def bare(directory):
    """An empty remote."""
    Repository.init(str(directory), name="bare", who=ADA, bare=True)
    return str(directory)


def pushed(repository, url, refs=MAIN, *, files=None, lease="fast-forward", name="origin"):
    """Push to a directory."""
    remote = PathRemote(str(url), files=files)
    plan = plan_push(repository, remote, refs, name=name, lease=lease)
    return push(repository, remote, plan, name=name, who=ADA, lease=lease)


def fetched(repository, url, *, name="origin", **options):
    """Fetch from a directory."""
    return fetch(repository, PathRemote(str(url)), name=name, who=ADA, **options)


def cloned(url, directory, *, files=None):
    """Clone a directory; the new repository."""
    remote = PathRemote(str(url))
    return clone(remote, str(directory), url=str(url), who=ADA, files=files or Files())[0]


def sent(tmp_path, commits=2):
    """A population with some commits, a bare remote that has them, and a clone of that."""
    ours = begin(tmp_path / "ours")
    for number in range(commits):
        commit(ours, f"notes/n{number}", number + 1)
    there = bare(tmp_path / "bare")
    pushed(ours, there)
    return ours, there, cloned(there, tmp_path / "clone")


def check_whole(repository, level=Level.CONTENT):
    """The audit finds nothing."""
    audit = verify(Repository.open(repository.root), Request(level=level, domain=True))
    assert audit.clean, audit.findings


def check_graph(repository):
    """Objects, refs and log are whole, and so is the store; made-up species have no true state."""
    audit = verify(Repository.open(repository.root), Request(level=Level.GRAPH))
    assert audit.clean, audit.findings
    assert list(check_store(repository.chunks)) == []
