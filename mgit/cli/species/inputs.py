"""Options that say which maps, tables and curves to read, shared by the verbs of species."""

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from mgit.cli.console import Console
    from mgit.curate.particle_files import ParticleFiles
    from mgit.curate.particle_intake import ItemVolumes
    from mgit.curate.particle_update import UpdateChoices
    from mgit.curate.species_facts import SpeciesFacts
    from mgit.curate.species_maps import SpeciesMaps
    from mgit.exchange.records import ParticleTable
    from mgit.exchange.relion_postprocess import PostprocessCurves
    from mgit.state.protocol import Reader, Writer
    from mgit.state.species import Species

__all__ = [
    "choices_of",
    "fact_options",
    "facts_of",
    "inputs_of",
    "map_options",
    "match_options",
    "origin_of",
    "path_of",
    "read_curves",
    "read_given_maps",
    "read_table",
    "settings_of",
    "source_and_table",
    "table_files",
    "table_options",
    "tell",
    "tell_misses",
    "volumes_of",
]


def map_options(parser: "argparse.ArgumentParser") -> None:
    """Add the options that name maps and curves."""
    maps = parser.add_argument_group("maps")
    maps.add_argument("--half1", metavar="MRC", help="unfiltered half-map 1")
    maps.add_argument("--half2", metavar="MRC", help="unfiltered half-map 2")
    maps.add_argument("--reference", metavar="MRC", help="one map where there are no half-maps")
    maps.add_argument("--mask", metavar="MRC", help="refinement mask")
    maps.add_argument(
        "--mirror-map",
        action="store_true",
        help="mirror the maps along z: they have the other hand",
    )
    maps.add_argument(
        "--map-pixel-size", type=float, metavar="A", help="of the maps, if their headers are wrong"
    )
    maps.add_argument("--fsc", metavar="STAR", help="RELION's postprocess.star of the half-maps")


def table_options(
    parser: "argparse.ArgumentParser", *, flag: str = "--particles", required: bool = True
) -> None:
    """Add the options that say where particles come from; `flag` names the table."""
    group = parser.add_argument_group("particles")
    group.add_argument(
        flag,
        dest="particles",
        metavar="TABLE",
        required=required,
        help="table of RELION, WarpTools, M, STOPGAP or Dynamo, or an optimisation_set.star",
    )
    group.add_argument("--trajectories", metavar="STAR", help="RELION's motion.star for the table")
    group.add_argument(
        "--coordinate-pixel-size",
        "--pixel-size",
        type=float,
        metavar="A",
        help="pixels that the table's coordinates count",
    )
    group.add_argument("--project", metavar="DIR", help="the project that the table's paths are in")
    group.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="bind to this source only"
    )
    group.add_argument(
        "--ignore-unmatched", action="store_true", help="leave out particles of unknown series"
    )


def match_options(parser: "argparse.ArgumentParser") -> "argparse._ArgumentGroup":
    """Add the options that say how rows are matched to particles; returns their group."""
    group = parser.add_argument_group("matching")
    group.add_argument(
        "--match",
        choices=("auto", "id", "name", "position"),
        default="auto",
        help="by permanent id, by rlnTomoParticleName or by position; default: the first that fits",
    )
    group.add_argument(
        "--tolerance",
        type=float,
        metavar="A",
        help="largest distance for matching by position; default a quarter of the diameter",
    )
    return group


def choices_of(arguments: "argparse.Namespace") -> "UpdateChoices":
    """How rows are matched to particles, as the options of `match_options` say."""
    from mgit.curate.particle_update import UpdateChoices

    return UpdateChoices(
        match=arguments.match,
        tolerance_angstrom=arguments.tolerance,
        accept_half_set_changes=arguments.accept_half_set_changes,
        ignore_unmatched=arguments.ignore_unmatched,
    )


def fact_options(parser: "argparse.ArgumentParser", *, adding: bool) -> None:
    """Add the options that state facts about the particle."""
    group = parser.add_argument_group("the particle")
    group.add_argument("--diameter", type=float, required=adding, metavar="A", help="diameter")
    group.add_argument(
        "--symmetry",
        default="C1" if adding else None,
        metavar="GROUP",
        help="point group in RELION's notation" + ("; default C1" if adding else ""),
    )
    group.add_argument("--mass", type=float, metavar="KDA", help="molecular weight")
    group.add_argument(
        "--resolution", type=float, metavar="A", help="resolution to assume for the references"
    )
    group.add_argument("--helical-units", type=int, metavar="N", help="asymmetric units averaged")
    group.add_argument("--helical-twist", type=float, metavar="DEG", help="rotation per subunit")
    group.add_argument("--helical-rise", type=float, metavar="A", help="rise per subunit")
    group.add_argument("--helical-height", type=float, metavar="A", help="length that is averaged")
    group.add_argument(
        "--ewald",
        choices=("off", "on", "reverse"),
        help="curvature of the Ewald sphere; 'reverse' for the other hand",
    )
    group.add_argument(
        "--temporal-samples", type=int, metavar="T", help="poses per particle over the exposure"
    )


def facts_of(arguments: "argparse.Namespace") -> "SpeciesFacts":
    """The facts that the options of `fact_options` state."""
    from mgit.curate.species_facts import SpeciesFacts

    return SpeciesFacts(
        diameter_angstrom=arguments.diameter,
        symmetry=arguments.symmetry,
        molecular_weight_kilodalton=arguments.mass,
        resolution_override_angstrom=arguments.resolution,
        helical_units=arguments.helical_units,
        helical_twist_degree=arguments.helical_twist,
        helical_rise_angstrom=arguments.helical_rise,
        helical_height_angstrom=arguments.helical_height,
        ewald=None if arguments.ewald is None else arguments.ewald != "off",
        ewald_reverse=None if arguments.ewald is None else arguments.ewald != "reverse",
        parent=getattr(arguments, "parent", None),
        contacts=getattr(arguments, "contacts", None),
    )


def path_of(text: str | None) -> "Path | None":
    """A path, or None where the option is absent."""
    from pathlib import Path

    return Path(text) if text else None


def table_files(arguments: "argparse.Namespace") -> "ParticleFiles":
    """The table that `--particles` is or names. Raises NotFound and InvalidInput."""
    from pathlib import Path

    from mgit.curate.particle_files import find_particle_files

    return find_particle_files(
        Path(arguments.particles),
        trajectories=path_of(arguments.trajectories),
        project=path_of(arguments.project),
    )


def origin_of(arguments: "argparse.Namespace") -> str:
    """' from Polish/job030/optimisation_set.star': what was given as the particles, or nothing."""
    from mgit.curate.particle_files import document_path

    given = path_of(arguments.particles)
    if given is None:
        return ""
    return f" from {document_path(given, project=path_of(arguments.project))}"


def read_given_maps(
    arguments: "argparse.Namespace", files: "ParticleFiles | None" = None
) -> "SpeciesMaps":
    """The maps that are given, else those that the optimisation set names."""
    from mgit.curate.species_maps import MapFiles, read_maps

    half_1, half_2 = path_of(arguments.half1), path_of(arguments.half2)
    reference, mask = path_of(arguments.reference), path_of(arguments.mask)
    if files is not None:
        if half_1 is None and half_2 is None and reference is None:
            half_1, half_2 = files.half_map_1, files.half_map_2
        mask = mask or files.mask
    return read_maps(
        MapFiles(half_1=half_1, half_2=half_2, reference=reference, mask=mask),
        mirrored=arguments.mirror_map,
        pixel_size_angstrom=arguments.map_pixel_size,
    )


def read_curves(
    arguments: "argparse.Namespace", files: "ParticleFiles | None" = None
) -> "PostprocessCurves | None":
    """The curves that are given, else those that the optimisation set names."""
    from mgit.errors import NotFound
    from mgit.exchange.relion_postprocess import read_postprocess

    file = path_of(arguments.fsc) or (files.fsc if files is not None else None)
    if file is None:
        return None
    if not file.is_file():
        raise NotFound("no such file", file=file, field="--fsc")
    return read_postprocess(file.read_bytes(), path=str(file))


def volumes_of(
    arguments: "argparse.Namespace", reader: "Reader", *, species: "Species | None" = None
) -> "ItemVolumes":
    """The items that the table may belong to; where names are shared, those of `species` win."""
    from mgit.curate.particle_intake import ItemVolumes
    from mgit.state.strings import StringColumn

    items = species.particles.column("item") if species is not None else None
    preferred = items.dictionary if isinstance(items, StringColumn) else ()
    return ItemVolumes(reader, sources=arguments.source, preferred=preferred)


def read_table(
    arguments: "argparse.Namespace",
    files: "ParticleFiles",
    volumes: "ItemVolumes",
    *,
    species: "Species | None" = None,
) -> "ParticleTable":
    """The particle table, its coordinates in the pixels that an option says.

    Without the option they count what the coordinates of `species` counted, if the same program
    wrote them: WarpTools' export pixels, say, are no less meant in the table of a later round.
    """
    from mgit.curate.particle_files import read_particle_files

    def read(pixel_size: float | None) -> "ParticleTable":
        return read_particle_files(
            files, volumes=volumes.volumes(), coordinate_pixel_size_angstrom=pixel_size
        )

    given = arguments.coordinate_pixel_size
    known = species.number("coordinate_pixel_size_angstrom") if species is not None else None
    if given is not None or species is None or known is None:
        return read(given)
    table = read(known)
    programs = [
        str(record.get("format", "")).partition("_")[0]
        for record in (species.attributes, table.attributes)
    ]
    return table if programs[0] == programs[1] else read(None)


def source_and_table(
    arguments: "argparse.Namespace", files: "ParticleFiles", draft: "Writer"
) -> "tuple[ParticleTable, ItemVolumes]":
    """The particle table and the items it may belong to, after `--create-source` made some."""
    volumes = volumes_of(arguments, draft)
    table = read_table(arguments, files, volumes)
    if arguments.create_source:
        from mgit.curate.particle_source import create_source

        create_source(draft, arguments.create_source, table)
        arguments.source = [arguments.create_source]
        volumes = volumes_of(arguments, draft)
    return table, volumes


def inputs_of(maps: "SpeciesMaps | None", table: "ParticleTable | None") -> "tuple[str, ...]":
    """Digests of what came in, for the provenance."""
    from mgit.digest import RawDigest

    found = maps.digests if maps is not None else ()
    documents = (table.document, *table.companions) if table is not None else ()
    return (*found, *(str(RawDigest.of(each.content)) for each in documents))


def settings_of(arguments: "argparse.Namespace", names: "Sequence[str]") -> "dict[str, Any]":
    """The options of these names that are given, as provenance keeps them: files by name."""
    from pathlib import Path

    settings: dict[str, Any] = {}
    for name in names:
        value = getattr(arguments, name)
        if value is None or value is False or value == []:
            continue
        if name in FILES:
            value = Path(value).name
        settings[name] = repr(value) if isinstance(value, float) else value
    return settings


FILES = ("particles", "trajectories", "half1", "half2", "reference", "mask", "fsc")


def tell(console: "Console", *, warnings: "Sequence[str]", notes: "Sequence[str]") -> None:
    """Write warnings and notes below a result."""
    for note in notes:
        console.out(f"  note: {note}")
    for warning in warnings:
        console.warning(warning)


def tell_misses(console: "Console", unmatched: "Mapping[str, int]", outside_share: float) -> None:
    """Say how many rows belong to no series, and how many lie outside theirs."""
    if unmatched:
        rows = sum(unmatched.values())
        console.out(f"  left out: {rows} rows of {len(unmatched)} unknown series")
    if outside_share:
        console.warning(f"{outside_share:.1%} of the particles lie outside their volume")
