"""`mgit verify`: check every object and every link of the history."""

import argparse

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    from mgit.history.repository import Repository
    from mgit.verify.audit import Request

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
  --replay       also run the step of REV (default: HEAD) again and compare

Three verdicts stand at the end. 'consistent': every digest fits what it names. 'signed':
unsigned, partly, all or failed. 'replayed': not run, identical (the same state digest),
equivalent (FSC between maps at least 0.999 up to the resolution, medians of poses under
0.05 A and 0.05 degrees: other devices and versions may round otherwise), different, or
not replayable. A consistent history may still be a rewritten one: only a signature or
another clone tells (--against), and only --replay that a result was computed.
Exit code 4 means that something is corrupt, 1 that something is only doubtful: a
replay that is different, or that was asked for and is not possible, is.

examples:
  mgit verify
  mgit verify --deep --provenance --raw
  mgit verify v1.0 --deep
  mgit verify --against /backup/population
  mgit verify HEAD~1 --replay --workers 4
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", nargs="?", metavar="REV", help="only what REV reaches")
    parser.add_argument("--all", action="store_true", help="everything reachable (the default)")
    parser.add_argument("--deep", action="store_true", help="hash and decode everything stored")
    parser.add_argument("--provenance", action="store_true", help="particles, half-sets, inputs")
    parser.add_argument("--raw", action="store_true", help="re-read linked raw files")
    parser.add_argument("--against", metavar="DIR", help="another clone on this machine")
    parser.add_argument("--replay", action="store_true", help="run the step of REV again, compare")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="for --replay; default: 1"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="of each worker; default: all cores"
    )
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
    from mgit.cli.render.audit import tell_report
    from mgit.verify.audit import verify

    repository = open_repository(arguments)
    report = verify(
        repository,
        _request(repository, arguments, console),
        progress=lambda title, total, unit: console.progress(title, total=total or None, unit=unit),
    )
    tell_report(report, console)
    console.json(report.record())
    if report.clean:
        return ExitCode.OK
    # Doubtful is not damaged: real half-sets touch, and a foreign ref may have been meant.
    return ExitCode.REFUSED if report.consistent else ExitCode.CORRUPT


def _request(
    repository: "Repository", arguments: argparse.Namespace, console: Console
) -> "Request":
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
    replayer = None
    if arguments.replay:
        from mgit.cli.replay import replayer_of

        replayer = replayer_of(
            repository, console, workers=arguments.workers, threads=arguments.threads
        )
    return Request(
        revision=arguments.revision,
        level=Level.CONTENT if arguments.deep else level,
        domain=arguments.provenance or arguments.level == Level.DOMAIN,
        raw=raw,
        signers=AllowedSigners(path=arguments.signers) if arguments.signers else None,
        against=Repository.open(arguments.against) if arguments.against else None,
        radius_angstrom=arguments.radius,
        replayer=replayer,
    )
