"""Any RELION document, or an mdoc, as a source record.

Signature for callers:

    read_relion_source(content, *, path, load, missing="refuse") -> SourceRecord

Told apart by content: an optimisation set, a tomogram set, a micrograph table, a particle table
with image stacks (a particle series), or a SerialEM `.mdoc`. An optimisation set whose tomograms
name no tilt images is a particle series; otherwise its tomograms are the source.
"""

from typing import Literal

from mgit.errors import InvalidInput
from mgit.exchange.mdoc import read_mdoc
from mgit.exchange.records import Document, SourceRecord
from mgit.exchange.relion_documents import OptimisationSet, read_optimisation_set
from mgit.exchange.relion_micrographs import read_micrographs
from mgit.exchange.relion_particle_series import read_particle_series
from mgit.exchange.relion_tomograms import Loader, read_tomograms
from mgit.exchange.star import parse_star

__all__ = ["read_relion_source"]

Missing = Literal["refuse", "skip"]


def read_relion_source(
    content: bytes, *, path: str, load: Loader, missing: Missing = "refuse"
) -> SourceRecord:
    """Read a RELION document of any kind, or an mdoc, as a data source.

    missing: what to do about series whose own table does not exist. Raises InvalidInput when the
    document describes no images.
    """
    if path.endswith(".mdoc"):
        return read_mdoc(content, path=path)
    document = parse_star(content, name=path)
    if any(True for _ in document.tables_with("rlnTomoTomogramsFile")):
        return _of_set(content, path=path, load=load, missing=missing)
    if any(True for _ in document.tables_with("rlnTomoName", "rlnTomoHand")):
        return read_tomograms(content, path=path, load=load, missing=missing)
    if any(True for _ in document.tables_with("rlnTomoName", "rlnTomoTiltSeriesStarFile")):
        return read_tomograms(content, path=path, load=load, missing=missing)
    if any(True for _ in document.tables_with("rlnImageName")):
        return read_particle_series(content, path=path)
    if any(True for _ in document.tables_with("rlnMicrographName")):
        return read_micrographs(content, path=path, load=load, missing=missing)
    raise InvalidInput(
        "the STAR file describes no tilt series, micrographs or particle images",
        hint="give tomograms.star, optimisation_set.star, corrected_micrographs.star or particles",
        file=path,
    )


def _of_set(content: bytes, *, path: str, load: Loader, missing: Missing) -> SourceRecord:
    named: OptimisationSet = read_optimisation_set(content, path=path)
    if named.tomograms is None:
        raise InvalidInput(
            "the optimisation set names no tomograms",
            hint="give the tomogram set itself",
            file=path,
            field="rlnTomoTomogramsFile",
        )
    own = Document(role="relion_optimisation_set", path=path, content=content)
    tomograms = read_tomograms(
        load(named.tomograms), path=named.tomograms, load=load, missing=missing
    )
    source = tomograms
    if named.particles is not None and not any(series.raw for series in tomograms.series):
        source = read_particle_series(
            load(named.particles), path=named.particles, tomograms=tomograms
        )
    return SourceRecord(
        kind=source.kind,
        attributes=source.attributes,
        series=source.series,
        documents=(own, *source.documents),
        notes=source.notes,
    )
