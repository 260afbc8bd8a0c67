"""`mgit species particles`: add particles to a species or remove them."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.cli.species.inputs import (
    inputs_of,
    match_options,
    read_table,
    settings_of,
    table_files,
    table_options,
    tell,
    tell_misses,
    volumes_of,
)

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.curate.particle_changes import ParticlesChanged
    from mgit.curate.particle_intake import ItemVolumes
    from mgit.exchange.records import ParticleTable
    from mgit.state.protocol import Writer

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "add particles to a species or remove them"
DESCRIPTION = """Add particles to a species or remove them.

add: the rows of the table become new particles. Rows that stand within
--min-distance of a particle of the species, or of an earlier row, are dropped and
counted. A new particle within one diameter of an old one joins its half-set;
the others keep the table's, or are split anew where it has none.

remove: the particles that the rows of the table are leave the species. Rows are
matched by permanent id, by rlnTomoParticleName or by position; rows that are no
particle of the species are counted.

Either way the species waits for a reconstruction.

examples:
  mgit species particles add capsid --star Extract/job040/particles.star
  mgit species particles add apo --star new_picks.star --min-distance 90
  mgit species particles remove capsid --star Select/job041/rejected.star
"""
RECORDED = (
    *("action", "name", "particles", "trajectories", "coordinate_pixel_size", "source"),
    *("ignore_unmatched", "min_distance", "match", "tolerance"),
)


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("action", choices=("add", "remove"), help="what to do")
    parser.add_argument("name", metavar="NAME", help="the species")
    table_options(parser, flag="--star")
    group = match_options(parser)
    group.add_argument(
        "--min-distance",
        type=float,
        metavar="A",
        help="add: smallest distance to other particles; default half the diameter",
    )
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read, add or remove, commit, and say what happened."""
    from dataclasses import asdict

    from mgit.curate.provenance import provenance
    from mgit.state.population import Population

    repository = open_repository(arguments)
    files = table_files(arguments)
    with begin(repository, arguments, verb=f"species particles {arguments.action}") as transaction:
        species = Population(transaction.draft).one_species(arguments.name)
        volumes = volumes_of(arguments, transaction.draft, species=species)
        table = read_table(arguments, files, volumes, species=species)
        report = _change(arguments, table, volumes, transaction.draft)
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=_message(report),
            provenance=provenance(settings_of(arguments, RECORDED), inputs=inputs_of(None, table)),
        )
    _render(report, console)
    tell(console, warnings=(), notes=(*files.notes, *report.notes))
    console.json({**facts, "species": report.name, **asdict(report)})
    return ExitCode.OK


def _change(
    arguments: "argparse.Namespace",
    table: "ParticleTable",
    volumes: "ItemVolumes",
    draft: "Writer",
) -> "ParticlesChanged":
    from mgit.curate.particle_changes import add_particles, remove_particles

    if arguments.action == "add":
        return add_particles(
            draft,
            arguments.name,
            table=table,
            volumes=volumes,
            min_distance_angstrom=arguments.min_distance,
            ignore_unmatched=arguments.ignore_unmatched,
        )
    return remove_particles(
        draft,
        arguments.name,
        table=table,
        volumes=volumes,
        match=arguments.match,
        tolerance_angstrom=arguments.tolerance,
    )


def _message(report: "ParticlesChanged") -> str:
    if report.removed:
        return f"Remove {report.removed} particles from species {report.name}"
    return f"Add {report.added} particles to species {report.name}"


def _render(report: "ParticlesChanged", console: Console) -> None:
    if report.added:
        console.out(
            f"  {report.added} added, {report.too_close} dropped: closer than "
            f"{report.min_distance_angstrom:g} A to another particle"
        )
        console.out(f"  {report.after_neighbours} of them joined the half-set of a neighbour")
    else:
        console.out(f"  {report.removed} removed, matched by {report.matched_by}")
        console.out(f"  {report.unmatched_rows} rows are no particle of the species")
    console.out(
        f"  {report.particles} particles, half-sets {report.half_sets[0]} + {report.half_sets[1]}"
    )
    tell_misses(console, report.unmatched, report.outside_share)
    console.note("the species waits for a reconstruction from these particles")
