"""Which reader reads what the user names: foreign files to source records."""

from pathlib import Path
from typing import Literal

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.records import SourceRecord

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
            hint="name the file: tomograms.star, optimisation_set.star, micrographs.star or .source",
        )
    if form == "m":
        from mgit.exchange.m_source import read_m_source

        return read_m_source(path)
    return _read_relion(path)


def _read_relion(path: Path) -> SourceRecord:
    from mgit.exchange.relion_documents import (
        is_optimisation_set,
        project_loader,
        read_optimisation_set,
    )
    from mgit.exchange.relion_tomograms import read_tomograms

    content = path.read_bytes()
    load = project_loader(str(path))
    shown = path.name
    if is_optimisation_set(content, path=str(path)):
        named = read_optimisation_set(content, path=str(path)).tomograms
        if named is None:
            raise InvalidInput(
                "the optimisation set names no tomograms",
                file=path,
                field="rlnTomoTomogramsFile",
                hint="give the tomogram set itself",
            )
        content, shown = load(named), named
    return read_tomograms(content, path=shown, load=load)
