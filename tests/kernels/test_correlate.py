"""Every implementation of correlate against the reference in float64, judged by plain float32."""

import numpy as np
import pytest

from kernels import correlate_cpu
from tests.kernels.problems import (
    assert_as_accurate_as_float32,
    assert_correlation_as_accurate_as_float32,
    correlation_in_torch,
    largest,
    make_problem,
    smooth_at_its_points,
)


def assert_parity(implementation, problem, *, on_voxels=False, **options):
    """on_voxels: points fall on voxels exactly, in any precision, so kinks are no excuse."""
    plain = correlation_in_torch(problem, double=False)
    exact = correlation_in_torch(problem, double=True)
    found = implementation.correlate(problem, **options)
    judged = smooth_at_its_points(problem) | on_voxels
    assert judged.mean() > 0.5
    assert_correlation_as_accurate_as_float32(found, plain, exact, judged=judged)
    return found


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("image_box", [4, 10, 32, 54])
def test_terms_and_derivatives_are_as_accurate_as_plain_float32(implementation, image_box, columns):
    assert_parity(implementation, make_problem(image_box, 7, columns=columns, seed=image_box))


@pytest.mark.parametrize("columns", [2, 3])
def test_values_alone_are_the_same_terms(implementation, columns):
    problem = make_problem(24, 5, columns=columns)
    exact = correlation_in_torch(problem, double=True)
    plain = correlation_in_torch(problem, double=False)
    found = implementation.values(problem)
    for term in range(3):
        assert_as_accurate_as_float32(found[:, term], plain.terms[:, term], exact.terms[:, term])


def test_gradients_point_where_autograd_says_without_bias(implementation):
    """Elementwise, cosine and signed bias: three ways to be wrong."""
    problem = make_problem(32, 12)
    exact = correlation_in_torch(problem, double=True)
    found = implementation.correlate(problem)
    judged = smooth_at_its_points(problem)
    for name in ("d_shift", "d_numerator", "d_power"):
        ours, theirs = (getattr(each, name)[judged].ravel() for each in (found, exact))
        ours = ours.astype(np.float64)
        cosine = ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs))
        assert cosine > 1 - 1e-9
        assert abs((ours - theirs).mean()) < 1e-6 * np.abs(theirs).mean()
        assert largest(ours - theirs) < 2e-5 * largest(theirs)


def test_images_may_have_smaller_discs_of_their_own(implementation):
    problem = make_problem(20, 6)
    problem = problem.with_(radius=np.array([9, 8, 5, 1, 0, 9], np.int32))
    found = assert_parity(implementation, problem)
    zero = np.abs(problem.images[4, problem.disc.zero]) ** 2 / 2
    assert found.terms[4, 2] == pytest.approx(zero)


def test_a_smaller_disc_gives_what_its_own_packing_gives(implementation):
    problem = make_problem(20, 3)
    small = make_problem(12, 3).disc
    kept = (problem.disc.frequencies.astype(int) ** 2).sum(axis=1) <= small.radius**2
    cropped = problem.with_(
        images=np.ascontiguousarray(problem.images[:, kept]),
        weights=np.ascontiguousarray(problem.weights[:, kept]),
        disc=small,
        radius=np.full(3, small.radius, np.int32),
    )
    whole = implementation.correlate(problem.with_(radius=cropped.radius))
    assert np.allclose(whole.terms, implementation.correlate(cropped).terms, rtol=1e-6)


def test_a_slice_along_the_friedel_line_is_read_from_both_of_its_ends(implementation):
    """All points have kx = 0 exactly: none is turned, and half have negative ky or kz."""
    problem = make_problem(16, 2)
    matrices = np.zeros((2, 3, 2), np.float32)
    matrices[0, 1, 0] = matrices[0, 2, 1] = 2
    matrices[1, 1, 1] = matrices[1, 2, 0] = -2
    assert_parity(implementation, problem.with_(matrices=matrices), on_voxels=True)


def test_slices_along_voxels_and_against_them(implementation):
    problem = make_problem(16, 2)
    matrices = np.zeros((2, 3, 2), np.float32)
    matrices[0, 0, 0] = matrices[0, 1, 1] = 2
    matrices[1, 0, 0] = matrices[1, 2, 1] = -2
    assert_parity(implementation, problem.with_(matrices=matrices), on_voxels=True)


def test_points_up_to_the_last_plane_before_nyquist_count(implementation):
    problem = make_problem(16, 3)
    assert problem.disc.radius == 7
    box = problem.box
    assert 2 * problem.disc.radius == box // 2 - 2
    scale = np.float32((box // 2 - 1) / problem.disc.radius)
    matrices = np.zeros((3, 3, 2), np.float32)
    matrices[0, 0, 0] = matrices[0, 1, 1] = scale
    matrices[1, 1, 0] = matrices[1, 2, 1] = scale
    matrices[2, 2, 0] = matrices[2, 0, 1] = -scale
    assert_parity(implementation, problem.with_(matrices=matrices), on_voxels=True)


def test_a_slice_that_leaves_the_volume_counts_where_it_is_inside(implementation):
    problem = make_problem(16, 4)
    problem = problem.with_(matrices=(2.5 * problem.matrices).astype(np.float32))
    found = assert_parity(implementation, problem)
    full = implementation.correlate(problem.with_(volume=np.ones_like(problem.volume)))
    weight = (problem.weights[problem.group] ** 2).sum(axis=1)
    assert (full.terms[:, 1] < 0.9 * weight).all()
    assert (found.terms[:, 1] > 0).all()


def test_a_slice_far_outside_predicts_nothing(implementation):
    problem = make_problem(16, 2)
    far = problem.with_(
        matrices=(1e6 * problem.matrices).astype(np.float32),
        images=problem.images * (np.arange(problem.disc.samples) != problem.disc.zero),
        weights=problem.weights * (np.arange(problem.disc.samples) != problem.disc.zero),
    )
    found = implementation.correlate(far)
    assert (found.terms[:, :2] == 0).all()
    assert (found.d_numerator == 0).all()
    assert (found.terms[:, 2] > 0).all()


def test_an_empty_batch_gives_empty_results(implementation):
    problem = make_problem(8, 0)
    found = implementation.correlate(problem)
    assert found.terms.shape == (0, 3)
    assert found.d_numerator.shape == (0, 3, 2)
    assert implementation.values(problem).shape == (0, 3)


def test_noise_spreads_no_nan_between_images(implementation):
    problem = make_problem(8, 3)
    images = problem.images.copy()
    images[1, 5] = np.nan
    found = implementation.correlate(problem.with_(images=images))
    assert np.isnan(found.terms[1, 0])
    assert np.isfinite(found.terms[[0, 2]]).all()


def test_results_do_not_depend_on_threads():
    problem = make_problem(16, 23)
    alone = correlate_cpu.correlate(problem.volume, problem.images, **problem.batch())
    for threads in (2, 3, 8):
        found = correlate_cpu.correlate(
            problem.volume, problem.images, **problem.batch(), threads=threads
        )
        for name in ("terms", "d_shift", "d_numerator", "d_power"):
            assert np.array_equal(getattr(found, name), getattr(alone, name))
    values = [
        correlate_cpu.correlate_values(
            problem.volume, problem.images, **problem.batch(), threads=threads
        )
        for threads in (1, 2)
    ]
    assert np.array_equal(*values)


@pytest.mark.parametrize("block", [32, 64, 128])
def test_every_launch_shape_gives_the_same_terms(emulated_cuda, block):
    problem = make_problem(20, 3, columns=3)
    assert_parity(emulated_cuda, problem, block=block)
    assert emulated_cuda.launcher.launched[-1] == ("correlate_gradients_curved", 3, block)


def test_arguments_are_not_changed(implementation):
    problem = make_problem(8, 2)
    before = [array.copy() for array in (problem.volume, problem.images, problem.matrices)]
    implementation.correlate(problem)
    after = (problem.volume, problem.images, problem.matrices)
    assert all(map(np.array_equal, before, after))
