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
from mgit.maps.fsc import fourier_shell_correlation, half_map_fsc
from mgit.maps.masks import soft_sphere
from mgit.maps.reconstruction import ReconstructionSettings, reconstruct

PIXEL_ANGSTROM = 2.0
KILOVOLT, CS_ANGSTROM, AMPLITUDE = 300.0, 2.7e7, 0.1
BATCH = 100
DIAMETER_SHARE = 0.6  # of the particle in its box, which a species states and ours is told
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
    square, turned = kx * kx + ky * ky, np.arctan2(ky, kx) - np.deg2rad(angle)
    mean = (u + v) / 2 + (u - v) / 2 * np.cos(2 * turned)
    gamma = -np.pi * wavelength * mean * square
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


def reconstruct_ours(folder, half, oversampling, *, diameter):
    """What mgit does with one half: read, transform, weigh, back-project, finish, write."""
    table = np.load(folder / "poses.npz")
    with mrcfile.mmap(folder / "stack.mrcs", permissive=True) as file:
        stack, box = file.data, file.data.shape[1]
        disc = packing(box // 2 - 1)
        kx, ky = disc.frequencies.T / (box * PIXEL_ANGSTROM)
        # Moves the centre from box / 2 to index 0.
        centring = np.float32(1 - 2 * (disc.frequencies.sum(1) % 2))
        sums = accumulator(box * oversampling, quantum=QUANTUM)
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
                matrices=np.ascontiguousarray(matrices * oversampling),
                shifts=table["shifts"][rows] / box,
                disc=disc,
            )
    settings = ReconstructionSettings(support_diameter_voxel=diameter)
    density = reconstruct(*totals(sums), box=box, settings=settings)
    with mrcfile.new(
        folder / f"{'whole_box' if diameter is None else 'ours'}_half{half}.mrc", overwrite=True
    ) as file:
        file.set_data(density)
        file.voxel_size = PIXEL_ANGSTROM


def read_map(path):
    with mrcfile.open(path, permissive=True) as file:
        return file.data.astype(np.float32)


def halves_by(program, folder, environment, oversampling):
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
            side += ["--half", str(half), "--oversampling", str(oversampling)]
            commands.append([*side, "--whole-box"] if program == "whole_box" else side)
    cost = run(commands, directory=folder, environment=environment).record()
    return cost, [read_map(folder / f"{program}_half{half}.mrc") for half in (1, 2)]


def compare_maps(folder, environment, arguments):
    """Costs and FSC to the truth, of mean maps under one soft sphere, up to 0.143."""
    density = truth(arguments.box, arguments.seed)
    sphere = soft_sphere(arguments.box, diameter_voxel=arguments.box * DIAMETER_SHARE, edge_voxel=8)
    found = {}
    for program in ("ours", "whole_box", "relion"):
        cost, halves = halves_by(program, folder, environment, arguments.oversampling)
        mean = (halves[0] + halves[1]) / 2
        found[program] = {
            "cost": cost,
            "to_truth": fourier_shell_correlation(mean, density, mask=sphere).tolist(),
            "halves": fourier_shell_correlation(*halves, mask=sphere).tolist(),
        }
    ours, relion = (np.array(found[name]["to_truth"]) for name in ("ours", "relion"))
    low = np.flatnonzero(relion <= 0.143)
    stop = int(low[0]) if len(low) else len(relion)
    found["shells"] = stop
    found["worst_shell_difference"] = float((ours - relion)[1:stop].min())
    found["mean_shell_difference"] = float((ours - relion)[1:stop].mean())
    whole = np.array(found["whole_box"]["to_truth"])
    found["worst_shell_difference_whole_box"] = float((whole - relion)[1:stop].min())
    found["mean_shell_difference_whole_box"] = float((whole - relion)[1:stop].mean())
    found["speed_ratio"] = found["relion"]["cost"]["cpu_s"] / found["ours"]["cost"]["cpu_s"]
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
    """Largest differences per shell between our FSC curves and those of relion_postprocess."""
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
    for rule in ("relion", "split"):
        ours = [half_map_fsc(*halves, mask=mask, seed=n, rule=rule) for n in range(seeds)]
        for name, column in columns.items():
            mine = np.array([getattr(each, name) for each in ours])
            theirs = np.array([table[column][: box // 2] for table in tables])
            apart = np.abs(mine.mean(0) - theirs.mean(0))
            error = np.sqrt((mine.var(0) + theirs.var(0)) / max(seeds - 1, 1))
            found[f"{name}, rule {rule}"] = {
                "largest": float(apart.max()),
                "shells_within_0.005": int((apart <= 0.005).sum()),
                "shells": int(apart.size),
                "standard_error_largest": float(error.max()),
                "in_standard_errors_largest": float(
                    (apart[1:] / np.maximum(error[1:], 1e-4)).max()
                ),
            }
    return found


def arguments_of(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=5000)
    parser.add_argument("--box", type=int, default=96)
    parser.add_argument("--noise", type=float, default=10.0, help="deviation per pixel")
    parser.add_argument("--oversampling", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=40, help="of random phases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", action="store_true", help="keep the result in results/")
    parser.add_argument("--side", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--whole-box", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--half", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def main(words=None):
    arguments = arguments_of(words)
    if arguments.side is not None:
        with mrcfile.mmap(arguments.side / "stack.mrcs", permissive=True) as file:
            diameter = None if arguments.whole_box else DIAMETER_SHARE * file.data.shape[1]
        reconstruct_ours(arguments.side, arguments.half, arguments.oversampling, diameter=diameter)
        return
    root = Path(__file__).resolve().parent.parent
    environment = {
        **os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_stack(folder, particles=4, box=arguments.box, noise=1.0, seed=arguments.seed)
        halves_by("ours", folder, environment, arguments.oversampling)  # compiles, once per machine
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
                if k not in ("side", "half", "save", "whole_box")
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
