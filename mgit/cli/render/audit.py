"""The report of an audit in the terminal."""

from mgit.cli.console import Console
from mgit.verify.findings import Finding, Replayed, VerifyReport

__all__ = ["tell_report"]

CONSEQUENCES_SHOWN_MAX = 5
DETAILS_SHOWN_MAX = 12
COLOUR = {"corrupt": "red", "suspect": "yellow", "note": "cyan"}


def tell_report(report: VerifyReport, console: Console) -> None:
    """Findings, what was looked at, what a replay came to, and the three verdicts."""
    for finding in report.findings:
        _tell_finding(finding, console)
    seen = report.coverage
    console.out(
        f"checked {seen.commits:,} commits, {seen.objects:,} objects, {seen.arrays:,} arrays, "
        f"{seen.chunks:,} chunks"
    )
    if seen.bytes_read:
        console.out(
            f"  read {seen.bytes_read / 1e6:,.1f} MB, decoded {seen.arrays_decoded:,} arrays"
        )
    if seen.particles:
        console.out(f"  {seen.particles:,} particles")
    if seen.raw_files or seen.raw_files_absent or seen.items_unbound:
        console.out(
            f"  {seen.raw_files:,} raw files re-read, {seen.raw_files_absent:,} not on this "
            f"machine, {seen.items_unbound:,} items unverified"
        )
    if report.replay is not None:
        _tell_replay(report.replay, console)
    console.out(f"consistent: {'yes' if report.consistent else 'no'}")
    console.out(f"signed: {report.signed}")
    console.out(f"replayed: {report.replayed}")


def _tell_replay(found: Replayed, console: Console) -> None:
    verb = f" ({found.verb})" if found.verb else ""
    console.out(f"ran {found.commit[:10]}{verb} again: {found.verdict}")
    shown = found.details[:DETAILS_SHOWN_MAX]
    for each in shown:
        console.out(f"  {each}")
    if len(found.details) > len(shown):
        console.out(f"  and {len(found.details) - len(shown)} more (--json lists all)")
    for each in found.versions:
        console.out(f"  {each}")


def _tell_finding(finding: Finding, console: Console) -> None:
    head = console.styled(f"{finding.severity}:", COLOUR[finding.severity])
    console.out(f"{head} {finding.kind}  {finding.subject}")
    console.out(f"  {finding.message}")
    shown = finding.consequences[:CONSEQUENCES_SHOWN_MAX]
    for each in shown:
        console.out(f"    affects {each}")
    if len(finding.consequences) > len(shown):
        console.out(f"    and {len(finding.consequences) - len(shown)} more (--json lists all)")
    if finding.hint:
        console.out(f"  {console.styled('hint:', 'cyan')} {finding.hint}")
