"""The ledger of an audit: each damage once, and under it what follows from it.

One flipped bit makes many things unreadable. A check that fails asks the ledger whether the cause
is known already; only damage that nothing explains becomes a finding.
"""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mgit.errors import MgitError, NotFound
from mgit.verify.findings import Finding, Level, Severity

__all__ = ["ANY_CHUNK", "ANY_OBJECT", "DAMAGE", "DamageLedger", "Key", "message_of"]

DAMAGE = (
    MgitError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What reading hostile bytes may raise. Whatever else is raised is a bug of the audit itself."""

Key = tuple[str, str]
"""A thing that can be damaged: ('object', id), ('chunk', id), ('segment', name), ('ref', name)."""

ANY_OBJECT: Key = ("object", "*")
"""Key of damage that may hide any Git object: a pack index that cannot be read."""

ANY_CHUNK: Key = ("chunk", "*")
"""Key of damage that may hide any chunk: a segment without a footer."""

_FIELDS = {"object": "object", "tree": "object", "chunk": "chunk", "path": "path"}
CONSEQUENCES_MAX = 1000


class DamageLedger:
    """Findings by cause. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Finding, dict[str, None]] = {}
        self._causes: dict[Key, Finding] = {}

    def add(self, finding: Finding, *keys: Key) -> None:
        """Record a finding once; `keys` are what it explains from here on."""
        with self._lock:
            self._found.setdefault(finding, {})
            for key in keys:
                self._causes.setdefault(key, finding)

    def blame(self, key: Key, consequence: str) -> bool:
        """Put `consequence` under the finding that explains `key`; False if there is none."""
        with self._lock:
            cause = self._causes.get(key)
            if cause is None:
                return False
            following = self._found[cause]
            full = len(following) >= CONSEQUENCES_MAX
            following["and more, which are not listed" if full else consequence] = None
            return True

    def explain(self, error: BaseException, consequence: str) -> bool:
        """Put `consequence` under the finding that explains `error`; False if there is none."""
        return any(self.blame(key, consequence) for key in _keys_of(error))

    @contextmanager
    def watch(
        self,
        *keys: Key,
        level: Level,
        kind: str,
        subject: str,
        severity: Severity = "corrupt",
        commit: str | None = None,
    ) -> Iterator[None]:
        """Run a check; what it raises is a consequence of known damage, or a finding.

        keys: what the finding, if there is one, explains from here on.
        """
        try:
            yield
        except DAMAGE as error:
            where = f"{subject} in {commit[:10]}" if commit else subject
            if not self.explain(error, where):
                finding = Finding(
                    level=level,
                    kind=kind,
                    subject=subject,
                    message=message_of(error),
                    severity=severity,
                    commit=commit,
                )
                self.add(finding, *keys)

    def findings(self) -> list[Finding]:
        """Every finding with its consequences, in the order in which they were found."""
        with self._lock:
            return [
                replace(finding, consequences=tuple(following))
                for finding, following in self._found.items()
            ]


def message_of(error: BaseException) -> str:
    """What an error says, also one that is none of mgit's own."""
    return str(error) if isinstance(error, MgitError) else f"{type(error).__name__}: {error}"


def _keys_of(error: BaseException) -> Iterator[Key]:
    """What an error and the errors it came from are about, the most particular first."""
    chain: BaseException | None = error
    absent: list[Key] = []
    while chain is not None:
        if isinstance(chain, MgitError):
            for name, kind in _FIELDS.items():
                if name in chain.fields:
                    yield kind, str(chain.fields[name])
                    if isinstance(chain, NotFound) or "pack" in chain.fields:
                        absent.append((kind, "*"))
        chain = chain.__cause__
    yield from absent
