"""`mgit verify`: check every object and every link of the history."""

import argparse

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    from mgit.history.repository import Repository
    from mgit.verify.audit import Request
    from mgit.verify.findings import Finding, VerifyReport

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "check every object and every link of the history"
DESCRIPTION = """Check everything that branches, tags, HEAD and the operation log reach.

It goes on after a finding, names each damage once, and lists below it what cannot
be read because of it. Without options: refs against the operation log, every Git
object, the presence of every chunk, the digests of states and commits from recorded
ones, signatures. A few seconds for a large population.

  --deep         also hash every stored byte and decode every array
  --provenance   also particles, items, half-sets in space, what was made from what
  --raw          also re-read the raw files that are linked on this machine
  --against DIR  also compare branches and tags with another clone

Three verdicts stand at the end. 'consistent': every digest fits what it names. 'signed':
unsigned, partly, all or failed. 'replayed': not run. A consistent history may
still be a rewritten one: only a signature or another clone tells (--against).
Exit code 4 means that something is corrupt, 1 that something is only doubtful.

examples:
  mgit verify
  mgit verify --deep --provenance --raw
  mgit verify v1.0 --deep
  mgit verify --against /backup/population
"""

CONSEQUENCES_SHOWN_MAX = 5
COLOUR = {"corrupt": "red", "suspect": "yellow", "note": "cyan"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", nargs="?", metavar="REV", help="only what REV reaches")
    parser.add_argument("--all", action="store_true", help="everything reachable (the default)")
    parser.add_argument("--deep", action="store_true", help="hash and decode everything stored")
    parser.add_argument("--provenance", action="store_true", help="particles, half-sets, inputs")
    parser.add_argument("--raw", action="store_true", help="re-read linked raw files")
    parser.add_argument("--against", metavar="DIR", help="another clone on this machine")
    parser.add_argument("--signers", metavar="FILE", help="who may sign (ssh-keygen's format)")
    parser.add_argument(
        "--radius",
        type=float,
        metavar="A",
        help="half-sets overlap within so many angstrom; default: a quarter of the diameter",
    )
    parser.add_argument(
        "--level",
        type=int,
        choices=range(5),
        help="0 graph, 1 presence (default), 2 stored bytes, 3 as --deep, 4 as --deep --provenance",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Audit the repository and tell everything that is wrong with it."""
    from mgit.verify.audit import verify

    repository = open_repository(arguments)
    report = verify(
        repository,
        _request(repository, arguments),
        progress=lambda title, total, unit: console.progress(title, total=total or None, unit=unit),
    )
    _tell(report, console)
    console.json(report.record())
    if report.clean:
        return ExitCode.OK
    # Doubtful is not damaged: real half-sets touch, and a foreign ref may have been meant.
    return ExitCode.REFUSED if report.consistent else ExitCode.CORRUPT


def _request(repository: "Repository", arguments: argparse.Namespace) -> "Request":
    from mgit.errors import Refused
    from mgit.history.repository import Repository
    from mgit.history.signing import AllowedSigners
    from mgit.verify.audit import Request
    from mgit.verify.findings import Level

    if arguments.all and arguments.revision:
        raise Refused("--all and a revision exclude each other", hint="leave out one of them")
    level = Level.PRESENCE if arguments.level is None else Level(min(arguments.level, 3))
    raw = None
    if arguments.raw:
        from mgit.cli.linked_files import LinkedFiles

        raw = LinkedFiles(repository)
    return Request(
        revision=arguments.revision,
        level=Level.CONTENT if arguments.deep else level,
        domain=arguments.provenance or arguments.level == Level.DOMAIN,
        raw=raw,
        signers=AllowedSigners(path=arguments.signers) if arguments.signers else None,
        against=Repository.open(arguments.against) if arguments.against else None,
        radius_angstrom=arguments.radius,
    )


def _tell(report: "VerifyReport", console: Console) -> None:
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
    console.out(f"consistent: {'yes' if report.consistent else 'no'}")
    console.out(f"signed: {report.signed}")
    console.out(f"replayed: {report.replayed}")


def _tell_finding(finding: "Finding", console: Console) -> None:
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
