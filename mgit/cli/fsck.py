"""`mgit fsck`: check the repository's files and rebuild what can be rebuilt."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository
    from mgit.verify.fsck import FilesReport

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "check the repository's files and rebuild what can be rebuilt"
DESCRIPTION = """Check the files of the repository itself: segments, index, packs, log, locks.

It says which files are damaged and which lie about unused; 'mgit verify' says what
that means for the population. --repair makes the chunk index again from the
segments and drops the caches, which fill again by themselves. It changes and
removes nothing else: temporary files of a dead process are listed, not deleted.

--adopt records in the operation log what branches, tags and HEAD went through
without mgit, for example by plain git; until then 'mgit verify' reports it. Look
at 'mgit verify' first: a ref that nobody moved on purpose is damage.

examples:
  mgit fsck
  mgit fsck --repair
  mgit fsck --adopt
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("--repair", action="store_true", help="make index and caches again")
    parser.add_argument("--adopt", action="store_true", help="record what moved without mgit")
    parser.add_argument(
        "--dry-run", action="store_true", help="with --repair and --adopt: only say what is there"
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Check the files, repair if asked to, check again."""
    from mgit.verify.fsck import check_files, repair

    repository = open_repository(arguments)
    adopted = _adopt(repository, arguments, console) if arguments.adopt else []
    report = check_files(repository)
    done: tuple[str, ...] = ()
    if arguments.repair and not arguments.dry_run:
        done = repair(repository)
        for each in done:
            console.out(each)
        report = check_files(repository)
    _tell(report, console)
    console.json(
        {
            "clean": report.clean,
            "findings": [finding.record() for finding in report.findings],
            "orphans": list(report.orphans),
            "locks": dict(report.locks),
            "files": report.files,
            "bytes": report.size_bytes,
            "repaired": list(done),
            "adopted": adopted,
        }
    )
    return ExitCode.OK if report.clean else ExitCode.CORRUPT


def _adopt(
    repository: "Repository", arguments: "argparse.Namespace", console: Console
) -> "list[str]":
    """Record refs and HEAD as they are; the lines that say what moved."""
    from mgit.cli.context import signature
    from mgit.history.operation_audit import differences

    change = differences(repository.operations, repository.refs)
    if change is None:
        console.out("nothing moved without mgit")
        return []
    moves = [*sorted(change.refs.items())]
    if change.head is not None:
        moves.append(("HEAD", change.head))
    lines = [f"{name}: {old or 'nothing'} -> {new or 'nothing'}" for name, (old, new) in moves]
    for line in lines:
        console.out(f"moved without mgit: {line}")
    if not arguments.dry_run:
        who = signature(repository.layout.control)
        repository.operations.adopt(change, message="; ".join(lines), who=who)
        console.out("recorded in the operation log")
    return lines


def _tell(report: "FilesReport", console: Console) -> None:
    for finding in report.findings:
        colour = {"corrupt": "red", "suspect": "yellow"}.get(finding.severity, "cyan")
        word = "note:" if finding.severity == "note" else "damaged:"
        console.out(f"{console.styled(word, colour)} {finding.kind}  {finding.subject}")
        console.out(f"  {finding.message}")
        if finding.hint:
            console.out(f"  {console.styled('hint:', 'cyan')} {finding.hint}")
    for path in report.orphans:
        console.out(f"unused: {path}")
    for path, holder in report.locks:
        console.out(f"lock: {path}  {holder}")
    console.out(
        f"{report.files:,} files, {report.size_bytes / 1e6:,.1f} MB: "
        + ("sound" if report.clean else f"{report.damaged} damaged")
    )
