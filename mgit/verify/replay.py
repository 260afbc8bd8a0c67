"""The step of one commit run again, by whoever hands in how: the verdict becomes findings.

Digests prove consistency and not that a computation took place; this shows that it does.
"""

from collections.abc import Callable

from mgit.errors import Corrupt
from mgit.history.commits import CommitRecord
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Finding, Level, Replayed, Severity

__all__ = ["Replayer", "check_replay"]

Replayer = Callable[[CommitRecord], Replayed]
"""Runs the step of a commit again. Raises Corrupt where what it needs is damaged."""


def check_replay(record: CommitRecord, replayer: Replayer, ledger: DamageLedger) -> Replayed:
    """Have the step of a commit run again; findings say what does not fit.

    'replay-different', 'replay-figures' and 'not-replayable' are suspect, the last one because a
    check that was asked for did not take place. 'replay-unreadable', by damage, is corrupt.
    """

    def add(kind: str, message: str, *, hint: str | None, severity: Severity = "suspect") -> None:
        finding = Finding(
            level=Level.DOMAIN,
            kind=kind,
            subject=f"commit {record.id}",
            message=message,
            severity=severity,
            commit=record.id,
            hint=hint,
        )
        ledger.add(finding)

    try:
        found = replayer(record)
    except Corrupt as error:
        reason = f"what the step needs is damaged: {error}"
        add("replay-unreadable", reason, hint=error.hint, severity="corrupt")
        return Replayed(commit=record.id, verb=None, verdict="not replayable", reason=reason)
    if found.verdict == "not replayable":
        add("not-replayable", f"the step cannot be run again: {found.reason}", hint=found.hint)
    if found.verdict == "different":
        first = found.details[0] if found.details else "another state"
        hint = "other versions may compute otherwise: see below" if found.versions else None
        add("replay-different", f"the step comes to something else: {first}", hint=hint)
    for doubt in found.doubts:
        add("replay-figures", doubt, hint=None)
    return found
