"""Six iterations of realistic state, written as plain files (docs/benchmarks.md, "The workload").

At scale 1 the six iterations hold 418 MB that differ from the iteration before: two half-maps of
192^3 float32 each, 8 of 20 particle columns of 50,000 rows, 120 of 200 items of 30 KB, and a
network of 5 MB. The same seed, scale and numpy version give the same bytes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHANGING_COLUMNS",
    "FIXED_COLUMNS",
    "ITEM_ARRAYS",
    "ONE_ITEM",
    "Workload",
    "changed_paths",
    "item_arrays",
    "item_path",
    "network_arrays",
    "write_workload",
]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

TILTS = 41
ITEM_ARRAYS: Mapping[str, tuple[int, ...]] = {
    "tilt_angle": (TILTS,),
    "axis_angle": (TILTS,),
    "axis_offset_x": (TILTS,),
    "axis_offset_y": (TILTS,),
    "exposure": (TILTS,),
    "defocus": (TILTS,),
    "defocus_delta": (TILTS,),
    "defocus_angle": (TILTS,),
    "image_warp_x": (TILTS, 5, 5),
    "image_warp_y": (TILTS, 5, 5),
    "volume_warp_x": (4, 2, 5, 5),
    "volume_warp_y": (4, 2, 5, 5),
    "volume_warp_z": (4, 2, 5, 5),
    "stage_angle_x": (TILTS, 2, 3),
    "stage_angle_y": (TILTS, 2, 3),
    "stage_angle_z": (TILTS, 2, 3),
    "zernike_odd": (12,),
    "zernike_even": (8,),
    "magnification": (2, 2),
}
"""Arrays of one item in the order of its file: 3,740 float64, 29.9 KB."""

NEVER_REFINED = frozenset({"tilt_angle", "exposure"})
CHANGING_COLUMNS = ("x", "y", "z", "rot", "tilt", "psi", "score", "weight")
FIXED_COLUMNS = (
    "detector_x",
    "detector_y",
    "magnification",
    "voltage",
    "optics_group",
    "half_set",
    "defocus_u",
    "defocus_v",
    "origin_x",
    "origin_y",
    "origin_z",
    "class",
)
NETWORK_LAYERS = 20
ITERATIONS = 6
ONE_ITEM = ITERATIONS
"""Index of the step after the last iteration, in which a single item changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Sizes of the generated state.

    box_px: edge of both half-maps. solvent: 'sphere' (zero outside 0.45 box, as a solvent mask
    leaves it) or 'none' (noise up to the corners).
    """

    seed: int = 20261122
    box_px: int = 192
    particle_count: int = 50_000
    item_count: int = 200
    network_size: int = 1_250_000
    solvent: str = "sphere"

    @classmethod
    def of_scale(cls, scale: float, *, solvent: str = "sphere") -> Self:
        """The workload with every size multiplied by `scale`; the box keeps its voxels in step."""
        return cls(
            box_px=2 * round(96 * scale ** (1 / 3)),
            particle_count=round(50_000 * scale),
            item_count=max(2, round(200 * scale)),
            network_size=NETWORK_LAYERS * round(1_250_000 * scale / NETWORK_LAYERS),
            solvent=solvent,
        )

    def record(self) -> dict[str, object]:
        """The sizes as a JSON record."""
        return asdict(self)


def item_path(index: int) -> str:
    """Path of item `index` below an iteration."""
    return f"items/series_{index:04d}.npy"


def item_arrays(values: Float64) -> Iterator[tuple[str, Float64]]:
    """Cut the vector of one item file into its named arrays."""
    start = 0
    for name, shape in ITEM_ARRAYS.items():
        stop = start + int(np.prod(shape))
        yield name, values[start:stop].reshape(shape)
        start = stop


def network_arrays(values: Float32) -> Iterator[tuple[str, Float32]]:
    """Cut the network's weights into layers of equal size."""
    for index, layer in enumerate(values.reshape(NETWORK_LAYERS, -1)):
        yield f"layer_{index:02d}.weight", layer


def write_workload(workload: Workload, directory: Path) -> int:
    """Write iterations 0..5 and the one-item step below `directory`; return the bytes written.

    Folder `k` holds only the files that differ from iteration k - 1, and `changed.json` lists them.
    """
    rng = np.random.default_rng(workload.seed)
    maps = _half_maps(workload, rng)
    columns = _Columns(workload, rng)
    items = _Items(workload, rng)
    network = 0.05 * rng.standard_normal(workload.network_size)
    total = 0
    for iteration in range(ITERATIONS):
        files: dict[str, Float32 | Float64] = {}
        for half, volume in enumerate(next(maps), start=1):
            files[f"species/half_map_{half}.npy"] = volume
        files.update(columns.step(iteration))
        files.update(items.step(iteration))
        network += 0.002 * rng.standard_normal(workload.network_size)
        files["species/network.npy"] = network.astype(np.float32)
        total += _write_iteration(directory / str(iteration), files)
    _write_iteration(directory / str(ONE_ITEM), items.one())
    return total


def changed_paths(directory: Path, iteration: int) -> list[str]:
    """Paths that iteration `iteration` of a written workload changes, sorted."""
    listed: list[str] = json.loads((directory / str(iteration) / "changed.json").read_text())
    return listed


def _write_iteration(directory: Path, files: Mapping[str, NDArray[np.generic]]) -> int:
    for path, values in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, values)
    (directory / "changed.json").write_text(json.dumps(sorted(files)))
    return sum((directory / path).stat().st_size for path in files)


def _half_maps(workload: Workload, rng: np.random.Generator) -> Iterator[list[Float32]]:
    """Half-maps of successive iterations: one signal, independent noise that slowly decorrelates.

    Signal amplitude falls with a B factor of 80 A^2 at 1.5 A per pixel, noise is white as in an
    unfiltered reconstruction, and both meet at about 0.7 of Nyquist.
    """
    box = workload.box_px
    mask = _solvent_mask(box) if workload.solvent == "sphere" else np.ones((), np.float32)
    signal = _shaped(rng.standard_normal((box,) * 3), b_factor_px2=80.0 / 1.5**2)
    noise = [rng.standard_normal((box,) * 3) for _ in range(2)]
    while True:
        yield [(mask * (signal + part)).astype(np.float32) for part in noise]
        noise = [0.9 * part + 0.436 * rng.standard_normal(part.shape) for part in noise]


def _shaped(white: Float64, *, b_factor_px2: float) -> Float64:
    """White noise with amplitudes exp(-B s^2 / 4), scaled to 1 at s = 0.35 per pixel."""
    box = white.shape[0]
    full, half = np.fft.fftfreq(box) ** 2, np.fft.rfftfreq(box) ** 2
    s2 = full[:, None, None] + full[None, :, None] + half
    envelope = np.exp(-b_factor_px2 / 4 * (s2 - 0.35**2))
    result: Float64 = np.fft.irfftn(np.fft.rfftn(white) * envelope, s=white.shape, axes=(0, 1, 2))
    return result


def _solvent_mask(box: int) -> Float32:
    """1 inside a sphere of radius 0.45 box less 5 px, cosine edge, exactly 0 outside."""
    axis = np.arange(box) - box // 2
    radius = np.sqrt(sum(part.astype(float) ** 2 for part in np.meshgrid(axis, axis, axis)))
    edge = np.clip((0.45 * box - radius) / 5.0, 0.0, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * edge)).astype(np.float32)


class _Columns:
    """Twenty float64 columns; the eight of CHANGING_COLUMNS move a little in every iteration."""

    def __init__(self, workload: Workload, rng: np.random.Generator) -> None:
        count = workload.particle_count
        self._rng = rng
        self._moving = {name: rng.uniform(-180, 180, count) for name in CHANGING_COLUMNS}
        as_read = [np.round(rng.uniform(0, 4000, count), 3) for _ in range(2)]
        defocus = np.round(rng.uniform(15_000, 45_000, count), 1)
        constant = [np.full(count, 1.35), np.full(count, 300.0)]
        coded = [rng.integers(1, 9, count).astype(float), rng.integers(1, 3, count).astype(float)]
        origins = [np.round(rng.normal(0, 2, count), 6) for _ in range(3)]
        values = [*as_read, *constant, *coded, defocus, defocus - 150.0, *origins, np.ones(count)]
        self._fixed = dict(zip(FIXED_COLUMNS, values, strict=True))

    def step(self, iteration: int) -> dict[str, Float64]:
        if iteration:
            for values in self._moving.values():
                values += self._rng.normal(0, 0.1, values.size)
        # Refined poses are computed in single precision by most programs, then kept as float64.
        current = {n: v.astype(np.float32).astype(float) for n, v in self._moving.items()}
        if not iteration:
            current.update(self._fixed)
        return {f"species/columns/{name}.npy": values for name, values in current.items()}


class _Items:
    """Deformation and imaging grids; three fifths of the items change in every iteration."""

    def __init__(self, workload: Workload, rng: np.random.Generator) -> None:
        self._rng = rng
        size = sum(int(np.prod(shape)) for shape in ITEM_ARRAYS.values())
        self._values = rng.normal(0, 2, (workload.item_count, size))
        names = [np.full(shape, n in NEVER_REFINED).ravel() for n, shape in ITEM_ARRAYS.items()]
        self._free = ~np.concatenate(names)

    def step(self, iteration: int) -> dict[str, Float64]:
        count = len(self._values)
        if not iteration:
            return {item_path(index): self._values[index] for index in range(count)}
        chosen = self._rng.choice(count, size=round(0.6 * count), replace=False)
        return {item_path(int(index)): self._moved(int(index)) for index in np.sort(chosen)}

    def one(self) -> dict[str, Float64]:
        return {item_path(1): self._moved(1)}

    def _moved(self, index: int) -> Float64:
        self._values[index] += self._free * self._rng.normal(0, 0.05, self._free.size)
        values: Float64 = self._values[index]
        return values.copy()
