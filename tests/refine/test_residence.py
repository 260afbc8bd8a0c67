"""Alignment on an emulated device: the wiring, its memory, and how it fails."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kernels import device
from mgit.errors import DeviceFailed, Unsupported
from mgit.refine import residence
from mgit.refine.correlation import BlockCorrelation
from mgit.refine.item import refine_item
from mgit.refine.residence import RESERVE_BYTES, room_for
from mgit.refine.settings import RefineSettings
from mgit.refine.stages import State, targets_of, terms_of
from tests.kernels.emulation.cupy_module import DriverError, OutOfMemoryError
from tests.refine.problems import errors_of, simulated

BRIEF = RefineSettings(
    image_warp=(3, 3), particles=True, iterations=1, warp_steps=2, pose_steps=2, holdout=0.1
)


def state_and_species():
    problem = simulated()
    _, prepared = problem.prepared()
    return State(series=problem.data, poses=(problem.particles.poses,)), prepared


def targets(where, *, radius_angstrom=14.0):
    state, prepared = state_and_species()
    return targets_of(
        state,
        [prepared],
        chosen=[np.ones(12, dtype=bool)],
        resolution_angstrom=radius_angstrom,
        threads=1,
        device=where,
    )


def terms_and_gradients(target):
    views = target.model.views()
    found = []
    for task in target.tasks():
        at = task.block.particle, task.block.tilt
        poses = [each[at].clone().requires_grad_() for each in target.slices(views)]
        terms = task.terms(*poses)
        weights = torch.linspace(0.5, 2, terms.numel(), dtype=torch.float64).reshape(terms.shape)
        found += [terms.detach(), *torch.autograd.grad((terms * weights).sum(), poses)]
    return found


def test_terms_and_gradients_are_those_of_the_cpu(cupy):
    on_cpu, on_device = (terms_and_gradients(targets(name)[0]) for name in ("cpu", "cuda"))
    for ours, theirs in zip(on_device, on_cpu, strict=True):
        assert ours.dtype == torch.float64
        # Trilinear kinks: float32 coordinates may fall on either side of a voxel's face.
        error = (ours - theirs).abs() / theirs.abs().max()
        assert float(error.median()) < 1e-6
        assert float(error.quantile(0.95)) < 1e-3


def test_values_alone_come_from_their_own_kernel(cupy):
    with_gradients = [each for each in terms_and_gradients(targets("cuda")[0]) if each.ndim == 2]
    launched = len(cupy.launcher.launched)
    state, prepared = state_and_species()
    found = terms_of(state, [prepared], resolution_angstrom=14.0, device="cuda")
    assert {each[0] for each in cupy.launcher.launched[launched:]} == {"correlate_values"}
    total = sum(float(each.sum()) for each in with_gradients if each.shape[1] == 3)
    assert float(found[0].sum()) == pytest.approx(total, rel=1e-5)


def test_images_travel_once_and_poses_every_time(cupy):
    (target,) = targets("cuda")
    blocks = target.prepared.blocks
    images = sum(each.images.nbytes for each in blocks)
    assert sum(cupy.launcher.uploaded) > images
    cupy.launcher.uploaded.clear()
    terms = [target.terms({}) for _ in range(2)]
    assert torch.equal(*terms)
    poses = sum(len(each.images) for each in blocks) * 4 * (9 + 2)
    assert sum(cupy.launcher.uploaded) == 2 * poses


def test_volumes_that_blocks_share_travel_once(cupy):
    (target,) = targets("cuda")
    (volume,) = {id(task.volume): task.volume for task in target.tasks()}.values()
    assert len(target.tasks()) > 1
    assert cupy.launcher.uploaded.count(volume.nbytes) == 1


def test_parts_of_what_does_not_fit_give_equal_bits(cupy, monkeypatch):
    whole = terms_and_gradients(targets("cuda")[0])
    monkeypatch.setattr(residence, "RESERVE_BYTES", 0)
    monkeypatch.setattr(residence, "STAGING_BYTES", 0)
    (target,) = targets("cpu")
    volume = target.tasks()[0].volume.nbytes
    least = max(
        device.table_bytes(each.disc.samples, len(each.weights))
        + 3 * device.image_bytes(each.disc.samples)
        for each in target.prepared.blocks
    )
    monkeypatch.setattr(residence, "STAGING_BYTES", least)
    cupy.launcher.memory = volume + least
    (small,) = targets("cuda")
    launched = len(cupy.launcher.launched)
    for ours, theirs in zip(terms_and_gradients(small), whole, strict=True):
        assert torch.equal(ours, theirs)
    parts = cupy.launcher.launched[launched:]
    assert len(parts) > len(target.prepared.blocks)
    assert {grid for _, grid, _ in parts} <= {1, 2, 3, 4, 5, 6}


def test_blocks_stay_in_order_while_there_is_room():
    _, prepared = state_and_species()
    blocks = prepared.blocks
    sizes = [residence._block_bytes(each) for each in blocks]
    options = {"volume_bytes": 1000, "item": "TS_01", "device_name": "cuda:0"}
    free = 1000 + RESERVE_BYTES + sum(sizes)
    everything = room_for(blocks, free_bytes=free, **options)
    assert everything.stays == (True,) * len(blocks)
    assert everything.staging == 0
    tight = room_for(blocks, free_bytes=free - 1, **options)
    assert not all(tight.stays)
    assert tight.staging > 0


def test_a_device_that_is_too_small_names_item_and_bytes(cupy):
    cupy.launcher.memory = RESERVE_BYTES
    with pytest.raises(Unsupported, match=r"too small.*TS_01.*bytes_needed.*bytes_free") as caught:
        targets("cuda")
    assert caught.value.fields["bytes_needed"] > caught.value.fields["bytes_free"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("asarray", OutOfMemoryError("out of memory")),
        ("launch", DriverError("illegal address")),
        ("asnumpy", DriverError("unspecified launch failure")),
    ],
)
def test_a_failed_call_stops_with_the_item_named(cupy, call, error):
    problem = simulated()
    cupy.failing[call] = error
    settings = replace(BRIEF, device="cuda")
    with pytest.raises(DeviceFailed, match=rf"{error}.*TS_01.*cuda:0"):
        refine_item(problem.data, [problem.reference], [problem.particles], settings)


def test_an_item_refines_on_the_device_as_on_the_cpu(cupy):
    problem = simulated()
    found = [
        refine_item(
            problem.data,
            [problem.reference],
            [problem.particles],
            replace(BRIEF, device=where),
        )
        for where in ("cpu", "cuda")
    ]
    entries = {entry for entry, _, _ in cupy.launcher.launched}
    assert entries == {"correlate_values", "correlate_gradients"}
    poses = [each.poses["molecule"] for each in found]
    assert np.abs(poses[0].position - poses[1].position).max() < 0.05
    assert np.abs(poses[0].angles - poses[1].angles).max() < 0.05
    assert found[0].score_after == pytest.approx(found[1].score_after, rel=1e-4)
    start = errors_of(problem, problem.data, problem.particles)
    assert start[0] > 0.5


def test_in_double_precision_the_reference_computes_wherever_blocks_are(cupy):
    problem = simulated()
    _, prepared = problem.prepared(dtype=torch.float64)
    block = prepared.blocks[0]
    task = BlockCorrelation(block=block, volume=problem.reference.half(1), threads=1)
    poses = torch.zeros((len(block.images), 3, 2), dtype=torch.float64)
    terms = task.terms(poses, torch.zeros((len(block.images), 2), dtype=torch.float64))
    assert terms.shape == (len(block.images), 3)
    assert cupy.launcher.launched == []


def test_curved_slices_go_to_the_kernel_that_bends_them(cupy):
    (target,) = targets("cuda")
    (flat,) = targets("cpu")
    at = target.tasks()[0].block.particle, target.tasks()[0].block.tilt
    matrices, shifts = (each[at] for each in target.slices(target.model.views()))
    normal = 0.01 * torch.linalg.cross(matrices[..., 0], matrices[..., 1])
    curved = torch.cat([matrices, normal[..., None]], dim=-1).requires_grad_()
    found = []
    for each in (target, flat):
        terms = each.tasks()[0].terms(curved, shifts)
        (slopes,) = torch.autograd.grad(terms[:, :2].sum(), curved)
        found.append((terms.detach(), slopes))
    assert {entry for entry, _, _ in cupy.launcher.launched} == {"correlate_gradients_curved"}
    assert found[0][1].shape == (len(curved), 3, 3)
    for ours, theirs in zip(*found, strict=True):
        error = (ours - theirs).abs() / theirs.abs().max()
        assert float(error.quantile(0.95)) < 1e-3
