"""Reconstruction and FSC beside RELION 3.1 on one made-up stack, in one run, one thread each.

    python -m benchmarks.maps_vs_relion [--particles 5000] [--box 96] [--save]

A phantom of Gaussians is projected exactly, with astigmatic CTFs, shifts and white noise. Both
programs read the same stack from disk and write two half-maps. Reported: CPU seconds of each whole
process, FSC of each program's mean map to the truth shell by shell, and the FSC curves of the same
half-maps by both programs, random phases averaged over seeds.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import mrcfile
import numpy as np
from scipy import fft

from benchmarks.measure import CommandFailed, machine_facts, run
from kernels.backproject_cpu import accumulator, backproject, totals
from kernels.packing import pack, packing
from mgit.maps.fsc import (
    RANDOMISE_BELOW,
    corrected_curve,
    fourier_shell_correlation,
    half_map_fsc,
)
from mgit.maps.masks import soft_sphere
from mgit.maps.reconstruction import ReconstructionSettings, reconstruct

PIXEL_ANGSTROM = 2.0
KILOVOLT, CS_ANGSTROM, AMPLITUDE = 300.0, 2.7e7, 0.1
BATCH = 100
DIAMETER_SHARE = 0.6  # of the particle in its box, which a species states and ours may be told
EDGE = 2.8  # voxels, of a mask within that diameter; the phantom ends 3 deviations before it
PROGRAMS = ("ours", "told", "relion")  # told: the diameter
SUPPORT_DIAMETERS = 1.2  # of the sphere that `mgit reconstruct` fits on
QUANTUM = 2.0**-24
COLUMNS = (
    *("ImageName", "AngleRot", "AngleTilt", "AnglePsi", "OriginXAngst", "OriginYAngst"),
    *("DefocusU", "DefocusV", "DefocusAngle", "RandomSubset", "OpticsGroup"),
)


def phantom(box, seed):
    """Centres (n, 3), amplitudes and widths in voxels of a globular particle."""
    rng = np.random.default_rng(seed)
    count = 120
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centres = directions * box * 0.22 * rng.uniform(size=(count, 1)) ** (1 / 3)
    return centres, rng.uniform(0.5, 1.5, count), rng.uniform(0.9, 1.6, count)


def truth(box, seed):
    at = np.arange(box) - box // 2
    density = np.zeros((box,) * 3)
    for centre, amplitude, width in zip(*phantom(box, seed), strict=True):
        gx, gy, gz = (np.exp(-((at - c) ** 2) / (2 * width**2)) for c in centre)
        density += amplitude * gz[:, None, None] * gy[:, None] * gx
    return density.astype(np.float32)


def rotations(poses):
    """RELION's matrices, particle to image: Rz(-psi) Ry(-tilt) Rz(-rot)."""
    rot, tilt, psi = np.deg2rad(poses.T)

    def turn(angle, first, second):
        matrix = np.tile(np.eye(3), (len(angle), 1, 1))
        matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
        matrix[:, first, second], matrix[:, second, first] = -np.sin(angle), np.sin(angle)
        return matrix

    return turn(-psi, 0, 1) @ turn(-tilt, 2, 0) @ turn(-rot, 0, 1)


def ctf(kx, ky, defocus):
    """-sin(gamma) at frequencies in 1/angstrom, (n, samples), of (n, 3) U, V, angle."""
    volt = 1000 * KILOVOLT
    wavelength = 12.2643247 / np.sqrt(volt * (1 + 0.978466e-6 * volt))
    u, v, angle = (column[:, None] for column in defocus.T)
    # k^2 cos 2 (theta - angle) without an arctangent and a cosine per sample.
    square, across, along = kx * kx + ky * ky, kx * kx - ky * ky, 2 * kx * ky
    turn, half = 2 * np.deg2rad(angle), (u - v) / 2
    gamma = (u + v) / 2 * square
    gamma += half * np.cos(turn) * across
    gamma += half * np.sin(turn) * along
    gamma *= -np.pi * wavelength
    gamma += np.pi / 2 * CS_ANGSTROM * wavelength**3 * square**2 - np.arcsin(AMPLITUDE)
    return -np.sin(gamma)


def make_stack(folder, *, particles, box, noise, seed):
    """A stack and its table, as RELION 3.1 reads them."""
    rng = np.random.default_rng(seed)
    poses = np.stack(
        [
            rng.uniform(-180, 180, particles),
            np.rad2deg(np.arccos(rng.uniform(-1, 1, particles))),
            rng.uniform(-180, 180, particles),
        ],
        axis=1,
    )
    shifts = rng.normal(size=(particles, 2)) * 1.5
    low = rng.uniform(8000, 20000, particles)
    defocus = np.stack([low + 400, low, rng.uniform(0, 180, particles)], axis=1)
    kx, ky = np.arange(box // 2 + 1) / box, np.fft.fftfreq(box)[:, None]
    plane = np.stack(np.broadcast_arrays(kx, ky), -1).reshape(-1, 2)
    matrices, density = rotations(poses), phantom(box, seed)
    with mrcfile.new_mmap(
        folder / "stack.mrcs", shape=(particles, box, box), mrc_mode=2, overwrite=True
    ) as file:
        for n in range(particles):
            slices = np.fft.rfft2(np.fft.ifftshift(projected(density, matrices[n], box)))
            phases = np.exp(-2j * np.pi * (plane @ shifts[n]))
            ctfs = ctf(*(plane.T / PIXEL_ANGSTROM), defocus[n : n + 1])[0]
            image = slices * (ctfs * phases).reshape(slices.shape)
            clean = np.fft.fftshift(np.fft.irfft2(image, s=(box, box)))
            file.data[n] = clean + noise * rng.normal(size=clean.shape)
        file.voxel_size = PIXEL_ANGSTROM
    np.savez(folder / "poses.npz", poses=poses, shifts=shifts, defocus=defocus)
    write_table(folder, poses, -shifts * PIXEL_ANGSTROM, defocus, box)


def projected(density, matrix, box):
    """The phantom's sum along the beam: a Gaussian projects to a Gaussian."""
    centres, amplitudes, widths = density
    at = np.arange(box) - box // 2
    x, y = (centres @ matrix.T)[:, :2].T[..., None]
    gx, gy = (np.exp(-((at - c) ** 2) / (2 * widths[:, None] ** 2)) for c in (x, y))
    return (gy * (amplitudes * widths * np.sqrt(2 * np.pi))[:, None]).T @ gx


def write_table(folder, poses, origins, defocus, box):
    optics = {
        "OpticsGroupName": "one", "OpticsGroup": 1, "Voltage": KILOVOLT,
        "SphericalAberration": 2.7, "AmplitudeContrast": AMPLITUDE,
        "ImagePixelSize": PIXEL_ANGSTROM, "ImageSize": box, "ImageDimensionality": 2,
    }  # fmt: skip
    lines = ["data_optics", "", "loop_", *(f"_rln{name}" for name in optics)]
    lines += [" ".join(map(str, optics.values())), "", "data_particles", "", "loop_"]
    lines += [f"_rln{name}" for name in COLUMNS]
    for n in range(len(poses)):
        values = [*poses[n], *origins[n], *defocus[n]]
        text = " ".join(f"{value:.6f}" for value in values)
        lines.append(f"{n + 1:06d}@stack.mrcs {text} {n % 2 + 1} 1")
    (folder / "particles.star").write_text("\n".join(lines) + "\n")


def reconstruct_ours(folder, half, padded, *, diameter):
    """What mgit does with one half: read, transform, weigh, back-project, finish, write."""
    table = np.load(folder / "poses.npz")
    with mrcfile.mmap(folder / "stack.mrcs", permissive=True) as file:
        stack, box = file.data, file.data.shape[1]
        disc = packing(box // 2 - 1)
        kx, ky = disc.frequencies.T / (box * PIXEL_ANGSTROM)
        # Moves the centre from box / 2 to index 0.
        centring = np.float32(1 - 2 * (disc.frequencies.sum(1) % 2))
        sums = accumulator(padded, quantum=QUANTUM)
        chosen = np.arange(half - 1, len(stack), 2)
        for start in range(0, len(chosen), BATCH):
            rows = chosen[start : start + BATCH]
            images = pack(fft.rfft2(np.float32(stack[rows])), disc)
            ctfs = ctf(*np.float32([kx, ky]), np.float32(table["defocus"][rows]))
            matrices = rotations(table["poses"][rows]).transpose(0, 2, 1)[:, :, :2]
            backproject(
                sums,
                np.complex64(images * (ctfs * centring)),
                weights=ctfs**2,
                group=np.arange(len(rows)),
                matrices=np.ascontiguousarray(matrices * (padded / box)),
                shifts=table["shifts"][rows] / box,
                disc=disc,
            )
    support = None if diameter is None else SUPPORT_DIAMETERS * diameter
    settings = ReconstructionSettings(support_diameter_voxel=support)
    density = reconstruct(*totals(sums), box=box, settings=settings)
    with mrcfile.new(
        folder / f"{'ours' if diameter is None else 'told'}_half{half}.mrc", overwrite=True
    ) as file:
        file.set_data(density)
        file.voxel_size = PIXEL_ANGSTROM


def read_map(path):
    with mrcfile.open(path, permissive=True) as file:
        return file.data.astype(np.float32)


def halves_by(program, folder, environment, padded):
    """Cost of both half-maps by one program, each a process of its own."""
    commands = []
    for half in (1, 2):
        if program == "relion":
            commands.append(
                [
                    *("relion_reconstruct", "--i", "particles.star", "--subset", str(half)),
                    *("--ctf", "--o", f"relion_half{half}.mrc", "--angpix", str(PIXEL_ANGSTROM)),
                ]
            )
        else:
            side = [sys.executable, "-m", "benchmarks.maps_vs_relion", "--side", str(folder)]
            side += ["--half", str(half), "--padded", str(padded)]
            commands.append([*side, "--told"] if program == "told" else side)
    cost = run(commands, directory=folder, environment=environment).record()
    return cost, [read_map(folder / f"{program}_half{half}.mrc") for half in (1, 2)]


def summed(costs):
    """One cost of several: their medians, so that a busy moment of the machine counts once."""
    return {name: float(np.median([cost[name] for cost in costs])) for name in costs[0]}


def compare_maps(folder, environment, arguments):
    """Costs of programs, taken in turns, and FSC to the truth of their mean maps up to 0.143.

    `within`: under a mask that ends where the density told to ours does, so that nobody gains by
    leaving noise out. `around`: under a soft sphere that reaches beyond.
    """
    density, box = truth(arguments.box, arguments.seed), arguments.box
    reach = box * DIAMETER_SHARE
    masks = {
        "within": soft_sphere(box, diameter_voxel=reach - 2 * EDGE, edge_voxel=EDGE),
        "around": soft_sphere(box, diameter_voxel=reach, edge_voxel=8),
    }
    turns = [
        {name: halves_by(name, folder, environment, arguments.padded) for name in PROGRAMS}
        for _ in range(arguments.rounds)
    ]
    found = {"rounds": arguments.rounds}
    curves = {}
    for program in PROGRAMS:
        costs = [turn[program][0] for turn in turns]
        halves = turns[-1][program][1]
        mean = (halves[0] + halves[1]) / 2
        curves[program] = {
            name: fourier_shell_correlation(mean, density, mask=mask)
            for name, mask in masks.items()
        }
        found[program] = {
            "cost": summed(costs),
            "to_truth": {name: curve.tolist() for name, curve in curves[program].items()},
        }
    for name in masks:
        relion = curves["relion"][name]
        low = np.flatnonzero(relion <= 0.143)
        stop = int(low[0]) if len(low) else len(relion)
        found[f"shells, {name}"] = stop
        for program in PROGRAMS[:-1]:
            apart = (curves[program][name] - relion)[1:stop]
            found[f"{program} less relion, {name}"] = {
                "worst": float(apart.min()),
                "mean": float(apart.mean()),
                "shells_below": int((apart < 0).sum()),
            }
    for program in PROGRAMS[:-1]:
        ratios = [turn["relion"][0]["cpu_s"] / turn[program][0]["cpu_s"] for turn in turns]
        found[f"speed_ratio, {program}"] = sorted(round(ratio, 3) for ratio in ratios)
    return found


def postprocessed(folder, environment, seed):
    """The columns of RELION's FSC table of our half-maps."""
    (folder / "job" / "job").mkdir(parents=True, exist_ok=True)
    command = [
        *("relion_postprocess", "--i", "ours_half1.mrc", "--i2", "ours_half2.mrc"),
        *("--mask", "mask.mrc", "--angpix", str(PIXEL_ANGSTROM), "--o", "job/job"),
        *("--random_seed", str(seed)),
    ]
    try:
        run([command], directory=folder, environment=environment)
    except CommandFailed as failure:
        # Without Ghostscript it fails after the table is written.
        if "logfile.pdf" not in str(failure):
            raise
    text = (folder / "job" / "job.star").read_text()
    table = text.split("data_fsc")[1].split("data_")[0].splitlines()
    names = [line.split()[0] for line in table if line.startswith("_")]
    rows = [line.split() for line in table if len(line.split()) == len(names)]
    return dict(zip(names, np.array(rows, dtype=float).T, strict=True))


def compare_curves(folder, environment, *, seeds):
    """Largest differences per shell between our FSC curves and those of relion_postprocess.

    Ours count samples as RELION does; docs/math/fsc.md has how mgit counts them otherwise.
    """
    halves = [read_map(folder / f"ours_half{half}.mrc") for half in (1, 2)]
    box = len(halves[0])
    mask = soft_sphere(box, diameter_voxel=box * DIAMETER_SHARE, edge_voxel=8)
    with mrcfile.new(folder / "mask.mrc", overwrite=True) as file:
        file.set_data(mask)
        file.voxel_size = PIXEL_ANGSTROM
    tables = [postprocessed(folder, environment, seed) for seed in range(1, seeds + 1)]
    columns = {
        "unmasked": "_rlnFourierShellCorrelationUnmaskedMaps",
        "masked": "_rlnFourierShellCorrelationMaskedMaps",
        "randomised": "_rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps",
        "corrected": "_rlnFourierShellCorrelationCorrected",
    }
    found = {}
    ours = [half_map_fsc(*halves, mask=mask, seed=n, rule="relion", draws=1) for n in range(seeds)]
    for name, column in columns.items():
        mine = np.array([getattr(each, name) for each in ours])
        theirs = np.array([table[column][: box // 2] for table in tables])
        apart = np.abs(mine.mean(0) - theirs.mean(0))
        error = np.sqrt((mine.var(0) + theirs.var(0)) / max(seeds - 1, 1))
        found[name] = {
            "largest": float(apart.max()),
            "shells_within_0.005": int((apart <= 0.005).sum()),
            "shells": int(apart.size),
            "standard_error_largest": float(error.max()),
            "in_standard_errors_largest": float((apart[1:] / np.maximum(error[1:], 1e-4)).max()),
        }
    found["relion beside relion"] = its_own_scatter(tables, columns)
    found["formula"] = formula_difference(tables, columns)
    return found


def its_own_scatter(tables, columns):
    """What RELION's odd and even seeds differ by: the yardstick of random phases."""
    found = {}
    for name in ("randomised", "corrected"):
        theirs = np.array([table[columns[name]] for table in tables])
        apart = np.abs(theirs[::2].mean(0) - theirs[1::2].mean(0))
        found[name] = {
            "largest": float(apart.max()),
            "shells_within_0.005": int((apart <= 0.005).sum()),
            "deviation_of_one_seed_largest": float(theirs.std(0).max()),
        }
    return found


def formula_difference(tables, columns):
    """Largest difference of our correction, given RELION's own curves, from RELION's."""
    largest = 0.0
    for table in tables:
        masked, randomised, theirs = (
            table[columns[name]] for name in ("masked", "randomised", "corrected")
        )
        start = int(np.flatnonzero(table[columns["unmasked"]][1:] <= RANDOMISE_BELOW)[0]) + 1
        ours = corrected_curve(masked, randomised, start)
        largest = max(largest, float(np.abs(ours - theirs).max()))
    return largest


def arguments_of(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=5000)
    parser.add_argument("--box", type=int, default=96)
    parser.add_argument("--noise", type=float, default=10.0, help="deviation per pixel")
    parser.add_argument("--padded", type=int, default=116, help="edge of our sums, 2 diameters")
    parser.add_argument("--rounds", type=int, default=3, help="of timing, programs in turns")
    parser.add_argument("--seeds", type=int, default=40, help="of random phases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", action="store_true", help="keep the result in results/")
    parser.add_argument("--side", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--told", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--half", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def main(words=None):
    arguments = arguments_of(words)
    if arguments.side is not None:
        with mrcfile.mmap(arguments.side / "stack.mrcs", permissive=True) as file:
            diameter = DIAMETER_SHARE * file.data.shape[1] if arguments.told else None
        reconstruct_ours(arguments.side, arguments.half, arguments.padded, diameter=diameter)
        return
    root = Path(__file__).resolve().parent.parent
    environment = {
        **os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_stack(folder, particles=4, box=arguments.box, noise=1.0, seed=arguments.seed)
        halves_by("ours", folder, environment, arguments.padded)  # compiles, once per machine
        make_stack(
            folder,
            particles=arguments.particles,
            box=arguments.box,
            noise=arguments.noise,
            seed=arguments.seed,
        )
        result = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": machine_facts(),
            "settings": {
                k: v
                for k, v in vars(arguments).items()
                if k not in ("side", "half", "save", "told")
            },
            "maps": compare_maps(folder, environment, arguments),
            "curves": compare_curves(folder, environment, seeds=arguments.seeds),
        }
    text = json.dumps(result, indent=1, default=str)
    print(text)
    if arguments.save:
        path = root / "benchmarks" / "results" / f"{result['date']}-maps-vs-relion.json"
        path.write_text(text + "\n")


if __name__ == "__main__":
    main()
