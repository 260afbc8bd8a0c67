"""`mgit species add`: import a species."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.cli.import_check import check_options
from mgit.cli.species.checked import checked
from mgit.cli.species.inputs import (
    fact_options,
    facts_of,
    inputs_of,
    map_options,
    read_curves,
    read_given_maps,
    settings_of,
    source_and_table,
    table_files,
    table_options,
    tell,
    tell_misses,
)

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.curate.species import SpeciesAdded

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "import a species: half-maps, mask, particles"
DESCRIPTION = """Import a species: its maps and its particles.

Particles are bound to the series of the population by name; M's tables also by
data hash, STOPGAP's and Dynamo's by tomogram number. Their ids are permanent:
whoever imports the same table gets the same ids. Half-sets come from the table;
a table without them needs --new-split. Without maps the species waits for a
reconstruction. An optimisation_set.star leads to its table, trajectories,
half-maps, mask and FSC; what is given beside it wins.

Where maps are given and the raw data are linked, a sample of the particles is
reconstructed and compared with the maps: hands, pixel size, sign of the depth,
coordinates. A rival that wins clearly stops the import and names the option that
takes it in (docs/howto/import_check.md); --no-check leaves the check out.

A table whose images have no metadata here can bring its own source:
--create-source makes one of the series that the table names, without geometry,
optics or raw data.

examples:
  mgit species add ribosome --half1 half1.mrc --half2 half2.mrc --mask mask.mrc \\
      --particles run_data.star --diameter 320 --fsc PostProcess/job033/postprocess.star
  mgit species add capsid --particles Refine3D/job023/run_optimisation_set.star \\
      --diameter 230 --symmetry C6
  mgit species add apo --reference apo.mrc --particles matching.star --diameter 130 \\
      --symmetry O --coordinate-pixel-size 4 --new-split
  mgit species add spike --particles motl.star --coordinate-pixel-size 8 --diameter 150
  mgit species add channel --particles particles.star --diameter 120 --create-source spa
"""
RECORDED = (
    *("name", "particles", "trajectories", "half1", "half2", "reference", "mask", "fsc"),
    *("mirror_map", "new_split", "coordinate_pixel_size", "create_source", "source"),
    *("ignore_unmatched", "temporal_samples", "map_pixel_size", "no_check"),
)


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="what the species shall be called")
    map_options(parser)
    table_options(parser)
    group = parser.add_argument_group("more about particles")
    group.add_argument(
        "--new-split", action="store_true", help="make new half-sets, alternating in file order"
    )
    group.add_argument(
        "--create-source", metavar="NAME", help="make a source of the series that the table names"
    )
    fact_options(parser, adding=True)
    check_options(parser)
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read, bind, write, commit, and say what came in."""
    from dataclasses import asdict

    from mgit.curate.provenance import provenance
    from mgit.curate.species import add_species
    from mgit.curate.species_facts import attributes_of_facts

    repository = open_repository(arguments)
    stated = attributes_of_facts(facts_of(arguments)).items()
    attributes = {name: value for name, value in stated if value is not None}
    files = table_files(arguments)
    maps, curves = read_given_maps(arguments, files), read_curves(arguments, files)
    with begin(repository, arguments, verb="species add") as transaction:
        table, volumes = source_and_table(arguments, files, transaction.draft)
        report = add_species(
            transaction.draft,
            arguments.name,
            table=table,
            volumes=volumes,
            maps=maps,
            attributes=attributes,
            curves=curves,
            temporal_samples=arguments.temporal_samples,
            new_split=arguments.new_split,
            neighbour_radius_angstrom=arguments.diameter / 2,
            ignore_unmatched=arguments.ignore_unmatched,
        )
        check = checked(
            *(repository, transaction.draft, arguments, console),
            files=files,
            table=table,
            volumes=volumes,
        )
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Add species {report.name}: {report.particles} particles",
            provenance=provenance(
                settings_of(arguments, RECORDED),
                inputs=inputs_of(maps, table),
                metrics=check.metrics,
            ),
        )
    _render(report, console)
    check.render(console)
    tell(console, warnings=report.warnings, notes=(*files.notes, *report.notes))
    console.json({**facts, "species": report.name, **asdict(report), "import_check": check.record})
    return ExitCode.OK


def _render(report: "SpeciesAdded", console: Console) -> None:
    console.out(
        f"  {report.particles} particles in {report.items} series, "
        f"half-sets {report.half_sets[0]} + {report.half_sets[1]}"
    )
    if report.maps:
        console.out(f"  maps: {', '.join(report.maps)}")
    if report.resolution_angstrom is not None:
        console.out(f"  resolution {report.resolution_angstrom:.2f} A, as postprocess.star says")
    if not report.has_density:
        console.out("  no half-maps: the species waits for a reconstruction")
    tell_misses(console, report.unmatched, report.outside_share)
