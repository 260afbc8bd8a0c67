"""Which reader reads what the user names: foreign files to source records."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.records import SourceRecord

if TYPE_CHECKING:
    from mgit.exchange.relion_documents import OptimisationSet

__all__ = ["SourceFormat", "read_foreign_source"]

SourceFormat = Literal["warp", "relion", "m"]


def read_foreign_source(path: Path, *, form: SourceFormat) -> SourceRecord:
    """Read a source that another program described.

    warp: a processing directory or a `.settings` file. m: a `.source` file.
    relion: an optimisation set, a tomogram set, a micrograph table, a particle table with image
    stacks (a particle series), or a SerialEM `.mdoc`.

    Raises NotFound when the path does not exist, InvalidInput and Unsupported from the readers.
    """
    if not path.exists():
        raise NotFound("no such file or directory", file=path)
    if form == "warp":
        from mgit.exchange.warp_source import read_source

        return read_source(path)
    if path.is_dir():
        raise InvalidInput(
            "a directory is given where a file is expected",
            file=path,
            hint="name the file: a .star table, an .mdoc or a .source",
        )
    if form == "m":
        from mgit.exchange.m_source import load_source

        return load_source(path)
    if path.suffix == ".mdoc":
        from mgit.exchange.mdoc import read_mdoc

        return read_mdoc(path.read_bytes(), path=path.name)
    return _read_relion(path)


def _read_relion(path: Path) -> SourceRecord:
    from mgit.exchange.relion_documents import (
        is_optimisation_set,
        project_loader,
        read_optimisation_set,
    )
    from mgit.exchange.relion_tomograms import read_tomograms
    from mgit.exchange.star import parse_star

    content = path.read_bytes()
    load = project_loader(str(path))
    if is_optimisation_set(content, path=str(path)):
        return _read_set(read_optimisation_set(content, path=str(path)), path, load)
    document = parse_star(content, name=str(path))
    if "micrographs" in document:
        from mgit.exchange.relion_micrographs import read_micrographs

        return read_micrographs(content, path=path.name, load=load)
    if "particles" in document:
        from mgit.exchange.relion_particle_series import read_particle_series

        return read_particle_series(content, path=path.name)
    return read_tomograms(content, path=path.name, load=load)


def _read_set(named: "OptimisationSet", path: Path, load: Callable[[str], bytes]) -> SourceRecord:
    """The tomograms of an optimisation set, or its particle images where no tilt images exist."""
    from mgit.exchange.relion_tomograms import read_tomograms

    if named.tomograms is None:
        raise InvalidInput(
            "the optimisation set names no tomograms",
            file=path,
            field="rlnTomoTomogramsFile",
            hint="give the tomogram set itself",
        )
    tomograms = read_tomograms(load(named.tomograms), path=named.tomograms, load=load)
    if named.particles is None or any(series.raw for series in tomograms.series):
        return tomograms
    from mgit.exchange.relion_particle_series import read_particle_series

    return read_particle_series(load(named.particles), path=named.particles, tomograms=tomograms)
