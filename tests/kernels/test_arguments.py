"""What the compiled kernels refuse: everything that would read or write out of bounds."""

import numpy as np
import pytest

from kernels import backproject_cpu, correlate_cpu
from kernels.arguments import checked_box, checked_images, checked_volume
from tests.kernels.problems import make_problem


def spoiled(problem, name, value):
    return {**problem.batch(), name: value}


WRONG = {
    "weights": np.ones((2, 5), np.float32),
    "group": np.array([0, 2]),
    "matrices": np.zeros((2, 3, 4), np.float32),
    "shifts": np.zeros((2, 3)),
    "radius": np.array([3, 4]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_by_name(name):
    problem = make_problem(8, 2)
    arguments = spoiled(problem, name, WRONG[name])
    with pytest.raises(ValueError, match=name):
        correlate_cpu.correlate(problem.volume, problem.images, **arguments)
    sums = backproject_cpu.accumulator(problem.box)
    with pytest.raises(ValueError, match=name):
        backproject_cpu.backproject(sums, problem.images, **arguments)
    assert not sums.sums.any()
    assert sums.reach == 0


@pytest.mark.parametrize("value", [np.array([-1, 0]), np.array([0, -5])])
def test_negative_groups_and_radii_are_refused(value):
    problem = make_problem(8, 2)
    for name in ("group", "radius"):
        with pytest.raises(ValueError, match=name):
            correlate_cpu.correlate(problem.volume, problem.images, **spoiled(problem, name, value))


@pytest.mark.parametrize("name", ["matrices", "shifts"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pose_that_is_not_finite_is_refused(name, value):
    problem = make_problem(8, 2)
    moved = getattr(problem, name).copy()
    moved[(1,) + (0,) * (moved.ndim - 1)] = value
    with pytest.raises(ValueError, match="not finite"):
        correlate_cpu.correlate(problem.volume, problem.images, **spoiled(problem, name, moved))


def test_images_of_another_disc_are_refused():
    problem = make_problem(8, 2)
    with pytest.raises(ValueError, match="images"):
        correlate_cpu.correlate(problem.volume, problem.images[:, :-1], **problem.batch())


def test_another_precision_is_refused():
    problem = make_problem(8, 2)
    with pytest.raises(TypeError, match="volume is complex128"):
        correlate_cpu.correlate(problem.volume.astype(complex), problem.images, **problem.batch())
    with pytest.raises(TypeError, match="images are complex128"):
        correlate_cpu.correlate(problem.volume, problem.images.astype(complex), **problem.batch())


@pytest.mark.parametrize("box", [0, 2, 15, 1200])
def test_boxes_beyond_what_offsets_reach_are_refused(box):
    with pytest.raises(ValueError, match="box"):
        checked_box(box)


def test_a_volume_that_is_no_half_complex_cube_is_refused():
    with pytest.raises(ValueError, match="half-complex"):
        checked_volume(np.zeros((16, 16, 8), np.complex64))


def test_a_batch_is_converted_to_the_layouts_that_kernels_read():
    problem = make_problem(8, 2)
    batch = checked_images(
        problem.images[:, :],
        problem.weights.astype(np.float64),
        problem.group.astype(np.int64),
        np.asfortranarray(problem.matrices),
        problem.shifts,
        problem.disc,
        None,
    )
    assert batch.values.shape == (2, 2 * problem.disc.samples)
    assert batch.weights.dtype == np.float32
    assert batch.group.dtype == batch.radius.dtype == np.int32
    assert batch.matrices.shape == (2, 3, 3)
    assert not batch.matrices[:, :, 2].any()
    assert (batch.radius == problem.disc.radius).all()
    table, places, _ = batch.tables()
    assert table[:, problem.disc.zero].tolist() == [0, 0, 0.5]
    assert places.min() == 0
    assert places.max() == 2 * problem.disc.radius
