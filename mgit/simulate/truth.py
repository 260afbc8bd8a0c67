"""The truth of a simulated experiment as one JSON document, and back.

Keys: `format`, `settings`, `signal_scale` (density to noise units), `molecule` (centres, widths,
weights), `series` (canonical arrays, nested lists), `particles` (columns in row order of the
written particle table) and `views`: per series, for each tilt and particle, the projected position
in angstrom from the image's corner and the defocus in angstrom. Views follow from the rest; they
stand there for readers that have no forward model.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgit.errors import InvalidInput, NotFound
from mgit.simulate.experiment import Particles
from mgit.simulate.forward import Geometry, Views, join_views, views
from mgit.simulate.molecule import Molecule
from mgit.simulate.settings import Settings

__all__ = ["Truth", "read_truth", "views_of"]

FORMAT = "mgit simulation truth 1"
DIGITS = 6
"""Decimals of projected positions and defocus; parameters keep all their digits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What was simulated."""

    settings: Settings
    molecule: Molecule
    series: tuple[Geometry, ...]
    particles: Particles
    signal_scale: float

    def views(self) -> Views:
        """All particles in all tilts, series by series."""
        return views_of(self.series, self.particles)

    def density(self) -> np.ndarray:
        """The molecule on the grid of the box, `(z, y, x)` float32."""
        pixel = self.settings.pixel_size_angstrom
        return self.molecule.density(self.settings.box_px, pixel_size_angstrom=pixel)

    def to_json(self) -> bytes:
        """The document."""
        record = {
            "format": FORMAT,
            "settings": {
                name: _spelt(value) if isinstance(value, float) else value
                for name, value in asdict(self.settings).items()
            },
            "signal_scale": self.signal_scale,
            "molecule": {
                name: getattr(self.molecule, name).tolist()
                for name in ("centres", "widths", "weights")
            },
            "series": [_series_record(each) for each in self.series],
            "particles": {
                "name": self.particles.names(self.series),
                "series": self.particles.series.tolist(),
                "position": self.particles.positions.tolist(),
                "angles": self.particles.angles.tolist(),
                "half_set": self.particles.half_set.tolist(),
            },
            "views": self._view_records(),
        }
        return json.dumps(record, separators=(",", ":"), allow_nan=False).encode()

    def _view_records(self) -> list[dict[str, Any]]:
        records = []
        for at, geometry in enumerate(self.series):
            rows = np.flatnonzero(self.particles.series == at)
            seen = _series_views(geometry, self.particles, rows)
            shape = (geometry.tilts, len(rows))
            records.append(
                {
                    "series": geometry.name,
                    "rows": rows.tolist(),
                    "xy_angstrom": seen.xy.reshape(*shape, 2).round(DIGITS).tolist(),
                    "defocus_angstrom": seen.defocus.reshape(shape).round(DIGITS).tolist(),
                }
            )
        return records


def views_of(series: tuple[Geometry, ...], particles: Particles) -> Views:
    """All particles in all tilts of their series, series by series."""
    return join_views(
        [
            _series_views(geometry, particles, np.flatnonzero(particles.series == at))
            for at, geometry in enumerate(series)
        ]
    )


def _series_views(geometry: Geometry, particles: Particles, rows: np.ndarray) -> Views:
    positions, angles = particles.positions[rows, None], particles.angles[rows, None]
    return views(geometry, positions, angles, rows=rows)


def _spelt(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)  # JSON has no infinity


def _series_record(geometry: Geometry) -> dict[str, Any]:
    return {
        "name": geometry.name,
        "hand": geometry.hand,
        "image_angstrom": list(geometry.image),
        "volume_angstrom": list(geometry.volume),
        "arrays": {name: values.tolist() for name, values in sorted(geometry.arrays.items())},
    }


def read_truth(path: Path) -> Truth:
    """Read a document. Raises NotFound, or InvalidInput if it is no truth of a simulation."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound("the truth does not exist", file=path) from error
    try:
        record = json.loads(content)
        if not isinstance(record, dict) or record["format"] != FORMAT:
            raise InvalidInput("the file is no truth of a simulation", file=path, field="format")
        return _parse(record)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            "the file is no truth of a simulation",
            file=path,
            hint="give the truth.json that 'mgit simulate' wrote",
        ) from error


def _parse(record: Mapping[str, Any]) -> Truth:
    molecule = {name: np.array(values) for name, values in record["molecule"].items()}
    table = record["particles"]
    settings = dict(record["settings"])
    settings["snr"] = float(settings["snr"])
    return Truth(
        settings=Settings(**settings),
        molecule=Molecule(**molecule),
        series=tuple(_parse_series(each) for each in record["series"]),
        particles=Particles(
            series=np.array(table["series"]),
            positions=np.array(table["position"], dtype=np.float64).reshape(-1, 3),
            angles=np.array(table["angles"], dtype=np.float64).reshape(-1, 3),
            half_set=np.array(table["half_set"], dtype=np.uint8),
        ),
        signal_scale=float(record["signal_scale"]),
    )


def _parse_series(record: Mapping[str, Any]) -> Geometry:
    width, height = record["image_angstrom"]
    x, y, z = record["volume_angstrom"]
    return Geometry(
        name=record["name"],
        hand=record["hand"],
        image=(width, height),
        volume=(x, y, z),
        arrays={name: np.array(values) for name, values in record["arrays"].items()},
    )
