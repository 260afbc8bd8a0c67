"""Maps of a species as MRC files with their pixel size."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mgit.curate.export_files import ExportedFile
from mgit.errors import InvalidState
from mgit.exchange.report import FieldReport
from mgit.state.species import Species

__all__ = ["map_files"]

FILE_NAMES = {
    "half_map_1": "half1",
    "half_map_2": "half2",
    "mask": "mask",
    "reference": "reference",
}
MEAN_MAP = "mean_map"


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


def _file(species: Species, path: str, role: str, label: str) -> ExportedFile:
    first = "half_map_1" if role == MEAN_MAP else role
    voxels = int(np.prod(species.map(first).shape))
    line = FieldReport(document=path, field="(voxels)", verdict="added", count=voxels)
    return ExportedFile(
        path=path,
        owner=f"species {species.name}",
        save=_saver(species, role, label),
        role=role,
        report=(line,),
    )


def _saver(species: Species, role: str, label: str) -> Callable[[Path], None]:
    def save(place: Path) -> None:
        from mgit.exchange.mrc import write_volume

        if role == MEAN_MAP:
            halves = [species.map(name).read() for name in ("half_map_1", "half_map_2")]
            values = (halves[0] + halves[1]) / np.float32(2)
        else:
            values = species.map(role).read()
        pixel = species.number("pixel_size_angstrom")
        assert pixel is not None
        write_volume(place, values, pixel_size_angstrom=pixel, label=label)

    return save
