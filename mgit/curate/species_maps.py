"""Maps of a species as users give them: read, compared with each other, mirrored on demand."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from mgit.errors import InvalidInput, NotFound
from mgit.state.protocol import Writer
from mgit.state.schema import decimal
from mgit.state.species import Species, read_species, set_maps, update_species_attributes

__all__ = ["MapFiles", "SpeciesMaps", "check_fit", "read_maps", "replace_maps"]

PIXEL_SIZE_AGREEMENT = 1e-3
"""Relative difference at which two files' pixel sizes are taken as different."""
TEXT_BYTES = 256
OPTIONS = {
    "half_1": "--half1",
    "half_2": "--half2",
    "reference": "--reference",
    "mask": "--mask",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFiles:
    """The map files that the user names; half-maps or one reference, or none of them."""

    half_1: Path | None = None
    half_2: Path | None = None
    reference: Path | None = None
    mask: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeciesMaps:
    """Maps as they were read: equal cubes `(z, y, x)` float32 at one pixel size."""

    half_maps: tuple[np.ndarray, np.ndarray] | None = None
    reference: np.ndarray | None = None
    mask: np.ndarray | None = None
    pixel_size_angstrom: float | None = None
    digests: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def has_density(self) -> bool:
        """Whether there are half-maps or a reference; a mask alone is none."""
        return self.half_maps is not None or self.reference is not None

    @property
    def names(self) -> tuple[str, ...]:
        """What was read, in the user's words."""
        parts = {
            "half-maps": self.half_maps,
            "reference": self.reference,
            "mask": self.mask,
        }
        return tuple(name for name, values in parts.items() if values is not None)


def read_maps(
    files: MapFiles, *, mirrored: bool = False, pixel_size_angstrom: float | None = None
) -> SpeciesMaps:
    """Read the maps that are given.

    mirrored: mirror them along z, the mask too: for a map of the other hand.
    pixel_size_angstrom: of all of them, where their headers are wrong.

    Raises NotFound, and InvalidInput when only one half-map is given, both halves and a reference
    are, both half-maps are the same, sizes or pixel sizes differ, or a file is no cubic map of
    finite values.
    """
    from mgit.exchange.mrc import read_volume

    named = _named(files)
    if not named:
        return SpeciesMaps()
    images = {name: read_volume(file, cubic=True) for name, file in named.items()}
    first = next(iter(images))
    size, pixel = images[first].header.shape, images[first].header.pixel_size_angstrom
    assert pixel is not None
    for name, image in images.items():
        other = image.header.pixel_size_angstrom
        assert other is not None
        if image.header.shape != size or abs(other - pixel) > PIXEL_SIZE_AGREEMENT * pixel:
            raise InvalidInput(
                "the maps differ in size or pixel size",
                file=named[name],
                found=f"{image.header.shape[0]} px at {other} A",
                expected=f"{size[0]} px at {pixel} A as {named[first].name}",
                hint="bring all maps and the mask to one box and one pixel size",
            )
    values = {name: _turned(image.values, mirrored=mirrored) for name, image in images.items()}
    halves = None
    if "half_1" in values:
        halves = (values["half_1"], values["half_2"])
        _check_halves(halves, named["half_2"])
    return SpeciesMaps(
        half_maps=halves,
        reference=values.get("reference"),
        mask=values.get("mask"),
        pixel_size_angstrom=_checked_size(pixel_size_angstrom) or pixel,
        digests=tuple(_file_digest(file) for file in named.values()),
        warnings=_mask_warnings(values.get("mask"), named.get("mask")),
    )


def _checked_size(size: float | None) -> float | None:
    if size is not None and not 0 < size < float("inf"):
        raise InvalidInput("a pixel size is not positive", field="--map-pixel-size", value=size)
    return size


def _named(files: MapFiles) -> dict[str, Path]:
    if (files.half_1 is None) != (files.half_2 is None):
        raise InvalidInput(
            "only one half-map is given", hint="give both with '--half1' and '--half2'"
        )
    if files.half_1 is not None and files.reference is not None:
        raise InvalidInput(
            "half-maps and a reference are given", hint="a reference stands in for half-maps"
        )
    named = {}
    for each in fields(MapFiles):
        file = getattr(files, each.name)
        if file is not None:
            _refuse_text(file, OPTIONS[each.name])
            named[each.name] = file
    return named


def _refuse_text(file: Path, option: str) -> None:
    """A table given as a map deserves a better word than 'no MRC header'."""
    if not file.is_file():
        raise NotFound("no such file", file=file, field=option)
    with file.open("rb") as stream:
        head = stream.read(TEXT_BYTES)
    if head and all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head):
        raise InvalidInput(
            "a text file is given where a map is expected",
            file=file,
            field=option,
            hint="maps are MRC files; a particle table is given with '--particles'",
        )


def _turned(values: np.ndarray, *, mirrored: bool) -> np.ndarray:
    if not mirrored:
        return values
    from mgit.curate.migrations import mirror_map

    return mirror_map(values)


def _check_halves(halves: tuple[np.ndarray, np.ndarray], second: Path) -> None:
    if np.array_equal(*halves):
        raise InvalidInput(
            "both half-maps are the same map",
            file=second,
            field="--half2",
            hint="half-maps come from different particles; one map is a '--reference'",
        )


def _mask_warnings(mask: np.ndarray | None, file: Path | None) -> tuple[str, ...]:
    if mask is None or file is None:
        return ()
    low, high = float(mask.min()), float(mask.max())
    if low >= -1e-3 and high <= 1 + 1e-3:
        return ()
    return (f"the mask '{file.name}' has values from {low:.3g} to {high:.3g}, not 0 to 1",)


def _file_digest(file: Path) -> str:
    from mgit.curate.raw_digests import digest_file

    digest = digest_file(file, complete=True).full
    assert digest is not None
    return digest


def check_fit(species: Species, maps: SpeciesMaps) -> None:
    """Maps that stay must fit those that come. Raises InvalidInput before anything is written."""
    given = maps.half_maps[0] if maps.half_maps else maps.reference
    given = maps.mask if given is None else given
    stays = [
        name
        for name in species.map_names()
        if (name == "mask" and maps.mask is None) or (name != "mask" and not maps.has_density)
    ]
    if given is None or not stays:
        return
    box = species.map(stays[0]).shape[0]
    pixel = species.number("pixel_size_angstrom")
    if given.shape[0] != box or _differ(pixel, maps.pixel_size_angstrom):
        raise InvalidInput(
            f"the new maps do not fit the {stays[0].replace('_', ' ')} that stays",
            species=species.name,
            given=f"{given.shape[0]} px at {maps.pixel_size_angstrom} A",
            present=f"{box} px at {pixel} A",
            hint="give half-maps and mask together when box or pixel size change",
        )


def _differ(a: float | None, b: float | None) -> bool:
    return a is not None and b is not None and abs(a - b) > PIXEL_SIZE_AGREEMENT * a


def replace_maps(writer: Writer, path: str, maps: SpeciesMaps) -> None:
    """Replace maps of the species at `path`; half-maps supersede a reference and vice versa."""
    gone: tuple[str, ...] = ()
    if maps.has_density:
        gone = ("reference",) if maps.half_maps else ("half_map_1", "half_map_2")
    if maps.has_density and maps.mask is not None:
        gone = ("half_map_1", "half_map_2", "reference", "mask")
    present = read_species(writer, path).map_names()
    for each in gone:
        if each in present:
            writer.remove(f"{path}/{each}")
    set_maps(writer, path, half_maps=maps.half_maps, reference=maps.reference, mask=maps.mask)
    if maps.has_density and maps.pixel_size_angstrom is not None:
        size = decimal(maps.pixel_size_angstrom)
        update_species_attributes(writer, path, {"pixel_size_angstrom": size})
