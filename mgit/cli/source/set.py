"""`mgit source set`: change the pixel size or the hand of a source."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.curate.source_settings import SourceMigrated
    from mgit.state.protocol import Writer

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "change the pixel size or the hand with everything that depends on it"
DESCRIPTION = """Change the pixel size or the hand of a source; what depends on it follows.

--pixel-size: lengths follow by the ratio of the sizes (positions, offsets, warps,
  volume), defoci by its square.
--hand flip: the geometry is mirrored along z: tilt angles change sign, positions,
  poses and the maps of the species in it are mirrored. Projections stay where
  they are and every depth changes sign.
--depth-sign: only the sign with which defocus grows with depth changes; for data
  whose tilt angles are right and whose defocus gradient is inverted.

Species whose particles moved are marked 'needs refinement'.

examples:
  mgit source set hiv --pixel-size 1.35
  mgit source set hiv --hand flip
  mgit source set hiv --depth-sign -1
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the source")
    parser.add_argument("--pixel-size", type=float, metavar="A", help="new pixel size")
    parser.add_argument("--hand", choices=["flip"], help="mirror the geometry along z")
    parser.add_argument(
        "--depth-sign", type=int, choices=[-1, 1], help="sign of defocus with depth"
    )
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Change, migrate, commit, and say what followed."""
    from mgit.curate.provenance import provenance

    repository = open_repository(arguments)
    with begin(repository, arguments, verb="source set") as transaction:
        done = _apply(transaction.draft, arguments)
        names = ", ".join(name for name, _ in done)
        settings = {
            "name": arguments.name,
            "pixel_size_angstrom": repr(arguments.pixel_size) if arguments.pixel_size else "",
            "hand": arguments.hand or "",
            "depth_sign": arguments.depth_sign or 0,
        }
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Set {names} of source {arguments.name}",
            provenance=provenance(settings),
        )
    for name, report in done:
        moved = f"; {report.particles} particles of {', '.join(report.species)} moved"
        console.out(f"  {name}: {report.items} series{moved if report.species else ''}")
    console.json({**facts, "source": arguments.name, "changed": [name for name, _ in done]})
    return ExitCode.OK


def _apply(writer: "Writer", arguments: "argparse.Namespace") -> "list[tuple[str, SourceMigrated]]":
    from mgit.curate.source_settings import flip_hand, set_depth_sign, set_pixel_size
    from mgit.errors import Refused

    done: list[tuple[str, SourceMigrated]] = []
    if arguments.pixel_size is not None:
        size = arguments.pixel_size
        done.append(
            ("pixel size", set_pixel_size(writer, arguments.name, pixel_size_angstrom=size))
        )
    if arguments.hand is not None:
        done.append(("hand", flip_hand(writer, arguments.name)))
    if arguments.depth_sign is not None:
        sign = arguments.depth_sign
        done.append(("depth sign", set_depth_sign(writer, arguments.name, hand=sign)))
    if not done:
        raise Refused("nothing to set was named", hint="give --pixel-size, --hand or --depth-sign")
    return done
