"""`mgit species add`: import a species."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.curate.species import SpeciesAdded

__all__ = ["DESCRIPTION", "HELP", "configure", "run", "table_options"]

HELP = "import a species: half-maps, mask, particles"
DESCRIPTION = """Import a species: its maps and its particles.

Particles are bound to the series of the population by name. Their ids are
permanent: whoever imports the same table gets the same ids. Half-sets come from
the table; a table without them needs --new-split. Without maps the species waits
for a reconstruction.

examples:
  mgit species add ribosome --half1 half1.mrc --half2 half2.mrc --mask mask.mrc \\
      --particles run_data.star --diameter 320
  mgit species add capsid --particles run_data.star --diameter 230 --symmetry C6
  mgit species add apo --reference apo.mrc --particles matching.star --diameter 130 \\
      --symmetry O --coordinate-pixel-size 4 --new-split
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="what the species shall be called")
    maps = parser.add_argument_group("maps")
    maps.add_argument("--half1", metavar="MRC", help="unfiltered half-map 1")
    maps.add_argument("--half2", metavar="MRC", help="unfiltered half-map 2")
    maps.add_argument("--reference", metavar="MRC", help="one map where there are no half-maps")
    maps.add_argument("--mask", metavar="MRC", help="refinement mask")
    table_options(parser)
    facts = parser.add_argument_group("the particle")
    facts.add_argument("--diameter", type=float, required=True, metavar="A", help="diameter")
    facts.add_argument("--symmetry", default="C1", metavar="GROUP", help="point group; default C1")
    facts.add_argument("--mass", type=float, metavar="KDA", help="molecular weight")
    facts.add_argument(
        "--new-split", action="store_true", help="make new half-sets, alternating in file order"
    )
    change_options(parser)


def table_options(parser: "argparse.ArgumentParser", *, required: bool = True) -> None:
    """Add the options that say where particles come from."""
    group = parser.add_argument_group("particles")
    group.add_argument("--particles", metavar="STAR", required=required, help="particle table")
    group.add_argument("--trajectories", metavar="STAR", help="RELION's motion.star for the table")
    group.add_argument(
        "--coordinate-pixel-size", type=float, metavar="A", help="pixels of the coordinates"
    )
    group.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="bind to this source only"
    )
    group.add_argument(
        "--ignore-unmatched", action="store_true", help="leave out particles of unknown series"
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read, bind, write, commit, and say what came in."""
    from pathlib import Path

    from mgit.curate.particle_intake import ItemVolumes, read_particle_table
    from mgit.curate.provenance import provenance
    from mgit.curate.species import MapFiles, add_species, read_maps

    repository = open_repository(arguments)
    given = {
        role: Path(file) if file else None
        for role, file in (
            ("half_1", arguments.half1),
            ("half_2", arguments.half2),
            ("reference", arguments.reference),
            ("mask", arguments.mask),
        )
    }
    maps = read_maps(MapFiles(**given))
    with begin(repository, arguments, verb="species add") as transaction:
        volumes = ItemVolumes(transaction.draft, sources=arguments.source)
        table = read_particle_table(
            Path(arguments.particles),
            volumes=volumes.volumes(),
            coordinate_pixel_size_angstrom=arguments.coordinate_pixel_size,
            trajectories=Path(arguments.trajectories) if arguments.trajectories else None,
        )
        report = add_species(
            transaction.draft,
            arguments.name,
            table=table,
            volumes=volumes,
            maps=maps,
            attributes=_attributes(arguments),
            new_split=arguments.new_split,
            neighbour_radius_angstrom=arguments.diameter / 2,
            ignore_unmatched=arguments.ignore_unmatched,
        )
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Add species {report.name}: {report.particles} particles",
            provenance=provenance(_settings(arguments), inputs=maps.digests),
        )
    _render(report, console)
    console.json({**facts, "species": report.name, "particles": report.particles})
    return ExitCode.OK


def _attributes(arguments: "argparse.Namespace") -> "dict[str, object]":
    from mgit.state.schema import decimal

    attributes: dict[str, object] = {
        "diameter_angstrom": decimal(arguments.diameter),
        "symmetry": arguments.symmetry.upper(),
    }
    if arguments.mass is not None:
        attributes["molecular_weight_kilodalton"] = decimal(arguments.mass)
    return attributes


def _settings(arguments: "argparse.Namespace") -> "dict[str, object]":
    from pathlib import Path

    settings: dict[str, object] = {
        "name": arguments.name,
        "particles": Path(arguments.particles).name,
        "new_split": bool(arguments.new_split),
    }
    if arguments.coordinate_pixel_size is not None:
        settings["coordinate_pixel_size_angstrom"] = repr(arguments.coordinate_pixel_size)
    return settings


def _render(report: "SpeciesAdded", console: Console) -> None:
    console.out(
        f"  {report.particles} particles in {report.items} series, "
        f"half-sets {report.half_sets[0]} + {report.half_sets[1]}"
    )
    if report.unmatched:
        left_out = sum(report.unmatched.values())
        console.out(f"  left out: {left_out} particles of {len(report.unmatched)} unknown series")
    if report.outside_share:
        console.warning(f"{report.outside_share:.1%} of the particles lie outside their volume")
    if not report.has_maps:
        console.out("  no maps: the species waits for a reconstruction")
    for note in report.notes:
        console.out(f"  note: {note}")
