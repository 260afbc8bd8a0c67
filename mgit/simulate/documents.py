"""A simulated experiment as files of Warp and of RELION 5.

    images/TS_01_001.mrc ...             one image per tilt, dark particles
    tomograms.star, tilt_series/, particles.star, optimisation_set.star        RELION 5
    warp_tiltseries.settings, tomostar/, warp_tiltseries/TS_01.xml             Warp

Both describe one state. RELION's tables have no place for image warp, stage angles and volume warp;
a starting state has none of these.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mgit.exchange.records import GridValues
from mgit.exchange.relion_write import (
    WrittenParticles,
    WrittenSeries,
    write_optimisation_set,
    write_particles,
    write_tomograms,
)
from mgit.exchange.star_format import write_star
from mgit.exchange.warp_write import write_tilt_series
from mgit.simulate.experiment import Particles
from mgit.simulate.forward import Geometry
from mgit.simulate.settings import Settings

__all__ = ["COMMENT", "image_name", "particle_table", "relion_documents", "warp_documents"]

COMMENT = "simulated by mgit: not a measurement"
NO_MARGINS = {"margins": ["0", "0", "0"]}


def image_name(series: str, tilt: int) -> str:
    """File name of one tilt image."""
    return f"{series}_{tilt + 1:03d}.mrc"


def relion_documents(
    series: tuple[Geometry, ...], particles: Particles, settings: Settings
) -> dict[str, bytes]:
    """Tomogram set, tilt tables, particle table and optimisation set, by path."""
    written = _written(series, settings)
    files = write_tomograms(written, directory=".", comment=COMMENT).files
    named = {path.removeprefix("./"): content for path, content in files.items()}
    named["tomograms.star"] = named["tomograms.star"].replace(b"./tilt_series", b"tilt_series")
    named["particles.star"] = particle_table(series, particles, settings)
    named["optimisation_set.star"] = write_optimisation_set(
        particles="particles.star", tomograms="tomograms.star", comment=COMMENT
    )
    return named


def particle_table(series: tuple[Geometry, ...], particles: Particles, settings: Settings) -> bytes:
    """The particle table alone, in RELION 5's centred coordinates."""
    return write_particles(
        WrittenParticles(
            positions=particles.positions,
            angles=particles.angles,
            half_sets=particles.half_set,
            item_names=[series[at].name for at in particles.series],
            names=particles.names(series),
        ),
        items=_written(series, settings),
        comment=COMMENT,
    )


def _written(series: tuple[Geometry, ...], settings: Settings) -> dict[str, WrittenSeries]:
    return {
        each.name: WrittenSeries(
            arrays=each.arrays,
            attributes=_attributes(each, settings),
            image_names=[f"images/{image_name(each.name, at)}" for at in range(each.tilts)],
        )
        for each in series
    }


def _attributes(geometry: Geometry, settings: Settings) -> dict[str, Any]:
    return {
        "pixel_size_angstrom": repr(settings.pixel_size_angstrom),
        "voltage_kilovolt": repr(settings.voltage_kilovolt),
        "spherical_aberration_millimetre": repr(settings.spherical_aberration_millimetre),
        "amplitude_contrast": repr(settings.amplitude_contrast),
        "image_dimensions_angstrom": [repr(side) for side in geometry.image],
        "volume_dimensions_angstrom": [repr(side) for side in geometry.volume],
        "hand": geometry.hand,
    }


def warp_documents(series: tuple[Geometry, ...], settings: Settings) -> dict[str, bytes]:
    """Settings, and per series its .tomostar and XML, by path; the XML holds every array."""
    files = {"warp_tiltseries.settings": _settings_document(settings)}
    for each in series:
        movies = [f"../images/{image_name(each.name, at)}" for at in range(each.tilts)]
        files[f"tomostar/{each.name}.tomostar"] = _tomostar(each, movies)
        path = f"warp_tiltseries/{each.name}.xml"
        values = {**_attributes(each, settings), **dict(_grids(each.arrays))}
        files[path] = write_tilt_series(path, values, movies=movies).document.content
    return files


def _grids(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, GridValues]]:
    for name, values in arrays.items():
        attributes = NO_MARGINS if values.ndim > 1 else {}
        yield name, GridValues(values=values, attributes=attributes)


def _tomostar(geometry: Geometry, movies: list[str]) -> bytes:
    columns = {
        "wrpMovieName": movies,
        "wrpAngleTilt": [repr(float(angle)) for angle in geometry.arrays["tilt_angle"]],
        "wrpAxisAngle": [repr(float(angle)) for angle in geometry.arrays["axis_angle"]],
        "wrpDose": [repr(float(dose)) for dose in geometry.arrays["exposure"]],
    }
    return write_star([("", columns, True)], comment=COMMENT)


def _settings_document(settings: Settings) -> bytes:
    width, height, depth = settings.volume_px
    groups = {
        "Import": {
            "DataFolder": "tomostar",
            "ProcessingFolder": "warp_tiltseries",
            "Extension": "*.tomostar",
            "PixelSize": repr(settings.pixel_size_angstrom),
            "DosePerAngstromFrame": repr(-settings.exposure_per_tilt),
        },
        "Tomo": {
            "DimensionsX": str(width),
            "DimensionsY": str(height),
            "DimensionsZ": str(depth),
        },
    }
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<!-- {COMMENT} -->", "<Settings>"]
    for group, parameters in groups.items():
        lines.append(f"  <{group}>")
        lines += [f'    <Param Name="{k}" Value="{v}" />' for k, v in parameters.items()]
        lines.append(f"  </{group}>")
    return "\n".join([*lines, "</Settings>", ""]).encode()
