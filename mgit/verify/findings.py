"""What an audit says: findings with a level, and three separate verdicts (docs/format/verify.md)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

__all__ = ["Coverage", "Finding", "Level", "Severity", "VerifyReport"]

Severity = Literal["corrupt", "suspect", "note"]


class Level(IntEnum):
    """How deep a check looks; each level includes the ones above it."""

    GRAPH = 0
    """Refs, HEAD, operation log, and that every named object exists and hashes to its name."""
    PRESENCE = 1
    """Every chunk id is present; segment footers, sizes, index."""
    STORED = 2
    """BLAKE3 of the stored bytes."""
    CONTENT = 3
    """Decoded bytes, logical ids, content and state digests, roots, signatures."""
    DOMAIN = 4
    """Half-sets, particle ids, provenance edges, raw data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, suspicious or worth knowing."""

    level: Level
    kind: str
    """Stable code, e.g. 'state-digest', 'half-set-overlap'."""
    subject: str
    """What it is about: a ref, commit, path in a commit, segment, or raw file."""
    message: str
    severity: Severity = "corrupt"
    hint: str | None = None


@dataclass(slots=True, kw_only=True)
class Coverage:
    """How much was looked at."""

    commits: int = 0
    objects: int = 0
    chunks: int = 0
    bytes_read: int = 0
    arrays: int = 0
    raw_files: int = 0
    raw_files_absent: int = 0


@dataclass(slots=True, kw_only=True)
class VerifyReport:
    """Everything an audit found. It never stops at the first finding."""

    level: Level
    findings: list[Finding] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    signed_commits: int = 0
    signature_failures: int = 0
    replayed: str = "not run"

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add findings, each once: the same damage is often seen from several sides."""
        known = set(self.findings)
        for finding in findings:
            if finding not in known:
                known.add(finding)
                self.findings.append(finding)

    @property
    def clean(self) -> bool:
        """Whether nothing is corrupt or suspect; notes do not count."""
        return all(finding.severity == "note" for finding in self.findings)

    @property
    def consistent(self) -> bool:
        """Whether every digest agrees with what it names, as deep as was looked.

        Consistent does not mean that a computation took place: a rewrite of history that rehashes
        everything is consistent, and only a signature or another clone tells it apart.
        """
        return not any(finding.severity == "corrupt" for finding in self.findings)

    @property
    def signed(self) -> str:
        """One word for the signatures: 'unsigned', 'partly', 'all' or 'failed'."""
        if self.signature_failures:
            return "failed"
        if self.signed_commits == 0:
            return "unsigned"
        return "all" if self.signed_commits == self.coverage.commits else "partly"
