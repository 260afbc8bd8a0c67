import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.geometry.cubic_grid import evaluate_cubic
from mgit.geometry.frame_series import frame_series_model, pyramid_shapes
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.rotations import axis_matrices, zyz_matrices
from mgit.geometry.series_geometry import series_geometry

IMAGE = (3000.0, 2000.0)
FRAMES = 5


def movie(**arrays):
    return series_geometry(
        "movie",
        "frame_series",
        arrays={"defocus": np.array([18000.0]), **arrays},
        attributes={
            "pixel_size_angstrom": "1.5",
            "image_dimensions_angstrom": IMAGE,
            "frame_count": FRAMES,
        },
    )


@pytest.fixture
def poses(rng):
    def make(samples: int = 1) -> ParticlePoses:
        place = np.concatenate([rng.uniform(0.2, 0.8, (4, 1, 2)) * IMAGE, np.zeros((4, 1, 1))], 2)
        drift = rng.normal(size=(4, samples, 3)) * 5
        return ParticlePoses(position=place + drift, angles=rng.uniform(-90, 90, (4, samples, 3)))

    return make


def test_without_deformation_particles_stay_and_z_is_defocus(poses):
    given = poses()
    views = frame_series_model(movie(), given).views()
    assert views.position.shape == (4, FRAMES, 2)
    assert torch.equal(views.position, torch.from_numpy(given.position[..., :2]).expand(4, 5, 2))
    assert views.defocus.numpy() == pytest.approx(np.tile(given.position[..., 2] + 18000, FRAMES))
    matrices = zyz_matrices(torch.from_numpy(given.angles))
    assert torch.allclose(views.rotation, matrices.expand(4, 5, 3, 3))


def test_motion_is_subtracted_and_defocus_and_doming_are_added(poses, rng):
    arrays = {f"global_motion_{axis}": rng.normal(size=(5, 1, 1)) for axis in "xy"}
    arrays |= {
        "defocus_field": 17000 + rng.normal(size=(1, 3, 3)) * 100,
        "doming": rng.normal(size=(5, 3, 3)) * 50,
    }
    given = poses()
    views = frame_series_model(movie(**arrays), given).views()
    relative = given.position[:, 0, :2] / IMAGE
    for frame in range(FRAMES):
        points = np.column_stack([relative, np.full(4, frame / 4)])
        shift = [arrays[f"global_motion_{axis}"][frame, 0, 0] for axis in "xy"]
        expected = given.position[:, 0, :2] - shift
        assert views.position[:, frame].numpy() == pytest.approx(expected, abs=1e-9)
        defocus = given.position[:, 0, 2] + sum(
            evaluate_cubic(arrays[name], (0, 0, 0), points) for name in ("defocus_field", "doming")
        )
        assert views.defocus[:, frame].numpy() == pytest.approx(defocus, abs=1e-9)


def test_doming_angles_turn_particles_where_they_are(poses, rng):
    grids = {f"stage_angle_{axis}": rng.normal(size=(5, 3, 3)) for axis in "xyz"}
    given = poses()
    views = frame_series_model(movie(**grids), given).views()
    relative = given.position[:, 0, :2] / IMAGE
    points = np.column_stack([relative, np.full(4, 2 / 4)])
    angles = [
        torch.from_numpy(evaluate_cubic(grids[f"stage_angle_{axis}"], (0, 0, 0), points))
        for axis in "xyz"
    ]
    expected = axis_matrices(*angles) @ zyz_matrices(torch.from_numpy(given.angles[:, 0]))
    assert torch.allclose(views.rotation[:, 2], expected, atol=1e-12)


def test_every_control_point_moves_its_own_frames(poses):
    given = poses(3)
    model = frame_series_model(movie(), given)
    views = model.views()
    middle = torch.from_numpy(given.position[:, 1])
    assert torch.allclose(views.position[:, 2], middle[:, :2], atol=1e-10)
    start = model.start["position"].clone().requires_grad_()
    moved = model.views({"position": start})
    (gradient,) = torch.autograd.grad(moved.position.sum() + moved.defocus.sum(), start)
    assert (gradient != 0).all()


@pytest.mark.parametrize(
    "family",
    [
        "position",
        "angles",
        "rotation_vector",
        "doming",
        "defocus_field",
        "stage_angle_y",
        "motion_pyramid_x_0",
        "global_shift",
        "motion_polynomial",
    ],
)
def test_derivatives_by_every_family_are_exact(poses, rng, family):
    arrays = {f"stage_angle_{axis}": rng.normal(size=(2, 2, 2)) for axis in "xyz"}
    arrays |= {f"motion_pyramid_{axis}_0": rng.normal(size=(5, 2, 2)) for axis in "xy"}
    arrays |= {
        "doming": rng.normal(size=(2, 2, 2)),
        "defocus_field": rng.normal(size=(1, 2, 2)),
        "global_shift": rng.normal(size=(5, 2)),
        "motion_polynomial": rng.normal(size=36) * 0.01,
    }
    model = frame_series_model(movie(**arrays), poses(2))

    def everything(value: torch.Tensor) -> torch.Tensor:
        views = model.views({family: value})
        flat = [views.position * 1e-2, views.rotation, views.defocus * 1e-2]
        return torch.cat([part.reshape(-1) for part in flat])

    start = model.start[family].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        everything, (start,), eps=1e-4, atol=1e-7, rtol=1e-6, fast_mode=True
    )


def test_unknown_parameters_are_refused(poses):
    with pytest.raises(InvalidState, match="no 'doming'"):
        frame_series_model(movie(), poses()).views({"doming": torch.zeros(1, 1, 1)})


@pytest.mark.parametrize(
    ("frames", "exposure", "times"),
    [
        (32, 32.0, [32, 8]),
        (40, 40.0, [40, 10, 3]),
        (60, 60.0, [60, 15, 4]),
        (8, 40.0, [8]),
        (40, 31.2, [32, 8]),
        (1, 5.0, [1]),
    ],
)
def test_pyramids_have_a_quarter_of_the_nodes_in_time_and_twice_in_space(frames, exposure, times):
    shapes = pyramid_shapes(3, 2, frames=frames, exposure=exposure)
    assert [shape[0] for shape in shapes] == times
    assert [shape[1:] for shape in shapes] == [(2 * 2**j, 3 * 2**j) for j in range(len(times))]
