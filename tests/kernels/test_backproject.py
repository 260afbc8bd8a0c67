"""Backprojection: the adjoint of correlate, order-free sums, and every implementation's parity."""

import numpy as np
import pytest
import torch

from kernels import backproject_cpu, backproject_reference, correlate_reference, device
from kernels.arguments import checked_images
from tests.kernels.problems import (
    assert_as_accurate_as_float32,
    correlation_in_torch,
    make_problem,
    sums_in_torch,
    torch_of,
)


def weighted_images(problem):
    """What correlate's numerator is the inner product of: images times the weights of the slice."""
    return problem.with_(images=problem.images * problem.weights[problem.group])


def inner_product(data, volume):
    wide = torch_of(np.asarray(data)).to(torch.complex128)
    return float(backproject_reference.inner_product(wide, torch_of(volume).to(torch.complex128)))


@pytest.mark.parametrize("columns", [2, 3])
def test_the_reference_is_the_adjoint_of_correlate(columns):
    problem = make_problem(16, 6, columns=columns)
    problem = problem.with_(radius=np.array([7, 7, 5, 3, 0, 7], np.int32))
    wanted = correlation_in_torch(problem, double=True).terms[:, 0].sum()
    _, images, batch = problem.in_torch(double=True)
    images = images * batch["weights"][batch["group"]]
    data, _ = backproject_reference.backproject(images, box=problem.box, **batch)
    assert inner_product(data.numpy(), problem.volume) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("columns", [2, 3])
def test_every_implementation_is_the_adjoint_of_correlate(implementation, columns):
    problem = make_problem(24, 8, columns=columns)
    wanted = correlation_in_torch(problem, double=True).terms[:, 0].sum()
    data, _ = implementation.backproject(weighted_images(problem))
    assert inner_product(data, problem.volume) == pytest.approx(wanted, rel=1e-6)


def assert_parity(implementation, problem, **options):
    data, weight = implementation.backproject(problem, **options)
    plain, exact = sums_in_torch(problem, double=False), sums_in_torch(problem, double=True)
    for part in (np.real, np.imag):
        assert_as_accurate_as_float32(part(data), part(plain[0]), part(exact[0]))
    assert_as_accurate_as_float32(weight, plain[1], exact[1])
    return data, weight


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("image_box", [4, 10, 26])
def test_sums_are_as_accurate_as_plain_float32(implementation, image_box, columns):
    assert_parity(implementation, make_problem(image_box, 6, columns=columns, seed=image_box))


@pytest.mark.parametrize("block", [32, 64, 128])
def test_every_launch_shape_gives_equal_bits(emulated_cuda, block):
    problem = make_problem(12, 4)
    expected = emulated_cuda.backproject(problem)
    found = emulated_cuda.backproject(problem, block=block)
    assert all(map(np.array_equal, found, expected))


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("image_box", [4, 26, 64])
def test_sums_of_centred_images_are_the_same_bits_on_a_device_and_on_a_cpu(
    emulated_cuda, image_box, columns
):
    problem = make_problem(image_box, 5, columns=columns, seed=image_box)
    problem = problem.with_(shifts=np.zeros_like(problem.shifts))
    on_cpu = backproject_cpu.accumulator(problem.box)
    backproject_cpu.backproject(on_cpu, problem.images, **problem.batch())
    on_device = emulated_cuda.backproject(problem)
    assert all(map(np.array_equal, on_device, backproject_cpu.totals(on_cpu)))


def test_floating_sums_hold_the_same_within_rounding(emulated_cuda):
    problem = make_problem(12, 4)
    box = problem.box
    sums = np.zeros((box, box, box // 2 + 1, 4), np.float32)
    device.backproject_float(emulated_cuda.launcher, sums, **emulated_cuda.uploaded(problem))
    exact = sums_in_torch(problem, double=True)
    assert np.allclose(sums[..., 0] + 1j * sums[..., 1], exact[0], atol=2e-5)
    assert np.allclose(sums[..., 2], exact[1], atol=2e-5)


def test_the_plane_kx_0_is_hermitian(implementation):
    data, weight = implementation.backproject(make_problem(16, 5))
    for plane in (data[..., 0], weight[..., 0]):
        mirrored = np.roll(plane[::-1, ::-1], (1, 1), axis=(0, 1))
        assert np.allclose(plane, mirrored.conj(), atol=1e-8)


def test_a_plane_of_samples_on_kx_0_is_counted_once_with_its_partners(implementation):
    """A slice that lies in the plane kx = 0 on voxels: what is read back is what was put in."""
    problem = make_problem(16, 1, noise=0)
    matrices = np.zeros((1, 3, 2), np.float32)
    matrices[0, 1, 0] = matrices[0, 2, 1] = 2
    problem = problem.with_(matrices=matrices, shifts=np.zeros((1, 2), np.float32))
    images = problem.images.copy()
    images[0, problem.disc.zero] = 3.0
    data, weight = implementation.backproject(
        problem.with_(images=images, weights=np.ones_like(problem.weights))
    )
    for (kx, ky), value in zip(problem.disc.frequencies.tolist(), images[0], strict=True):
        assert data[2 * ky, 2 * kx, 0] == pytest.approx(value, rel=1e-6, abs=1e-6)
        assert data[-2 * ky, -2 * kx, 0] == pytest.approx(value.conj(), rel=1e-6, abs=1e-6)
    assert weight.sum() == 2 * problem.disc.samples - 1
    assert set(np.unique(weight)) == {0.0, 1.0}


def test_weights_are_spread_without_loss(implementation):
    problem = make_problem(16, 5)
    _, weight = implementation.backproject(problem)
    counts = np.ones(problem.disc.samples)
    counts[problem.disc.zero] = 0.5
    wanted = (problem.weights[problem.group] * counts).sum()
    half_sum = weight.sum() - weight[..., 0].sum() / 2
    assert half_sum == pytest.approx(wanted, rel=1e-6)


def test_images_may_have_smaller_discs_of_their_own(implementation):
    problem = make_problem(14, 4)
    assert_parity(implementation, problem.with_(radius=np.array([6, 4, 0, 1], np.int32)))


def test_points_outside_the_volume_are_dropped(implementation):
    problem = make_problem(14, 3)
    problem = problem.with_(matrices=(2.5 * problem.matrices).astype(np.float32))
    assert_parity(implementation, problem)


def test_an_empty_batch_adds_nothing(implementation):
    data, weight = implementation.backproject(make_problem(8, 0))
    assert not data.any()
    assert not weight.any()


# --- order-free sums ---------------------------------------------------------------------------


def accumulated(problem, *, threads=1, order=None, quantum=backproject_cpu.QUANTUM):
    sums = backproject_cpu.accumulator(problem.box, quantum=quantum)
    order = np.arange(len(problem.images)) if order is None else order
    batch = problem.batch()
    for name in ("group", "matrices", "shifts", "radius"):
        batch[name] = batch[name][order]
    backproject_cpu.backproject(sums, problem.images[order], **batch, threads=threads)
    return sums


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("threads", [2, 3, 5, 16])
def test_any_number_of_threads_gives_equal_bits(threads, columns):
    problem = make_problem(20, 9, columns=columns)
    alone = accumulated(problem)
    assert np.array_equal(accumulated(problem, threads=threads).sums, alone.sums)


@pytest.mark.parametrize("threads", [2, 5, 8])
def test_teams_with_volumes_of_their_own_give_equal_bits(threads):
    problem = make_problem(8, 1200)
    alone = accumulated(problem)
    samples = problem.images.size
    assert backproject_cpu.team_count(threads, sums_bytes=alone.sums.nbytes, samples=samples) > 1
    assert np.array_equal(accumulated(problem, threads=threads).sums, alone.sums)


@pytest.mark.parametrize(
    ("threads", "sums_bytes", "samples", "teams"),
    [
        (1, 24_000, 10**9, 1),
        (8, 24_000, 10**9, 8),
        (8, 24_000, 2_500, 2),
        (8, 24_000, 10, 1),
        (16, 300 << 20, 10**12, 4),
        (16, 2 << 30, 10**12, 1),
    ],
)
def test_teams_are_as_many_as_memory_and_work_allow(threads, sums_bytes, samples, teams):
    assert backproject_cpu.team_count(threads, sums_bytes=sums_bytes, samples=samples) == teams


def test_any_order_of_images_gives_equal_bits():
    problem = make_problem(16, 12)
    order = np.random.default_rng(0).permutation(12)
    assert np.array_equal(accumulated(problem, order=order).sums, accumulated(problem).sums)


def test_merged_parts_equal_the_whole():
    problem = make_problem(16, 12)
    parts = [accumulated(problem, order=np.arange(12)[start::3]) for start in range(3)]
    for part in parts[1:]:
        backproject_cpu.merge(parts[0], part)
    whole = accumulated(problem)
    assert np.array_equal(parts[0].sums, whole.sums)
    assert parts[0].reach == pytest.approx(whole.reach)


def test_a_coarser_quantum_rounds_but_does_not_drift():
    problem = make_problem(12, 30)
    exact, exact_weight = sums_in_torch(problem, double=True)
    quantum = 2.0**-10
    coarse, weight = backproject_cpu.totals(accumulated(problem, quantum=quantum))
    assert np.abs((coarse - exact).mean()) < quantum / 10
    assert np.abs((weight - exact_weight).mean()) < quantum / 10


def test_no_sum_exceeds_its_bound():
    problem = make_problem(16, 10)
    sums = accumulated(problem)
    assert np.abs(sums.sums).max() * sums.quantum <= sums.reach


@pytest.mark.parametrize("scale", [1.0, 0.3, 0.0])
def test_the_bound_holds_for_crowded_slices(scale):
    """A matrix that folds a slice onto few voxels crowds its samples there."""
    problem = make_problem(16, 3)
    problem = problem.with_(
        matrices=(scale * problem.matrices).astype(np.float32),
        images=np.ones_like(problem.images),
        weights=np.ones_like(problem.weights),
    )
    sums = accumulated(problem)
    assert np.abs(sums.sums).max() * sums.quantum <= sums.reach


def test_sums_that_could_overflow_are_refused_before_anything_is_added():
    problem = make_problem(8, 3)
    sums = accumulated(problem)
    before, reach = sums.sums.copy(), sums.reach
    with pytest.raises(OverflowError, match="quantum"):
        backproject_cpu.backproject(
            sums, (problem.images * 1e12).astype(np.complex64), **problem.batch()
        )
    sums.reach = 2.0**29
    other = accumulated(problem)
    other.reach = 2.0**29 + 1
    with pytest.raises(OverflowError, match="62 bits"):
        backproject_cpu.merge(sums, other)
    sums.reach = reach
    assert np.array_equal(sums.sums, before)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_that_is_not_finite_is_refused_by_number(value):
    problem = make_problem(8, 3)
    images = problem.images.copy()
    images[1, 4] = value
    sums = backproject_cpu.accumulator(problem.box)
    with pytest.raises(ValueError, match="image 1 is not finite"):
        backproject_cpu.backproject(sums, images, **problem.batch())
    assert not sums.sums.any()


def test_other_boxes_and_quanta_do_not_merge():
    with pytest.raises(ValueError, match="do not add up"):
        backproject_cpu.merge(
            backproject_cpu.accumulator(8), backproject_cpu.accumulator(8, quantum=2.0**-20)
        )


@pytest.mark.parametrize("quantum", [0.0, -1.0, 0.3])
def test_a_quantum_is_a_power_of_two(quantum):
    with pytest.raises(ValueError, match="power of two"):
        backproject_cpu.accumulator(8, quantum=quantum)


def test_the_spacing_of_samples_is_the_smaller_singular_value():
    matrices = np.random.default_rng(0).standard_normal((50, 3, 2))
    matrices[0, :, 1] = matrices[0, :, 0]
    wanted = np.linalg.svd(matrices, compute_uv=False)[:, 1]
    found = backproject_cpu._smaller_singular_value(matrices)
    assert np.allclose(found, wanted, atol=1e-7)


def test_bounds_of_an_empty_batch_are_empty():
    problem = make_problem(8, 0)
    batch = problem.batch()
    checked = checked_images(
        problem.images, batch["weights"], batch["group"], batch["matrices"], batch["shifts"],
        batch["disc"], None,
    )  # fmt: skip
    assert backproject_cpu.bounds(checked).shape == (0,)


def test_backprojected_slices_over_their_weights_are_the_volume(implementation):
    """Noise-free slices in many orientations; interpolating twice leaves it a little smoother."""
    problem = make_problem(12, 250, seed=5)
    volume, _, batch = problem.in_torch(double=True)
    slices = correlate_reference.project(volume, batch["matrices"], disc=problem.disc)
    problem = problem.with_(
        images=slices.numpy().astype(np.complex64),
        weights=np.ones_like(problem.weights),
        shifts=np.zeros_like(problem.shifts),
    )
    data, weight = implementation.backproject(problem)
    filled = weight > 0.5
    restored, wanted = data[filled] / weight[filled], problem.volume[filled]
    scale = np.vdot(wanted, restored) / np.vdot(wanted, wanted)
    assert abs(scale.imag) < 0.01
    assert 0.85 < scale.real < 1.0
    assert np.linalg.norm(restored - scale * wanted) < 0.15 * np.linalg.norm(restored)
