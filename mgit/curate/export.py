"""What an export holds: which documents, tables and maps of a revision, for which program."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite
from typing import Literal, TypeVar

from mgit.curate.export_documents import MOTIVE_ROLES, PARTICLE_ROLES, source_documents
from mgit.curate.export_files import ExportedFile, apart, document_file
from mgit.curate.export_maps import filtered_map_files
from mgit.curate.export_particles import ITEMS, particle_documents
from mgit.errors import Refused, Unsupported
from mgit.exchange.report import FieldReport
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.source import Source
from mgit.state.species import Species

__all__ = ["FORMATS", "ExportFormat", "exported_files", "lost_terms"]

ExportFormat = Literal["original", "mrc", "star", "relion", "warp", "m"]
FORMATS: tuple[ExportFormat, ...] = ("original", "mrc", "star", "relion", "warp", "m")
CHOSEN_AWAY = ("(row)", "(tilt)")
"""What is dropped because it was removed, excluded or taken out of use: no loss."""
COMMENT = "written by mgit"
TABLE_ROLES = (*PARTICLE_ROLES, *MOTIVE_ROLES)
T = TypeVar("T")


def exported_files(
    reader: Reader,
    *,
    form: ExportFormat = "original",
    species: Sequence[str] = (),
    sources: Sequence[str] = (),
    lossy: bool = False,
    b_factor_angstrom2: float | None = None,
) -> tuple[ExportedFile, ...]:
    """The files of an export, not yet written, with what became of every field.

    species, sources: names; everything when both are empty, else only what is named.
    b_factor_angstrom2: to sharpen maps of the format 'mrc' with; None fits one per species.

    Raises NotFound for unknown names, Refused when there is nothing to write or to sharpen, and
    Unsupported, naming the first, for terms that the format cannot hold, unless `lossy`.
    """
    if b_factor_angstrom2 is not None and form != "mrc":
        raise Refused(
            "a B factor sharpens the maps of one format only",
            format=form,
            hint="add '--to mrc', or leave out '--b-factor'",
        )
    if b_factor_angstrom2 is not None and not isfinite(b_factor_angstrom2):
        raise Refused("a B factor is a finite number", field="--b-factor")
    population = Population(reader)
    chosen_species = _chosen(species, population.one_species, population.species(), sources)
    chosen_sources = _chosen(sources, population.source, population.sources(), species)
    items = population.items_by_id()
    if form == "mrc":
        made = _mrc(chosen_species, b_factor_angstrom2)
    else:
        made = _BY_FORMAT[form](reader, chosen_sources, chosen_species, items)
    files = apart(_without_superseded(made))
    if not files:
        raise Refused(
            "there is nothing to export in this format",
            format=form,
            hint=_hint(form),
        )
    if not lossy:
        _refuse_losses(files, form)
    return files


def lost_terms(report: Iterable[FieldReport]) -> tuple[FieldReport, ...]:
    """The lines about terms that act on the images and that the format could not hold."""
    return tuple(
        line
        for line in report
        if line.verdict == "dropped"
        and line.field.rpartition("/")[2].startswith("(")
        and line.field.rpartition("/")[2] not in CHOSEN_AWAY
    )


def _chosen(
    names: Sequence[str], find: Callable[[str], T], everything: Sequence[T], others: Sequence[str]
) -> Sequence[T]:
    if names:
        return [find(name) for name in dict.fromkeys(names)]
    return () if others else everything


def _without_superseded(files: Iterable[ExportedFile]) -> Iterator[ExportedFile]:
    """Leave out a source's copy of a particle table that a species writes with current poses."""
    made = list(files)
    current = {
        file.path for file in made if file.role in TABLE_ROLES and file.owner.startswith("species ")
    }
    for file in made:
        copy = file.owner.startswith("source ") and file.role in TABLE_ROLES
        if not (copy and file.path in current):
            yield file


def _refuse_losses(files: Sequence[ExportedFile], form: str) -> None:
    for file in files:
        for line in lost_terms(file.report):
            raise Unsupported(
                "the format cannot hold a term that is not zero",
                term=line.field.rpartition("/")[2].strip("()"),
                file=file.path,
                values=line.count,
                format=form,
                hint="'--lossy' leaves such terms out and lists them",
            )


def _hint(form: ExportFormat) -> str:
    if form == "mrc":
        return "no species that was chosen has maps"
    return "add a source or a species first, or choose another format with '--to'"


def _original(
    reader: Reader, sources: Sequence[Source], species: Sequence[Species], items: ITEMS
) -> Iterator[ExportedFile]:
    for source in sources:
        for document in source_documents(reader, source):
            yield document_file(document, owner=f"source {source.name}")
    for each in species:
        yield from _tables(reader, each, items, every_document=True)


def _tables(
    reader: Reader, species: Species, items: ITEMS, *, every_document: bool
) -> Iterator[ExportedFile]:
    for document in particle_documents(reader, species, items, roles=TABLE_ROLES, comment=COMMENT):
        if every_document or document.role in TABLE_ROLES:
            yield document_file(document, owner=f"species {species.name}")


def _star(
    reader: Reader, _sources: Sequence[Source], species: Sequence[Species], items: ITEMS
) -> Iterator[ExportedFile]:
    for each in species:
        yield from _tables(reader, each, items, every_document=False)


def _mrc(species: Sequence[Species], b_factor_angstrom2: float | None) -> Iterator[ExportedFile]:
    for each in species:
        yield from filtered_map_files(each, label=COMMENT, b_factor_angstrom2=b_factor_angstrom2)


def _relion(
    reader: Reader, sources: Sequence[Source], species: Sequence[Species], items: ITEMS
) -> Iterator[ExportedFile]:
    from mgit.curate.export_relion import relion_files

    return relion_files(reader, sources, species, items, comment=COMMENT)


def _warp(
    reader: Reader, sources: Sequence[Source], species: Sequence[Species], items: ITEMS
) -> Iterator[ExportedFile]:
    from mgit.curate.export_warp import warp_files

    for source in sources:
        yield from warp_files(reader, source, directory="")
    for each in species:
        yield from _tables(reader, each, items, every_document=False)


def _m(
    reader: Reader, sources: Sequence[Source], species: Sequence[Species], items: ITEMS
) -> Iterator[ExportedFile]:
    from mgit.curate.export_m import m_files

    name = Population(reader).name
    return m_files(reader, sources, species, items, population=name, comment=COMMENT)


_Maker = Callable[[Reader, Sequence[Source], Sequence[Species], ITEMS], Iterator[ExportedFile]]
_BY_FORMAT: dict[ExportFormat, _Maker] = {
    "original": _original,
    "star": _star,
    "relion": _relion,
    "warp": _warp,
    "m": _m,
}
