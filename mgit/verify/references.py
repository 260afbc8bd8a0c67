"""Level 0: refs, HEAD and the stage against the operation log, and where an audit has to start."""

from collections.abc import Iterator

from mgit.history.graph import is_ancestor
from mgit.history.operation_audit import Finding as LogFinding
from mgit.history.operations import Operation
from mgit.history.refs import HEAD, SYMBOLIC
from mgit.history.repository import Repository
from mgit.verify.damage import DAMAGE, DamageLedger, Key
from mgit.verify.findings import Finding, Level

__all__ = ["Start", "check_references", "starts_of"]

Start = tuple[str, str, tuple[Key, ...]]
"""Id of a Git object, what names it, and the damage that may explain that it does not exist."""

_LOG_KINDS = {
    "damaged": "operation-damaged",
    "missing": "operation-missing",
    "chain": "operation-chain",
    "unreadable-ref": "ref-unreadable",
}
LOOKS_MAX = 5
_ADVICE = (
    "what moved it is not on record: compare with another clone; if you know that it was meant, "
    "'mgit fsck --adopt' records it"
)


def check_references(repository: Repository, ledger: DamageLedger) -> None:
    """Compare refs and HEAD with what the operation log tells, and the log with itself."""
    with ledger.watch(level=Level.GRAPH, kind="operation-log", subject="operations"):
        for found in _check_log(repository):
            subject = _subject(found)
            moved = found.kind == "moved-outside"
            kind = _kind_of_move(repository, found) if moved else _LOG_KINDS[found.kind]
            finding = Finding(
                level=Level.GRAPH,
                kind=kind,
                subject=subject,
                message=found.message,
                severity="suspect" if kind == "foreign-ref" else "corrupt",
                hint=_ADVICE if moved else None,
            )
            # A foreign ref is no damage, so it must not excuse that what it names is absent.
            keys = [("ref", found.name or subject)] if finding.severity == "corrupt" else []
            ledger.add(finding, *keys)


def starts_of(repository: Repository, ledger: DamageLedger) -> list[Start]:
    """Every object that refs, HEAD, the operation log and the stage name."""
    starts: list[Start] = []
    for name, value in _refs(repository):
        starts.append((value, name, (("ref", name),)))
    with ledger.watch(("ref", HEAD), level=Level.GRAPH, kind="ref-unreadable", subject=HEAD):
        head = repository.refs.head()
        if head.commit is not None:
            keys: tuple[Key, ...] = (("ref", HEAD), ("ref", f"refs/heads/{head.branch}"))
            starts.append((head.commit, HEAD, keys))
    for entry in _readable_entries(repository):
        named = [value for swap in entry.change.refs.values() for value in swap]
        named += [text for text in entry.change.head or () if not text.startswith(SYMBOLIC)]
        starts += [
            (value, f"operation {entry.sequence}", ()) for value in named if value is not None
        ]
    with ledger.watch(level=Level.GRAPH, kind="stage", subject="index"):
        staged = repository.stage.read()
        if staged is not None:
            starts.append((staged.tree, "the stage", ()))
    return starts


def _check_log(repository: Repository) -> list[LogFinding]:
    """What is wrong with log and refs; looked at again if somebody changed them meanwhile."""
    found: list[LogFinding] = []
    for _ in range(LOOKS_MAX):
        before = repository.operations.names()
        found = repository.operations.check()
        if not found or repository.operations.names() == before:
            break
    return found


def _subject(found: LogFinding) -> str:
    if found.name is not None:
        return found.name if found.where == "refs" else f"{found.name} at {found.where}"
    return f"operations/{found.where}"


def _kind_of_move(repository: Repository, found: LogFinding) -> str:
    if found.name == HEAD:
        return "head-moved"
    if found.told is None:
        return "foreign-ref"
    if found.found is None:
        return "ref-missing"
    try:
        back = is_ancestor(found.found, found.told, repository.commit)
    except DAMAGE:
        return "ref-moved"  # Whatever cannot be read there is reported where it is walked.
    return "ref-moved-back" if back else "ref-moved"


def _refs(repository: Repository) -> Iterator[tuple[str, str]]:
    """Refs that can be read; `check_references` has reported the others."""
    try:
        names = repository.refs.names()
    except DAMAGE:
        names = []
    for name in names:
        try:
            value = repository.refs.get(name)
        except DAMAGE:
            continue
        if value is not None:
            yield name, value


def _readable_entries(repository: Repository) -> Iterator[Operation]:
    """Entries of the log that can be read; `check_references` has reported the others."""
    for name in repository.operations.names():
        try:
            yield Operation.decode(repository.operations.content(name), name)
        except DAMAGE:
            continue
