"""Time of all views of a tilt series and of their derivatives: `python -m benchmarks.geometry`.

Target: 1,000 particles x 41 tilts, value and gradient, in under 30 ms on one core.
"""

import argparse
import statistics
import time

import numpy as np
import torch

from mgit.geometry.poses import ParticlePoses
from mgit.geometry.series_geometry import SeriesGeometry, series_geometry
from mgit.geometry.tilt_series import TiltSeriesModel, tilt_series_model

VOLUME, IMAGE = (4000.0, 5700.0, 1000.0), (5760.0, 4092.0)
TARGET_MS = 30.0


def series(rng: np.random.Generator, tilts: int, *, volume_warp: bool) -> SeriesGeometry:
    arrays = {
        "tilt_angle": np.linspace(-60, 60, tilts),
        "axis_angle": np.full(tilts, -85.6),
        "exposure": 3.0 * rng.permutation(tilts),
        "defocus": np.full(tilts, 28000.0),
        **{f"image_warp_{axis}": rng.normal(size=(tilts, 4, 6)) for axis in "xy"},
        **{f"stage_angle_{axis}": rng.normal(size=(tilts, 1, 1)) for axis in "xyz"},
    }
    if volume_warp:
        arrays |= {f"volume_warp_{axis}": rng.normal(size=(4, 2, 4, 4)) for axis in "xyz"}
    attributes = {
        "pixel_size_angstrom": "1",
        "image_dimensions_angstrom": IMAGE,
        "volume_dimensions_angstrom": VOLUME,
    }
    return series_geometry("simulated", "tilt_series", arrays=arrays, attributes=attributes)


def measure(model: TiltSeriesModel, rounds: int) -> tuple[float, float]:
    """Median CPU milliseconds of the value and of the value with all derivatives."""
    # Rotation vectors move orientations; the angles they turn stay.
    parameters = {
        name: value.clone().requires_grad_()
        for name, value in model.start.items()
        if name != "angles"
    }
    views = model.views(parameters)
    outputs = (views.position, views.rotation, views.defocus)
    weights = [torch.randn_like(each) for each in outputs]
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for gradient, record in times.items():
            start = time.process_time()
            views = model.views(parameters)
            if gradient:
                outputs = (views.position, views.rotation, views.defocus)
                torch.autograd.grad(outputs, list(parameters.values()), weights, allow_unused=True)
            record.append(1e3 * (time.process_time() - start))
    return statistics.median(times[False]), statistics.median(times[True])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=1000)
    parser.add_argument("--tilts", type=int, default=41)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    print(f"{arguments.particles} particles x {arguments.tilts} tilts, one core, float64")
    for samples, volume_warp in ((1, False), (1, True), (3, True)):
        position = rng.uniform(0.1, 0.9, (arguments.particles, samples, 3)) * VOLUME
        angles = rng.uniform(-90, 90, (arguments.particles, samples, 3))
        geometry = series(rng, arguments.tilts, volume_warp=volume_warp)
        start = time.perf_counter()
        model = tilt_series_model(geometry, ParticlePoses(position=position, angles=angles))
        built = 1e3 * (time.perf_counter() - start)
        value, gradient = measure(model, arguments.rounds)
        warp = "image and volume warp" if volume_warp else "image warp"
        print(
            f"{warp}, {samples} control points: build {built:.0f} ms, value {value:.1f} ms, "
            f"value and gradient {gradient:.1f} ms (target {TARGET_MS:g} ms)"
        )


if __name__ == "__main__":
    main()
