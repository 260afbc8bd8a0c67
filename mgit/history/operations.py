"""The operation log: every change of refs and HEAD, written ahead (docs/format/history.md).

One file per operation, chained by digest, each with its own checksum. An entry is durable before
the refs move, and the refs alone decide whether the last entry took effect; the next entry then
writes that down. Undo, `branch@{n}`, garbage collection and the audit all read this log.
"""

import itertools
import json
import os
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mgit.digest import Digest, canonical_bytes
from mgit.errors import Corrupt, InvalidState, NotFound, RefMoved, Unsupported
from mgit.history.commits import Signature
from mgit.history.lease import LeaseDirectory
from mgit.history.refs import HEAD, SYMBOLIC, RefStore, check_ref_name
from mgit.store.files import Files

if typing.TYPE_CHECKING:
    from mgit.history.operation_audit import Finding

__all__ = ["Change", "Operation", "OperationDigest", "OperationLog", "Swap"]

OPERATION_FORMAT = 1
SEQUENCE_DIGITS = 10
REFS_LEASE = "refs"
CONFIRMED = "confirmed"
MESSAGE_CHARACTERS_MAX = 500

Swap = tuple[str | None, str | None]
"""Old and new value of one ref; None stands for "no ref"."""


class OperationDigest(Digest):
    """Name of one entry of the operation log: BLAKE3 of its record, and of its whole file."""

    __slots__ = ()
    context = "mgit operation v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one operation does to refs and HEAD.

    refs: full ref name -> (old, new). head: (old, new) content of HEAD, None if HEAD stays.
    """

    refs: Mapping[str, Swap] = field(default_factory=dict)
    head: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        for name, (old, new) in self.refs.items():
            check_ref_name(name)
            if old == new:
                raise InvalidState(f"the change does not move '{name}'", value=old)
        if self.head is not None and self.head[0] == self.head[1]:
            raise InvalidState("the change does not move HEAD", value=self.head[0])
        if not self.refs and self.head is None:
            raise InvalidState("the change moves nothing")

    def reversed(self) -> "Change":
        """The change that takes this one back."""
        head = None if self.head is None else (self.head[1], self.head[0])
        return Change(refs={name: (new, old) for name, (old, new) in self.refs.items()}, head=head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One entry of the log.

    sequence: 1, 2, ... previous: digest of the previous entry's file, None for the first.
    previous_applied: whether the previous entry moved the refs; True for the first.
    undoes, redoes: sequence number of the operation that this one takes back or repeats.
    """

    sequence: int
    previous: OperationDigest | None
    previous_applied: bool
    verb: str
    message: str
    change: Change
    head: str
    author: str
    time_s: int
    undoes: int | None = None
    redoes: int | None = None

    def encode(self) -> bytes:
        """Bytes of the entry's file: the canonical record, and its digest as the last line."""
        head = self.change.head or (self.head, self.head)
        record: dict[str, typing.Any] = {
            "format": OPERATION_FORMAT,
            "seq": self.sequence,
            "previous": None if self.previous is None else str(self.previous),
            "previous_applied": self.previous_applied,
            "verb": self.verb,
            "message": self.message,
            "refs": {name: list(swap) for name, swap in self.change.refs.items()},
            "head": list(head),
            "author": self.author,
            "time_s": self.time_s,
        }
        if self.undoes is not None:
            record["undoes"] = self.undoes
        if self.redoes is not None:
            record["redoes"] = self.redoes
        line = canonical_bytes(record)
        return line + b"\n" + str(OperationDigest.of(line)).encode() + b"\n"

    @classmethod
    def decode(cls, content: bytes, name: str) -> "Operation":
        """Read an entry's file. Raises Corrupt for a flipped bit, or Unsupported."""
        line, _, rest = content.partition(b"\n")
        if rest != str(OperationDigest.of(line)).encode() + b"\n":
            raise Corrupt(f"entry '{name}' of the operation log does not match its checksum")
        try:
            record = json.loads(line)
            if record["format"] != OPERATION_FORMAT:
                raise Unsupported(f"entry '{name}' of the operation log has a later format")
            return cls._from_record(record)
        except (ValueError, KeyError, TypeError, InvalidState) as error:
            raise Corrupt(f"entry '{name}' of the operation log is malformed: {error}") from error

    @classmethod
    def _from_record(cls, record: Mapping[str, typing.Any]) -> "Operation":
        old_head, new_head = record["head"]
        previous = record["previous"]
        refs = {name: (old, new) for name, (old, new) in record["refs"].items()}
        return cls(
            sequence=int(record["seq"]),
            previous=None if previous is None else OperationDigest.parse(previous),
            previous_applied=bool(record["previous_applied"]),
            verb=str(record["verb"]),
            message=str(record["message"]),
            change=Change(refs=refs, head=None if old_head == new_head else (old_head, new_head)),
            head=str(old_head),
            author=str(record["author"]),
            time_s=int(record["time_s"]),
            undoes=record.get("undoes"),
            redoes=record.get("redoes"),
        )


class OperationLog:
    """Writes ahead and makes every change of refs and HEAD, one at a time under one short lease."""

    def __init__(self, path: str, files: Files, *, refs: RefStore, leases: LeaseDirectory) -> None:
        self._path = path
        self._files = files
        self._refs = refs
        self._leases = leases

    def perform(
        self,
        change: Change,
        *,
        verb: str,
        message: str,
        who: Signature,
        undoes: int | None = None,
        redoes: int | None = None,
    ) -> Operation:
        """Record `change`, then make it; returns the entry.

        Calling it again after a lost reply succeeds and returns the entry of the first call.

        Raises RefMoved if a ref or HEAD is not at its old value, with nothing recorded, and
        Leased if another process keeps the refs busy.
        """
        purpose = {"refs": {name: new or "" for name, (_, new) in change.refs.items()}}
        if change.head is not None:
            purpose["refs"][HEAD] = change.head[1]
        with self._leases.held(REFS_LEASE, purpose=purpose):
            self._clear_dead_holders()
            last, applied = self._settled()
            if last is not None and applied and last[0].change == change and self._is_done(change):
                return last[0]
            self._require_values(change)
            operation = Operation(
                sequence=1 if last is None else last[0].sequence + 1,
                previous=None if last is None else OperationDigest.of(last[1]),
                previous_applied=applied,
                verb=verb,
                message=message.partition("\n")[0][:MESSAGE_CHARACTERS_MAX],
                change=change,
                head=self._refs.head().text,
                author=who.person,
                time_s=who.time_s,
                undoes=undoes,
                redoes=redoes,
            )
            self._write(operation)
            self._apply(change)
            self._confirm(operation.sequence)
        return operation

    def adopt(self, change: Change, *, message: str, who: Signature) -> Operation:
        """Record a change that happened without mgit, so that the audit accepts it from here on.

        change: from what the log says to what is there (`operation_audit.differences`). The entry
        has the verb 'adopt' and moves nothing. Raises RefMoved if that is not what is there.
        """
        with self._leases.held(REFS_LEASE, purpose={}):
            self._clear_dead_holders()
            last, applied = self._settled()
            self._require_values(change.reversed())
            operation = Operation(
                sequence=1 if last is None else last[0].sequence + 1,
                previous=None if last is None else OperationDigest.of(last[1]),
                previous_applied=applied,
                verb="adopt",
                message=message.partition("\n")[0][:MESSAGE_CHARACTERS_MAX],
                change=change,
                head=self._refs.head().text if change.head is None else change.head[0],
                author=who.person,
                time_s=who.time_s,
            )
            self._write(operation)
            self._confirm(operation.sequence)
        return operation

    def recover(self) -> None:
        """Complete the last operation if a crash cut it in two; call before reading to write.

        Costs a look at one small file if there is nothing to do. Raises Leased.
        """
        names = self.names()
        if names and int(names[-1]) > (self.confirmed() or 0):
            with self._leases.held(REFS_LEASE, purpose={}):
                self._clear_dead_holders()
                last = self._last()
                if last is not None and self._finish(last[0]):
                    self._confirm(last[0].sequence)

    def entries(self) -> Iterator[Operation]:
        """Every entry in order. Raises Corrupt at the first that is damaged."""
        for name in self.names():
            yield Operation.decode(self._files.read(os.path.join(self._path, name)), name)

    def applied(self) -> list[Operation]:
        """Every entry that took effect, in order. Raises Corrupt."""
        entries = list(self.entries())
        kept = [
            entry for entry, following in itertools.pairwise(entries) if following.previous_applied
        ]
        if entries and self.took_effect(entries[-1]):
            kept.append(entries[-1])
        return kept

    def past(self, name: str) -> list[str | None]:
        """Values that a ref or HEAD's commit had, the latest first: what `branch@{n}` means.

        name: full ref name, or 'HEAD' for the commit that HEAD led to.
        """
        values: list[str | None] = []
        current: dict[str, str | None] = {}
        for entry in self.applied():
            current.update({ref: new for ref, (_, new) in entry.change.refs.items()})
            if name == HEAD:
                head = entry.head if entry.change.head is None else entry.change.head[1]
                symbolic = head.startswith(SYMBOLIC)
                value = current.get(head.removeprefix(SYMBOLIC)) if symbolic else head
                if not values or values[-1] != value:
                    values.append(value)
            elif name in entry.change.refs:
                values.append(current[name])
        return values[::-1]

    def names(self) -> list[str]:
        """File names of the entries, in order."""
        return [name for name in self._files.listing(self._path) if _is_entry_name(name)]

    def content(self, name: str) -> bytes:
        """Bytes of the entry's file `name`."""
        return self._files.read(os.path.join(self._path, name))

    def took_effect(self, operation: Operation) -> bool:
        """Whether the last entry moved the refs, as the refs themselves say.

        An entry that was confirmed took effect. Another did unless everything it names still has
        its old value; one that was interrupted between two of its refs did take effect and is
        completed by the next change.
        """
        if operation.sequence <= (self.confirmed() or 0):
            return True
        return not all(found == old for found, old, _ in self.values(operation.change))

    def confirmed(self) -> int | None:
        """Sequence number of the last entry that is known to have moved the refs.

        0 if none is; None if the file that says so is damaged, which costs certainty only.
        The confirmation follows the swap, so a crash may leave it one entry behind; it lets the
        audit tell a change that never happened from one that somebody took back by hand.
        """
        try:
            text = self._files.read(os.path.join(self._path, CONFIRMED))
        except NotFound:
            return 0
        return int(text) if text.strip().isdigit() else None

    def check(self) -> "list[Finding]":
        """Everything that is wrong with the log, or with refs and HEAD as the log tells them."""
        from mgit.history.operation_audit import audit  # it reads this class

        return audit(self, self._refs)

    def values(self, change: Change) -> Iterator[tuple[str | None, str | None, str | None]]:
        """(found, old, new) of every ref that a change names, and of HEAD."""
        for name, (old, new) in change.refs.items():
            yield self._refs.get(name), old, new
        if change.head is not None:
            yield self._refs.head().text, change.head[0], change.head[1]

    def _is_done(self, change: Change) -> bool:
        return all(found == new for found, _, new in self.values(change))

    def _finish(self, operation: Operation) -> bool:
        """Complete the last entry if a crash cut it in two; whether it took effect."""
        if not self.took_effect(operation):
            return False
        values = list(self.values(operation.change))
        interrupted = any(found == old for found, old, _ in values)
        unconfirmed = operation.sequence > (self.confirmed() or 0)
        if unconfirmed and interrupted and all(found in (old, new) for found, old, new in values):
            self._apply(operation.change)
        return True

    def _apply(self, change: Change) -> None:
        # What comes into being first, what goes last: nothing is unreachable in between.
        for name, (old, new) in change.refs.items():
            if new is not None:
                self._refs.compare_and_swap(name, expected=old, new=new)
        if change.head is not None:
            self._refs.set_head(change.head[1], expected=change.head[0])
        for name, (old, new) in change.refs.items():
            if new is None:
                self._refs.compare_and_swap(name, expected=old, new=None)

    def _settled(self) -> tuple[tuple[Operation, bytes] | None, bool]:
        """The last entry with its bytes, completed if it was cut in two; whether it took effect."""
        last = self._last()
        return last, True if last is None else self._finish(last[0])

    def _require_values(self, change: Change) -> None:
        for name, (old, _) in change.refs.items():
            found = self._refs.get(name)
            if found != old:
                raise RefMoved(
                    f"the ref '{name}' moved since it was read",
                    expected=old or "(none)",
                    found=found or "(none)",
                )
        if change.head is not None and self._refs.head().text != change.head[0]:
            raise RefMoved(
                "HEAD moved since it was read",
                expected=change.head[0],
                found=self._refs.head().text,
            )

    def _last(self) -> tuple[Operation, bytes] | None:
        names = self.names()
        if not names:
            return None
        content = self.content(names[-1])
        return Operation.decode(content, names[-1]), content

    def _write(self, operation: Operation) -> None:
        path = os.path.join(self._path, f"{operation.sequence:0{SEQUENCE_DIGITS}d}")
        if self._files.exists(path):
            raise RefMoved("another process made an operation at the same moment")
        self._files.write_new(path, [operation.encode()])

    def _confirm(self, sequence: int) -> None:
        self._files.replace(os.path.join(self._path, CONFIRMED), b"%d\n" % sequence)

    def _clear_dead_holders(self) -> None:
        """Remove the ref lock files of processes that died while they held the lease."""
        for path, purpose in self._leases.broken(REFS_LEASE):
            for name, new in sorted(purpose.get("refs", {}).items()):
                self._refs.clear_lock(name, str(new))
            self._leases.forget(path)


def _is_entry_name(name: str) -> bool:
    return len(name) == SEQUENCE_DIGITS and name.isascii() and name.isdecimal()
