"""The import check as the verbs of species run it, with the other readings of a table."""

from mgit.cli.console import Console
from mgit.cli.import_check import ImportCheck, run_check

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    import numpy as np

    from mgit.curate.coordinate_rivals import CoordinateRival, SeriesRival
    from mgit.curate.particle_files import ParticleFiles
    from mgit.curate.particle_intake import ItemVolumes
    from mgit.exchange.records import ParticleTable
    from mgit.history.repository import Repository
    from mgit.state.protocol import Reader

__all__ = ["checked", "rivals_of"]


def checked(
    repository: "Repository",
    draft: "Reader",
    arguments: "argparse.Namespace",
    console: Console,
    *,
    files: "ParticleFiles | None",
    table: "ParticleTable | None",
    volumes: "ItemVolumes",
    touched: bool = True,
) -> ImportCheck:
    """Check the species of the command line in the draft, and refuse it when a rival wins.

    files, table, volumes: what its particles were just read from. touched: whether maps or
    particles are new.
    """
    rivals, series = rivals_of(arguments, files, table, volumes, draft)
    check = run_check(
        *(repository, draft, arguments, console),
        rivals=rivals,
        series=series,
        touched=touched,
    )
    check.refuse(console)
    return check


def rivals_of(
    arguments: "argparse.Namespace",
    files: "ParticleFiles | None",
    table: "ParticleTable | None",
    volumes: "ItemVolumes",
    draft: "Reader",
) -> "tuple[tuple[CoordinateRival, ...], SeriesRival | None]":
    """Readings of coordinates and of the series' pixels that the species in the draft did not get.

    None without a table, without the check, and where not all particles come from the table.
    """
    from mgit.curate.coordinate_rivals import coordinate_rivals, series_rival
    from mgit.curate.particle_files import read_particle_files
    from mgit.digest import RawDigest
    from mgit.state.population import Population

    if files is None or table is None or arguments.no_check:
        return (), None
    population = Population(draft)
    species = population.one_species(arguments.name)
    columns = species.particles.load()
    if columns.source_table.dictionary != (str(RawDigest.of(table.document.content)),):
        return (), None

    def reread(pixel_size: float) -> "np.ndarray":
        return read_particle_files(
            files, volumes=volumes.volumes(), coordinate_pixel_size_angstrom=pixel_size
        ).positions

    items = population.items_by_id()
    rivals = coordinate_rivals(
        columns,
        items,
        attributes=table.attributes,
        map_pixel=species.number("pixel_size_angstrom") if species.map_names() else None,
        reread=reread,
    )
    return rivals, series_rival(columns, items, table.attributes)
