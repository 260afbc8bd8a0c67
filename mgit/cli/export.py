"""`mgit export`: write files for other programs."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import InvalidInput, NotFound

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from mgit.history.commits import CommitRecord
    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "write files for other programs"
DESCRIPTION = """Write the state of a revision as files of other programs.

original  every document in its own format, under the path where it stood, with
          the current values in it; what did not change keeps its bytes
mrc       half-maps, their mean, mask and reference with the correct pixel size;
          the mean also weighted by the FSC and low-passed (S_filtered.mrc), and
          sharpened (S_sharpened.mrc), both unmasked
star      particle tables only
relion    RELION 5: tomograms, tilt series, particles, optimisation sets, maps
warp      Warp: one XML per series, particle tables as STAR
m         M: population, sources, species, particles, maps
For the last three, what came from that program keeps its documents; the rest is
written anew. A term that is not zero and that the format cannot hold is refused
by name. Nothing that is in DIR is replaced.

examples:
  mgit export out
  mgit export HEAD~2 --species capsid --to star out
  mgit export --to mrc maps
  mgit export --to mrc --b-factor -120 maps
  mgit export v1 --source hiv --to relion --report=report.json out
"""

WORDS_MAX = 2
ON_SCREEN = "-"
WITH_SERIES = ("relion", "warp", "m")
"""Formats of programs that need the series of the particles."""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.usage = "%(prog)s [options] [REV] DIR"
    # argparse hands positional words out before it has seen those behind an option.
    setattr(parser, "parse_args", parser.parse_intermixed_args)  # noqa: B010
    parser.add_argument(
        "words", nargs="+", metavar="[REV] DIR", help="revision, default HEAD; new directory"
    )
    parser.add_argument(
        "--species", action="append", default=[], metavar="S", help="only this species"
    )
    parser.add_argument(
        "--source", action="append", default=[], metavar="S", help="only this data source"
    )
    parser.add_argument(
        "--to",
        dest="form",
        default="original",
        choices=("original", "mrc", "star", "relion", "warp", "m"),
        help="format; default original",
    )
    parser.add_argument(
        "--lossy", action="store_true", help="leave out what the format cannot hold, and list it"
    )
    parser.add_argument(
        "--b-factor",
        type=float,
        metavar="B",
        help="with '--to mrc': sharpen with this B factor, A^2, negative; default: fitted",
    )
    parser.add_argument(
        "--report",
        nargs="?",
        const=ON_SCREEN,
        metavar="FILE",
        help="list every column and node with its verdict; '--report=FILE' writes it, as JSON "
        "if FILE ends in .json",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be written")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Collect, check, write, and say what became of every file."""
    from pathlib import Path

    from mgit.cli.render.exported_files import show_files
    from mgit.curate.export import exported_files, lost_terms
    from mgit.curate.export_files import place_files
    from mgit.curate.export_report import counts, report_document, write_report

    revision, target = _revision_and_target(arguments.words)
    repository = open_repository(arguments)
    commit = _commit(repository, revision, target)
    files = exported_files(
        repository.snapshot(commit.id),
        form=arguments.form,
        species=arguments.species,
        sources=arguments.source,
        lossy=arguments.lossy,
        b_factor_angstrom2=arguments.b_factor,
    )
    if not arguments.dry_run:
        with console.progress("writing", total=len(files), unit="files") as bar:
            place_files(files, Path(target), advance=bar.advance)
    facts = report_document(files, revision=commit.id)
    if arguments.report not in (None, ON_SCREEN):
        write_report(arguments.report, files, revision=commit.id)
    show_files(console, files, every_field=arguments.report == ON_SCREEN)
    verb = "dry run: would write" if arguments.dry_run else "wrote"
    done = ", ".join(f"{count} {verdict}" for verdict, count in counts(files).items() if count)
    noun = "file" if len(files) == 1 else "files"
    console.out(f"{verb} {len(files)} {noun} of {commit.id[:10]} to {target}")
    console.out(f"  values: {done}")
    for file in files:
        for line in lost_terms(file.report):
            console.warning(f"{file.path}: {line.field} is left out ({line.count} values)")
    if arguments.species and not arguments.source and arguments.form in WITH_SERIES:
        console.warning(
            "only species were asked for: the deformation and optics that their poses belong to "
            "are not written; '--source NAME' adds them"
        )
    console.json({**facts, "directory": target, "dry_run": bool(arguments.dry_run)})
    return ExitCode.OK


def _revision_and_target(words: "Sequence[str]") -> tuple[str, str]:
    if len(words) == 1 and words[0] not in ("HEAD", "@"):
        return "HEAD", words[0]
    if len(words) != WORDS_MAX:
        shown = " ".join(words)
        raise InvalidInput(
            "one directory is needed", words=shown, hint="run 'mgit export [REV] DIR'"
        )
    return words[0], words[1]


def _commit(repository: "Repository", revision: str, target: str) -> "CommitRecord":
    try:
        return repository.commit(revision)
    except NotFound as error:
        if error.hint is None:
            error.hint = f"'mgit export [REV] DIR': the directory comes last, here '{target}'"
        raise
