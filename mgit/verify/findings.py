"""What an audit says: findings, coverage, and three verdicts (docs/format/verify.md)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, Literal

__all__ = ["Coverage", "Finding", "Level", "Replayed", "Severity", "VerifyReport"]

Severity = Literal["corrupt", "suspect", "note"]


class Level(IntEnum):
    """How deep a check looks; each level includes the ones above it."""

    GRAPH = 0
    """Refs, HEAD, operation log, and that every named object exists and hashes to its name."""
    PRESENCE = 1
    """Every chunk id is present; segment footers, index; digests that follow from recorded ones."""
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
    """Stable code, e.g. 'state-digest', 'half-set-overlap' (docs/format/verify.md, section 3)."""
    subject: str
    """What it is about: a ref, commit, path in a commit, object, chunk, segment or raw file."""
    message: str
    severity: Severity = "corrupt"
    commit: str | None = None
    """A commit in which the subject stands, where there is one."""
    hint: str | None = None
    consequences: tuple[str, ...] = ()
    """What cannot be checked or read because of it; none of these is a finding of its own."""

    def record(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return {**asdict(self), "level": int(self.level), "consequences": list(self.consequences)}


@dataclass(slots=True, kw_only=True)
class Coverage:
    """How much was looked at."""

    commits: int = 0
    objects: int = 0
    """Git objects whose SHA-1 was computed, each once."""
    chunks: int = 0
    """Chunk ids that were looked for, each once."""
    arrays: int = 0
    """Distinct arrays whose manifest was checked."""
    arrays_decoded: int = 0
    bytes_read: int = 0
    """Stored bytes that were hashed, and logical bytes that were decoded."""
    particles: int = 0
    raw_files: int = 0
    raw_files_absent: int = 0
    items_unbound: int = 0
    """Items that record no digest of their raw data: nothing can be said about these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of running the step of a commit again (docs/format/verify.md, section 6).

    verb: as the provenance has it, None where that cannot be read. details: what differs, a
    sentence each. doubts: recorded figures that the replay does not find. versions: what is not
    as it was recorded, libraries and devices. reason, hint: of a step that is not replayable.
    """

    commit: str
    verb: str | None
    verdict: Literal["identical", "equivalent", "different", "not replayable"]
    details: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    reason: str | None = None
    hint: str | None = None
    species: tuple[Mapping[str, Any], ...] = ()

    def record(self) -> dict[str, Any]:
        """The replay as JSON has it."""
        return {
            name: list(each) if isinstance(each, tuple) else each
            for name, each in asdict(self).items()
        }


@dataclass(slots=True, kw_only=True)
class VerifyReport:
    """Everything an audit found. It never stops at the first finding."""

    level: Level
    findings: list[Finding] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    signed_commits: int = 0
    signature_failures: int = 0
    signatures_checked: bool = True
    replay: Replayed | None = None

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
        """The commits' signatures: 'unsigned', 'partly', 'all', 'failed' or 'not checked'."""
        if not self.signatures_checked:
            return "not checked"
        if self.signature_failures:
            return "failed"
        if self.signed_commits == 0:
            return "unsigned"
        return "all" if self.signed_commits == self.coverage.commits else "partly"

    @property
    def replayed(self) -> str:
        """The verdict on the one commit whose step was run again, else 'not run'."""
        return "not run" if self.replay is None else self.replay.verdict

    def record(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "level": int(self.level),
            "consistent": "yes" if self.consistent else "no",
            "signed": self.signed,
            "replayed": self.replayed,
            "replay": None if self.replay is None else self.replay.record(),
            "coverage": asdict(self.coverage),
            "findings": [finding.record() for finding in self.findings],
        }
