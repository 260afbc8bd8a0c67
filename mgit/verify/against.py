"""A second clone as a witness: where its history and this one part.

A rewrite of history that hashes everything anew is consistent in itself. Another clone still has
the old ids, so it shows.
"""

from collections.abc import Callable, Iterable

from mgit.history.commits import CommitId, CommitRecord
from mgit.history.graph import ancestors, merge_bases
from mgit.history.repository import Repository
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Finding, Level, Severity

__all__ = ["compare_clones"]

PREFIXES = ("refs/heads/", "refs/tags/")

Read = Callable[[CommitId], CommitRecord]


def compare_clones(ours: Repository, theirs: Repository, ledger: DamageLedger) -> None:
    """Compare branches and tags that both repositories have; differences become findings.

    'ref-ahead' and 'ref-behind' are notes. 'ref-diverged': both sides went on from a common
    commit. 'history-rewritten': the first commit after it has author, time and subject on both
    sides alike but not its id; 'history-unrelated': there is no common commit.
    """
    there = f"'{theirs.root}'"
    with ledger.watch(level=Level.GRAPH, kind="clone-unreadable", subject=there):
        mine, other = _refs(ours), _refs(theirs)
        for name in sorted(mine.keys() & other.keys()):
            with ledger.watch(level=Level.GRAPH, kind="clone-unreadable", subject=name):
                _compare(name, mine[name], other[name], ours, theirs, ledger)
        if not mine.keys() & other.keys():
            message = f"{there} has no branch or tag of the same name"
            _add(ledger, "clone-unrelated", there, message, "suspect")


def _refs(repository: Repository) -> dict[str, CommitId]:
    names = [name for name in repository.refs.names() if name.startswith(PREFIXES)]
    return {name: repository.resolve(name) for name in names}


def _compare(
    name: str,
    mine: CommitId,
    other: CommitId,
    ours: Repository,
    theirs: Repository,
    ledger: DamageLedger,
) -> None:
    if mine == other:
        return

    def read(commit: CommitId) -> CommitRecord:
        """The commit from whichever side has it: both check its id."""
        return (ours if commit in ours.objects else theirs).commit(commit)

    here = ancestors(mine, read)
    there = ancestors(other, read)
    more, less = len(here - there), len(there - here)
    if other in here:
        message = f"{more} commits ahead of the clone, which is at {other[:10]}"
        _add(ledger, "ref-ahead", name, message, "note")
    elif mine in there:
        message = f"{less} commits behind the clone, which is at {other[:10]}"
        _add(ledger, "ref-behind", name, message, "note")
    else:
        kind, message = _parting(mine, other, here, there, read)
        _add(ledger, kind, name, message, "suspect")


def _parting(
    mine: CommitId,
    other: CommitId,
    here: set[CommitId],
    there: set[CommitId],
    read: Read,
) -> tuple[str, str]:
    bases = merge_bases(mine, other, read)
    first = _first(here - there, read)
    second = _first(there - here, read)
    pair = f"{first.id[:10]} '{first.subject}' here, {second.id[:10]} '{second.subject}' there"
    counts = f"{len(here - there)} commits here only, {len(there - here)} there only"
    since = f"since {bases[0][:10]}" if bases else "from the first commit on"
    if _told(first) == _told(second):
        return "history-rewritten", f"the same commit has two ids {since}: {pair}; {counts}"
    if not bases:
        return "history-unrelated", f"the histories have no commit in common: {pair}"
    return "ref-diverged", f"both sides went on {since}: {pair}; {counts}"


def _first(commits: Iterable[CommitId], read: Read) -> CommitRecord:
    """The earliest of some commits that has no parent among them."""
    among = set(commits)
    roots = [record for record in map(read, among) if not among & set(record.parents)]
    return min(roots, key=lambda record: (record.committer_time, record.id))


def _told(record: CommitRecord) -> tuple[str, int, str]:
    return record.author, record.author_time, record.subject


def _add(ledger: DamageLedger, kind: str, subject: str, message: str, severity: Severity) -> None:
    ledger.add(
        Finding(level=Level.GRAPH, kind=kind, subject=subject, message=message, severity=severity)
    )
