"""Maps of a species as MRC files with their pixel size."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mgit.curate.export_files import ExportedFile
from mgit.curate.map_filters import mean_map, prepared_filter
from mgit.errors import InvalidInput, InvalidState, Unsupported
from mgit.exchange.report import FieldReport
from mgit.state.species import Species

TYPE_CHECKING = False  # The module imports scipy, which state control does without.
if TYPE_CHECKING:
    from mgit.curate.filtered_maps import PreparedFilter

__all__ = ["filtered_map_files", "map_files"]

FILE_NAMES = {
    "half_map_1": "half1",
    "half_map_2": "half2",
    "mask": "mask",
    "reference": "reference",
}
MEAN_MAP = "mean_map"
FILTERED, SHARPENED = "filtered", "sharpened"
LABEL_MAX = 80
"""Characters of a label of an MRC header."""


def map_files(species: Species, *, directory: str, label: str) -> Iterator[ExportedFile]:
    """Half-maps, their mean, mask and reference below `directory`; nothing without maps.

    Each map is read when its file is written. Raises InvalidState if the species has maps but no
    pixel size.
    """
    names = species.map_names()
    pixel = species.number("pixel_size_angstrom")
    if names and pixel is None:
        raise InvalidState("the species has maps and no pixel size", species=species.name)
    for name in names:
        yield _file(species, f"{directory}{species.name}_{FILE_NAMES[name]}.mrc", name, label)
    if "half_map_1" in names:
        yield _file(species, f"{directory}{species.name}.mrc", MEAN_MAP, label)


def filtered_map_files(
    species: Species, *, label: str, b_factor_angstrom2: float | None
) -> Iterator[ExportedFile]:
    """What `map_files` gives, and the mean map filtered and sharpened.

    b_factor_angstrom2: to sharpen with; None fits one. Where maps cannot be filtered, or not
    sharpened, the note of the file before says why.

    Raises what `map_files` raises; with a B factor also what prevents the filtering.
    """
    for file in map_files(species, directory="", label=label):
        if file.role != MEAN_MAP:
            yield file
            continue
        try:
            found = prepared_filter(species, b_factor_angstrom2=b_factor_angstrom2)
        except (InvalidInput, InvalidState, Unsupported) as error:
            if b_factor_angstrom2 is not None:
                raise
            hint = f" ({error.hint})" if error.hint else ""
            yield file.noted(f"not filtered: {error.message}{hint}")
            continue
        yield file
        yield from _filtered_files(species, found, label)


def _filtered_files(
    species: Species, found: "PreparedFilter", label: str
) -> Iterator[ExportedFile]:
    def filtered() -> np.ndarray:
        return found.filtered(mean_map(species))

    def sharpened() -> np.ndarray:
        return found.sharpened(mean_map(species))

    said, more = found.description, found.sharpening_description
    if found.b_factor is None:
        said = f"{said}; {more}"
    path = f"{species.name}_{FILTERED}.mrc"
    yield _derived(species, path, FILTERED, filtered, (label, found.description, said))
    if found.b_factor is not None:
        path = f"{species.name}_{SHARPENED}.mrc"
        yield _derived(species, path, SHARPENED, sharpened, (label, f"{said}, {more}", more))


def _derived(
    species: Species,
    path: str,
    role: str,
    values: Callable[[], np.ndarray],
    texts: tuple[str, str, str],
) -> ExportedFile:
    """texts: who wrote it, what was done as the header says it, and as the list of files does."""
    label, done, note = texts
    header = f"{label}; {done}"[:LABEL_MAX]
    return ExportedFile(
        path=path,
        owner=f"species {species.name}",
        save=_saver(species, values, header),
        role=role,
        report=(_voxels(species, "half_map_1", path),),
        note=note,
    )


def _file(species: Species, path: str, role: str, label: str) -> ExportedFile:
    def values() -> np.ndarray:
        return mean_map(species) if role == MEAN_MAP else species.map(role).read()

    return ExportedFile(
        path=path,
        owner=f"species {species.name}",
        save=_saver(species, values, label),
        role=role,
        report=(_voxels(species, "half_map_1" if role == MEAN_MAP else role, path),),
    )


def _voxels(species: Species, name: str, path: str) -> FieldReport:
    voxels = int(np.prod(species.map(name).shape))
    return FieldReport(document=path, field="(voxels)", verdict="added", count=voxels)


def _saver(
    species: Species, values: Callable[[], np.ndarray], label: str
) -> Callable[[Path], None]:
    def save(place: Path) -> None:
        from mgit.exchange.mrc import write_volume

        pixel = species.number("pixel_size_angstrom")
        assert pixel is not None
        write_volume(place, values(), pixel_size_angstrom=pixel, label=label)

    return save
