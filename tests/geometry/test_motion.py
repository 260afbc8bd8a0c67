import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.geometry.cubic_grid import evaluate_cubic
from mgit.geometry.motion import frame_coordinates, motion_model
from mgit.geometry.series_geometry import series_geometry

IMAGE = (3000.0, 2000.0)


def movie(frames: int, *, start: int = 1, **arrays):
    return series_geometry(
        "movie",
        "frame_series",
        arrays=arrays,
        attributes={
            "pixel_size_angstrom": "1.5",
            "image_dimensions_angstrom": IMAGE,
            "frame_count": frames,
            "frame_start": start,
        },
    )


@pytest.fixture
def places(rng):
    return rng.uniform(0.1, 0.9, (5, 2)) * IMAGE


def test_without_motion_nothing_moves(places):
    displacement = motion_model(movie(6), places).displacement()
    assert displacement.shape == (5, 6, 2)
    assert not displacement.any()


def test_all_grids_are_summed_at_their_own_times(places, rng):
    grids = {f"global_motion_{axis}": rng.normal(size=(8, 1, 1)) for axis in "xy"}
    grids |= {f"local_motion_{axis}": rng.normal(size=(4, 5, 5)) for axis in "xy"}
    for level, shape in enumerate([(6, 2, 2), (2, 4, 4)]):
        grids |= {f"motion_pyramid_{axis}_{level}": rng.normal(size=shape) for axis in "xy"}
    found = motion_model(movie(6, **grids), places, frames_in_file=8).displacement()
    relative = places / IMAGE
    for frame in range(6):
        time = frame / 5
        for axis, name in enumerate("xy"):
            expected = 0.0
            for key, values in grids.items():
                if f"_{name}" not in key:
                    continue
                at = time * 6 / 8 if "pyramid" not in key else time
                points = np.column_stack([relative, np.full(5, at)])
                expected = expected + evaluate_cubic(values, (0, 0, 0), points)
            assert found[:, frame, axis].numpy() == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(("frames", "start", "rows"), [(4, 1, slice(0, 4)), (3, 2, slice(1, 4))])
def test_shifts_of_whole_frames_are_taken_from_the_first_used_frame(
    places, rng, frames, start, rows
):
    shifts = rng.normal(size=(4, 2))
    found = motion_model(movie(frames, start=start, global_shift=shifts), places).displacement()
    assert found[2].numpy() == pytest.approx(shifts[rows])


def test_a_table_of_used_frames_only_is_taken_from_its_first_row(places, rng):
    shifts = rng.normal(size=(3, 2))
    found = motion_model(movie(3, start=2, global_shift=shifts), places).displacement()
    assert found[0].numpy() == pytest.approx(shifts)


def test_the_polynomial_is_relions(places, rng):
    coefficients = rng.normal(size=36)
    found = motion_model(movie(4, motion_polynomial=coefficients), places).displacement()
    for particle, (px, py) in enumerate(places):
        x, y = px / IMAGE[0] - 0.5, py / IMAGE[1] - 0.5
        for z in range(4):
            for axis in range(2):
                c = coefficients[18 * axis : 18 * axis + 18].reshape(6, 3)
                along = c @ [z, z**2, z**3]
                expected = along @ [1, x, x * x, y, y * y, x * y]
                assert float(found[particle, z, axis]) == pytest.approx(expected, abs=1e-10)


def test_the_first_frame_does_not_move_locally(places, rng):
    found = motion_model(movie(4, motion_polynomial=rng.normal(size=36)), places).displacement()
    assert not found[:, 0].any()


def test_derivatives_are_exact(places, rng):
    grids = {f"motion_pyramid_{axis}_0": rng.normal(size=(3, 2, 2)) for axis in "xy"}
    geometry = movie(
        3,
        global_shift=rng.normal(size=(3, 2)),
        motion_polynomial=rng.normal(size=36) * 0.1,
        **grids,
    )
    model = motion_model(geometry, places)
    for name in (*grids, "global_shift", "motion_polynomial"):
        start = model.start[name].clone().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda value, name=name: model.displacement({name: value}), (start,), fast_mode=True
        )


def test_times_run_from_zero_to_one():
    assert frame_coordinates(5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert frame_coordinates(1).tolist() == [0]


def test_shifts_that_miss_frames_and_unknown_sizes_are_refused(places):
    with pytest.raises(InvalidState, match="do not cover"):
        motion_model(movie(5, global_shift=np.zeros((4, 2))), places)
    unknown = series_geometry(
        "m", "frame_series", arrays={}, attributes={"pixel_size_angstrom": "1"}
    )
    with pytest.raises(InvalidState, match="dimensions"):
        motion_model(unknown, places)
