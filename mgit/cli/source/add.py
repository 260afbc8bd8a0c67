"""`mgit source add`: import a data source."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.curate.intake import SourceFormat
    from mgit.curate.sources import SourceAdded
    from mgit.exchange.records import SourceRecord

__all__ = [
    "DESCRIPTION",
    "HELP",
    "chosen_format",
    "chosen_path",
    "configure",
    "read_chosen",
    "run",
    "source_options",
]

HELP = "import a data source: series, deformation, imaging, raw digests"
DESCRIPTION = """Import a data source from the metadata of another program.

Every document is kept whole, and every field that changes what is measured in
the images is applied; a term that mgit cannot apply is refused by name. Raw data
need not be here: series without them are 'unbound' and can be linked later.

examples:
  mgit source add apo --warp warp_tiltseries.settings
  mgit source add hiv --relion Polish/job030/optimisation_set.star
  mgit source add hiv --relion Polish/job030/tomograms.star --raw /data/hiv
  mgit source add old --m population/apo.source
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="what the source shall be called")
    source_options(parser)
    parser.add_argument("--raw", metavar="DIR", help="where this machine keeps the raw data")
    parser.add_argument(
        "--full", action="store_true", help="digest raw files completely now, not only quickly"
    )
    change_options(parser)


def source_options(parser: "argparse.ArgumentParser") -> None:
    """Add the options that say which program's metadata to read."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument(
        "--warp", metavar="DIR|SETTINGS", help="Warp processing directory or settings"
    )
    group.add_argument("--relion", metavar="STAR", help="RELION tomograms, optimisation set, ...")
    group.add_argument("--m", metavar="FILE", help="M's .source file")
    parser.add_argument("--project", metavar="DIR", help="RELION's project directory, if not above")
    parser.add_argument(
        "--skip-missing", action="store_true", help="leave out series whose table is missing"
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read, write, commit, and say what came in."""
    from pathlib import Path

    from mgit.curate.provenance import provenance
    from mgit.curate.raw_access import RawAccess
    from mgit.curate.sources import add_source

    repository = open_repository(arguments)
    form, file = chosen_format(arguments)
    record = read_chosen(arguments)
    access = RawAccess(repository, arguments.name)
    with begin(repository, arguments, verb="source add") as transaction:
        directory = Path(arguments.raw) if arguments.raw else None
        with console.progress("digesting raw files", unit="B") as bar:
            digest_of = access.digests(
                record.series, directory=directory, complete=arguments.full, advance=bar.advance
            )
        report = add_source(transaction.draft, arguments.name, record, digest_of=digest_of)
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Add source {report.name}: {report.items} {_kind(report)}",
            provenance=provenance(
                {"name": arguments.name, "format": form, "file": Path(file).name}
            ),
        )
    if directory is not None and not arguments.dry_run:
        access.remember(directory)
    _render(report, console)
    console.json({**facts, "source": report.name, "items": report.items, "notes": report.notes})
    return ExitCode.OK


def read_chosen(arguments: "argparse.Namespace") -> "SourceRecord":
    """Read what the command line names. Raises NotFound, InvalidInput and Unsupported."""
    from pathlib import Path

    from mgit.curate.intake import read_foreign_source

    form, file = chosen_format(arguments)
    return read_foreign_source(
        Path(file),
        form=form,
        project=Path(arguments.project) if arguments.project else None,
        missing="skip" if arguments.skip_missing else "refuse",
    )


def chosen_format(arguments: "argparse.Namespace") -> "tuple[SourceFormat, str]":
    """The format that was chosen and the path given with it."""
    if arguments.warp:
        return "warp", arguments.warp
    if arguments.relion:
        return "relion", arguments.relion
    return "m", arguments.m


def chosen_path(arguments: "argparse.Namespace") -> str:
    """Where the given file stands in its project, e.g. 'CtfRefine/job027/tomograms.star'."""
    from pathlib import Path

    from mgit.curate.particle_files import document_path

    project = Path(arguments.project) if arguments.project else None
    return document_path(Path(chosen_format(arguments)[1]), project=project)


def _kind(report: "SourceAdded") -> str:
    return report.kind.replace("_", " ")


def _render(report: "SourceAdded", console: Console) -> None:
    console.out(f"  {report.items} {_kind(report)}, {report.tilts} images")
    known = ", ".join(f"{count} {name}" for name, count in report.bindings.items() if count)
    console.out(f"  raw data: {known}")
    for note in report.notes:
        console.out(f"  note: {note}")
    if report.bindings.get("unbound"):
        console.note(f"next: 'mgit source link {report.name} DIR' binds the raw data")
