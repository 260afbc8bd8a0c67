"""The real ribosomes of the test data: 20 particles in two series of extracted particles."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from mgit.cli.main import main
from mgit.exchange.mrc import read_volume
from mgit.geometry.poses import ParticlePoses, turned_angles
from mgit.geometry.rotations import rotation_distance, zyz_matrices
from mgit.history.repository import Repository
from mgit.maps.reference import ReferenceSettings, prepare_references
from mgit.refine.inputs import ParticleSet, ReferenceSet, TiltSeriesData
from mgit.refine.item_data import particle_series
from mgit.refine.plan import (
    SpeciesPlan,
    bind,
    item_data,
    particle_set_with_stacks,
    plan_reconstruction,
)
from tests.refine.populations import Disk

torch.set_num_threads(1)

FOLDER = "ribosome_warptools_particles"
PIXEL, DIAMETER = 12.0, 300.0


@dataclass(frozen=True, kw_only=True)
class Ribosomes:
    """Both series with their particles at the deposited poses."""

    plan: SpeciesPlan
    series: tuple[TiltSeriesData, ...]
    particles: tuple[ParticleSet, ...]


def imported(directory, data):
    """Import the particles into a population below `directory`."""
    folder = data / FOLDER
    directory.mkdir(exist_ok=True)
    for words in (
        ["init", "--name", "ribosomes"],
        ["source", "add", "rib", "--relion", str(folder / "optimisation_set.star"), "--raw",
         str(folder)],
        ["species", "add", "rib", "--particles", str(folder / "particles.star"),
         "--coordinate-pixel-size", "12", "--new-split", "--diameter", "300"],
    ):  # fmt: skip
        assert main(["-C", str(directory), "--quiet", *words]) == 0
    (plan,) = plan_reconstruction(Repository.open(str(directory)).snapshot("HEAD"))
    files = bind([plan], Disk(folder), advance=lambda count: None)
    series = tuple(particle_series(item_data(part.item)) for part in plan.parts)
    particles = tuple(
        particle_set_with_stacks(plan, part, files[part.item.path], series=each)
        for part, each in zip(plan.parts, series, strict=True)
    )
    return Ribosomes(plan=plan, series=series, particles=particles)


def initial_reference(data, *, resolution):
    """The authors' map, mirrored along z, to a resolution in angstrom, as both references."""
    values = read_volume(data / FOLDER / "initial_reference.mrc").values
    density = np.roll(values[::-1], 1, axis=0).astype(np.float32)
    settings = ReferenceSettings(resolution_angstrom=resolution, diameter_angstrom=DIAMETER)
    references = prepare_references(
        density,
        density,
        mask=np.ones_like(density),
        pixel_size_angstrom=PIXEL,
        settings=settings,
    )
    return ReferenceSet(species="rib", references=references, diameter_angstrom=DIAMETER)


def displaced(particles, random, *, degrees, pixels):
    """Every particle turned by exactly so much about a random axis, and moved in a random way."""
    poses = particles.poses
    turn, step = (random.normal(size=(poses.count, 1, 3)) for _ in range(2))
    turn *= degrees / np.linalg.norm(turn, axis=-1, keepdims=True)
    step *= pixels * PIXEL / np.linalg.norm(step, axis=-1, keepdims=True)
    moved = ParticlePoses(position=poses.position + step, angles=turned_angles(poses.angles, turn))
    return replace(particles, poses=moved)


def median_errors(found, deposited):
    """(degrees, pixels) between lists of poses, without one common turn and shift of the map."""
    turn, true = (
        np.concatenate([_matrices(each) for each in poses]) for poses in (found, deposited)
    )
    u, _, v = np.linalg.svd(np.einsum("nji,njk->ik", true, turn))
    common = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    moved = np.concatenate(
        [(one.position - other.position)[:, 0] for one, other in zip(found, deposited, strict=True)]
    )
    shift, *_ = np.linalg.lstsq(true.reshape(-1, 3), moved.reshape(-1), rcond=None)
    rest = np.linalg.norm(moved - true @ shift, axis=1)
    return (
        float(np.median(rotation_distance(turn, true @ common))),
        float(np.median(rest) / PIXEL),
    )


def _matrices(poses):
    return zyz_matrices(torch.from_numpy(np.ascontiguousarray(poses.angles[:, 0]))).numpy()
