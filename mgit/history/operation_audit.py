"""What is wrong with an operation log, or with refs that do not follow from it.

Detecting is not deciding: the audit returns findings and changes nothing. What it can and cannot
see is written down in docs/format/history.md, section 3.
"""

from dataclasses import dataclass, field
from typing import Any

from mgit.errors import Corrupt, InvalidInput, MgitError, Unsupported
from mgit.history.operations import Change, Operation, OperationDigest, OperationLog
from mgit.history.refs import HEAD, SYMBOLIC, RefStore

__all__ = ["Finding", "audit", "differences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not fit.

    kind: 'damaged', 'missing', 'chain', 'moved-outside' (a ref or HEAD changed without an entry
    of the log), 'unreadable-ref'. where: entry or ref. message: a sentence without full stop.
    name, told, found: of 'moved-outside' and 'unreadable-ref', the ref or HEAD, what the log says
    of it, and what is there.
    """

    kind: str
    where: str
    message: str
    name: str | None = None
    told: str | None = None
    found: str | None = None


@dataclass(slots=True)
class _Replay:
    """Refs and HEAD as the log tells them, up to the entries followed so far.

    complete: whether every entry so far was readable; only then is the absence of a ref from
    `refs` a statement.
    """

    refs: dict[str, str | None] = field(default_factory=dict)
    head: str | None = None
    complete: bool = True
    findings: list[Finding] = field(default_factory=list)

    def lose(self) -> None:
        """An entry is damaged or missing: forget what is no longer certain."""
        self.refs.clear()
        self.head = None
        self.complete = False

    def follow(self, entry: Operation) -> None:
        """Take an entry that took effect, after comparing its old values with what is known."""
        where = f"operation {entry.sequence}"
        for name, (old, new) in entry.change.refs.items():
            known = name in self.refs or self.complete
            if known and self.refs.get(name) != old:
                self._moved(where, name, self.refs.get(name), old)
            self.refs[name] = new
        if self.head is not None and self.head != entry.head:
            self._moved(where, HEAD, self.head, entry.head)
        self.head = entry.head if entry.change.head is None else entry.change.head[1]

    def compare(self, refs: RefStore) -> None:
        """Compare what the log tells with what is there."""
        found = self._read(refs)
        names = set(found) | set(self.refs) if self.complete else set(self.refs)
        for name in sorted(names):
            told = self.refs.get(name)
            if name in found and isinstance(found[name], MgitError):
                self._unreadable(name, told, found[name])
            elif told != found.get(name):
                self._moved("refs", name, told, found.get(name))
        try:
            head = refs.head().text
        except Corrupt as error:
            if not isinstance(found.get(_target(self.head)), MgitError):
                self._unreadable(HEAD, self.head, error)
        else:
            if self.head is not None and self.head != head:
                self._moved("refs", HEAD, self.head, head)

    def _read(self, refs: RefStore) -> dict[str, Any]:
        """Every ref, or the error instead of its value."""
        found: dict[str, Any] = {}
        try:
            names = refs.names()
        except Corrupt as error:
            names = [name for name, told in self.refs.items() if told is not None]
            self._unreadable("packed-refs", None, error)
        for name in names:
            try:
                found[name] = refs.get(name)
            except (Corrupt, InvalidInput) as error:
                found[name] = error
        return found

    def _unreadable(self, name: str, told: str | None, error: MgitError) -> None:
        finding = Finding(
            kind="unreadable-ref", where="refs", message=str(error), name=name, told=told
        )
        self.findings.append(finding)

    def _moved(self, where: str, name: str, told: str | None, found: str | None) -> None:
        message = (
            f"'{name}' is {found or '(none)'} where the operation log says {told or '(none)'}: "
            "it was moved without mgit"
        )
        finding = Finding(
            kind="moved-outside", where=where, message=message, name=name, told=told, found=found
        )
        self.findings.append(finding)


def audit(log: OperationLog, refs: RefStore) -> list[Finding]:
    """Findings about the log, its chain, and refs and HEAD as they follow from it.

    One last entry that never took effect is what a crash leaves and is no finding, and so is a
    last entry that names several refs and was interrupted between them.
    """
    replay = _replayed(log)
    replay.compare(refs)
    return replay.findings


def differences(log: OperationLog, refs: RefStore) -> Change | None:
    """What happened without mgit, from what the log says to what is there; None if nothing did.

    `OperationLog.adopt` records it. Raises Corrupt if refs or HEAD cannot be read.
    """
    replay = _replayed(log)
    found = refs.all()
    names = set(replay.refs) | (set(found) if replay.complete else set())
    moved = {
        name: (replay.refs.get(name), found.get(name))
        for name in sorted(names)
        if replay.refs.get(name) != found.get(name)
    }
    told, there = replay.head, refs.head().text
    head = None if told is None or told == there else (told, there)
    return Change(refs=moved, head=head) if moved or head is not None else None


def _replayed(log: OperationLog) -> _Replay:
    replay = _Replay()
    entries = _readable(log, replay)
    following = [entry for _, entry in entries[1:]]
    for number, (_, entry) in enumerate(entries):
        after = following[number] if number < len(following) else None
        if entry is None:
            replay.lose()
        elif number < len(following):
            if after is None or after.previous_applied:
                replay.follow(entry)
        elif log.took_effect(entry):
            _follow_last(log, entry, replay)
    _check_confirmed(log, entries, replay)
    return replay


def _readable(log: OperationLog, replay: _Replay) -> list[tuple[str, Operation | None]]:
    """Every entry in order, None for one that is damaged or missing; findings go to `replay`."""
    entries: list[tuple[str, Operation | None]] = []
    previous: OperationDigest | None = None
    expected = 1
    for name in log.names():
        content = log.content(name)
        if int(name) != expected:
            message = f"entries {expected} to {int(name) - 1} of the operation log are missing"
            replay.findings.append(Finding(kind="missing", where=name, message=message))
            entries.append((name, None))
        try:
            entry = Operation.decode(content, name)
        except (Corrupt, Unsupported) as error:
            replay.findings.append(Finding(kind="damaged", where=name, message=str(error)))
            entries.append((name, None))
        else:
            entries.append((name, entry))
            # After a damaged entry the chain is broken because of the damage alone.
            follows = len(entries) < 2 or entries[-2][1] is not None
            chained = (entry.previous, entry.sequence) == (previous, expected)
            if int(name) == expected and follows and not chained:
                message = f"entry '{name}' does not follow the entry before it"
                replay.findings.append(Finding(kind="chain", where=name, message=message))
        previous = OperationDigest.of(content)
        expected = int(name) + 1
    return entries


def _follow_last(log: OperationLog, entry: Operation, replay: _Replay) -> None:
    replay.follow(entry)
    if entry.sequence <= (log.confirmed() or 0):
        return
    found = [(value, old, new) for value, old, new in log.values(entry.change)]
    if not all(value in (old, new) for value, old, new in found):
        return
    for (name, (old, _)), (value, _, _) in zip(entry.change.refs.items(), found, strict=False):
        if value == old:
            replay.refs[name] = old
    if entry.change.head is not None and found[-1][0] == entry.change.head[0]:
        replay.head = entry.change.head[0]


def _check_confirmed(
    log: OperationLog, entries: list[tuple[str, Operation | None]], replay: _Replay
) -> None:
    last = max((int(name) for name, _ in entries), default=0)
    confirmed = log.confirmed()
    if confirmed is None:
        message = "the file 'confirmed' of the operation log holds no number"
        replay.findings.append(Finding(kind="damaged", where="confirmed", message=message))
    elif confirmed < last - 1:
        message = f"the file 'confirmed' of the operation log says {confirmed} where it is {last}"
        replay.findings.append(Finding(kind="damaged", where="confirmed", message=message))
    elif confirmed > last:
        message = f"entries {last + 1} to {confirmed} at the end of the operation log are missing"
        replay.findings.append(Finding(kind="missing", where=f"{confirmed:010d}", message=message))
        replay.lose()


def _target(head: str | None) -> str:
    """The ref that the content of HEAD leads to, '' if it leads to none."""
    return head.removeprefix(SYMBOLIC) if head is not None and head.startswith(SYMBOLIC) else ""
