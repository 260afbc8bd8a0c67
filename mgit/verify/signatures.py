"""Signatures of commits and tags: whether they fit, and whether they are by somebody we know."""

import tempfile

from mgit.errors import Unsupported
from mgit.history.commits import without_signature
from mgit.history.signing import ARMOUR_BEGIN, AllowedSigners, Verification
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Finding, Level, VerifyReport
from mgit.verify.graph import GraphAudit

__all__ = ["check_signatures"]


def check_signatures(
    graph: GraphAudit, ledger: DamageLedger, report: VerifyReport, signers: AllowedSigners | None
) -> None:
    """Check the signature of every commit and tag that has one.

    signers: who may sign; None checks only that signatures fit the bytes that they cover. A good
    signature by an unknown key counts as signed only if there is no list to be in.
    """
    with tempfile.NamedTemporaryFile(prefix="mgit-", suffix=".signers") as nobody:
        allowed = signers or AllowedSigners(path=nobody.name)
        listed = signers is not None
        for record in graph.commits.values():
            if record.signature is not None:
                payload = without_signature(record.raw)
                subject = f"commit {record.id}"
                verdict = _check(payload, record.signature, allowed, subject, ledger, listed=listed)
                report.signed_commits += verdict == "good"
                report.signature_failures += verdict == "bad"
        for name, tag in graph.tags.items():
            if tag.signature is not None:
                subject = f"tag '{tag.name}' {name}"
                _check(tag.payload, tag.signature, allowed, subject, ledger, listed=listed)


def _check(
    payload: bytes,
    signature: str,
    allowed: AllowedSigners,
    subject: str,
    ledger: DamageLedger,
    *,
    listed: bool,
) -> str:
    """'good', 'bad' or ''; what is wrong with the signature goes to the ledger."""
    verdict = ""
    with ledger.watch(
        level=Level.CONTENT, kind="signature-unchecked", subject=subject, severity="suspect"
    ):
        if not signature.startswith(ARMOUR_BEGIN):
            raise Unsupported("the signature is none of SSH", hint="'git verify-commit' checks it")
        verdict = _judge(allowed.verify(payload, signature), subject, ledger, listed=listed)
    return verdict


def _judge(found: Verification, subject: str, ledger: DamageLedger, *, listed: bool) -> str:
    if found.verdict == "bad":
        message = f"the signature does not fit: {found.detail}"
        ledger.add(Finding(level=Level.CONTENT, kind="signature", subject=subject, message=message))
        return "bad"
    if found.verdict == "unknown-signer" and listed:
        finding = Finding(
            level=Level.CONTENT,
            kind="unknown-signer",
            subject=subject,
            message="the signature fits, but its key is not in the list of allowed signers",
            severity="suspect",
        )
        ledger.add(finding)
        return ""
    return "good"
