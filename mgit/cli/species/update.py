"""`mgit species update`: take the result of another program as the next state of a species."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.cli.import_check import check_options
from mgit.cli.species.checked import checked
from mgit.cli.species.inputs import (
    choices_of,
    inputs_of,
    map_options,
    match_options,
    origin_of,
    read_curves,
    read_given_maps,
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

    from mgit.curate.species_update import SpeciesUpdated

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "take the result of another program as the next state of a species"
DESCRIPTION = """Take the result of another program as the next state of a species.

Rows of the new table are matched to the particles of the species: by permanent
id where the table carries it, else by rlnTomoParticleName, else by position.
Matched particles keep their ids, rows that match none are new particles, and
particles that match no row are removed; all of it is reported. The new table
replaces the old one, so that an export gives it back byte for byte. Without new
maps the species waits for a reconstruction.

A particle must not change its half-set unnoticed: such a table is refused, unless
--accept-half-set-changes. A table without half-sets leaves them as they are.

examples:
  mgit species update capsid --particles Refine3D/job025/run_data.star \\
      --half1 run_half1_class001_unfil.mrc --half2 run_half2_class001_unfil.mrc
  mgit species update capsid --particles Polish/job030/optimisation_set.star
  mgit species update capsid --half1 half1.mrc --half2 half2.mrc \\
      --fsc PostProcess/job033/postprocess.star
  mgit species update apo --particles picks.star --match position --tolerance 20
"""
RECORDED = (
    *("name", "particles", "trajectories", "half1", "half2", "reference", "mask", "fsc"),
    *("mirror_map", "coordinate_pixel_size", "source", "ignore_unmatched", "match", "tolerance"),
    *("accept_half_set_changes", "map_pixel_size", "no_check"),
)


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the species")
    map_options(parser)
    table_options(parser, required=False)
    group = match_options(parser)
    group.add_argument(
        "--accept-half-set-changes", action="store_true", help="particles may change their half"
    )
    check_options(parser)
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read, match, commit, and say what moved."""
    from dataclasses import asdict

    from mgit.curate.provenance import provenance
    from mgit.curate.species_update import update_species
    from mgit.state.population import Population

    repository = open_repository(arguments)
    files = table_files(arguments) if arguments.particles else None
    maps, curves = read_given_maps(arguments, files), read_curves(arguments, files)
    with begin(repository, arguments, verb="species update") as transaction:
        species = Population(transaction.draft).one_species(arguments.name)
        volumes = volumes_of(arguments, transaction.draft, species=species)
        table = read_table(arguments, files, volumes, species=species) if files else None
        report = update_species(
            transaction.draft,
            arguments.name,
            table=table,
            volumes=volumes,
            maps=maps,
            curves=curves,
            choices=choices_of(arguments),
        )
        check = checked(
            *(repository, transaction.draft, arguments, console),
            files=files,
            table=table,
            volumes=volumes,
            touched=table is not None or maps.has_density,
        )
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Update species {report.name}{origin_of(arguments)}: {_summary(report)}",
            provenance=provenance(
                settings_of(arguments, RECORDED),
                inputs=inputs_of(maps, table),
                metrics=check.metrics,
            ),
        )
    _render(report, console)
    check.render(console)
    tell(console, warnings=report.warnings, notes=(*(files.notes if files else ()), *report.notes))
    console.json({**facts, "species": report.name, **asdict(report), "import_check": check.record})
    return ExitCode.OK


def _summary(report: "SpeciesUpdated") -> str:
    parts = []
    if report.matched_by is not None:
        parts += [f"{report.moved} of {report.matched} particles moved"]
        parts += [f"{report.added} added"] if report.added else []
        parts += [f"{report.removed} removed"] if report.removed else []
    parts += [f"new {name}" for name in report.maps]
    if report.resolution_angstrom is not None:
        parts.append(f"{report.resolution_angstrom:.2f} A")
    return ", ".join(parts)


def _render(report: "SpeciesUpdated", console: Console) -> None:
    if report.matched_by is not None:
        console.out(f"  {report.matched} particles matched by {report.matched_by}")
        shift, turn = report.median_shift_angstrom, report.median_rotation_degree
        median = f", in the median {shift:.2f} A and {turn:.2f} deg" if report.moved else ""
        console.out(f"  {report.moved} of them moved{median}")
        console.out(f"  {report.added} new, {report.removed} removed")
    console.out(
        f"  {report.particles} particles, half-sets {report.half_sets[0]} + {report.half_sets[1]}"
    )
    if report.half_set_changes:
        console.warning(f"{report.half_set_changes} particles changed their half-set")
    tell_misses(console, report.unmatched, report.outside_share)
    if report.needs_reconstruction:
        console.note("the species waits for a reconstruction from these particles")
