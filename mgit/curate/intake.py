"""Which reader reads what the user names: foreign files to source records."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.records import SourceRecord

__all__ = ["SourceFormat", "read_foreign_source"]

SourceFormat = Literal["warp", "relion", "m"]
OPTIMISATION_SET = "relion_optimisation_set"


def read_foreign_source(
    path: Path,
    *,
    form: SourceFormat,
    project: Path | None = None,
    missing: Literal["refuse", "skip"] = "refuse",
) -> SourceRecord:
    """Read a source that another program described.

    warp: a processing directory or a `.settings` file. m: a `.source` file.
    relion: an optimisation set, a tomogram set, a micrograph table, a particle table with image
    stacks (a particle series), a SerialEM `.mdoc`, or a directory with one `.mdoc` per movie of
    one tilt series.
    project: RELION's project directory where it is not above the file. missing: what to do with
    series whose own table is not there.

    Raises NotFound when the path does not exist, InvalidInput and Unsupported from the readers.
    """
    if not path.exists():
        raise NotFound("no such file or directory", file=path)
    if form == "warp":
        from mgit.exchange.warp_source import read_source

        return read_source(path)
    if path.is_dir():
        mdocs = sorted(path.glob("*.mdoc"))
        if form == "relion" and mdocs:
            from mgit.exchange.mdoc import read_frame_mdocs

            contents = {file.name: file.read_bytes() for file in mdocs}
            return read_frame_mdocs(contents, name=path.name)
        raise InvalidInput(
            "a directory is given where a file is expected",
            file=path,
            hint="name the file: a .star table, an .mdoc or a .source",
        )
    if form == "m":
        from mgit.exchange.m_source import load_source

        return load_source(path)
    return _read_relion(path, project=project, missing=missing)


def _read_relion(
    path: Path, *, project: Path | None, missing: Literal["refuse", "skip"]
) -> SourceRecord:
    from mgit.exchange.relion_documents import project_loader, project_path
    from mgit.exchange.relion_source import read_relion_source

    content = path.read_bytes()
    mdoc = path.suffix == ".mdoc"
    root = None if project is None else str(project)
    shown = path.name if mdoc else project_path(str(path), content=content, root=root)
    load = project_loader(str(path), root=root)
    record = read_relion_source(content, path=shown, load=load, missing=missing)
    # The first document defines the ids of series without one of their own; they must not depend
    # on whether an optimisation set pointed the way.
    ordered = sorted(record.documents, key=lambda each: each.role == OPTIMISATION_SET)
    notes = (*record.notes, *_cut_off(record))
    return replace(record, documents=tuple(ordered), notes=notes)


def _cut_off(record: SourceRecord) -> list[str]:
    """Tables that may have lost rows: one that ends within a row's last word still reads well."""
    documents = [*record.documents, *(each for one in record.series for each in one.documents)]
    return [
        f"'{each.path}' ends without a line end: it may be cut off"
        for each in documents
        if each.path.endswith(".star") and not each.content.endswith((b"\n", b"\r"))
    ]
