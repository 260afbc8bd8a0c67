"""Laws, edge cases and goldens of the tilt geometry."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidState
from mgit.exchange.relion_projections import (
    ProjectionFrame,
    encode_projection,
    projection_matrices,
)
from mgit.exchange.relion_tomograms import read_tomograms
from mgit.exchange.star import parse_star
from mgit.exchange.warp_tilt_series import read_tilt_series
from mgit.geometry.cubic_grid import evaluate_cubic
from mgit.geometry.linear_grid import evaluate_linear
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.rotations import zyz_angles, zyz_matrices
from mgit.geometry.series_geometry import SeriesGeometry, series_geometry
from mgit.geometry.tilt_series import tilt_series_model
from mgit.geometry.trajectories import relative_exposure

K3_IMAGE = np.array([5760.0, 4092.0]) * 0.834
APOFERRITIN_VOLUME = np.array([4000.0, 5700.0, 1000.0]) * 0.834

# What WarpLib computes for TS_1.xml: centred position (angstrom) -> tilt: x, y (centred, angstrom),
# rot, tilt, psi, defocus U, V. Printed by it with four decimals; source: the reference table
# testdata/TS_1.star of warpem/warpylib (MIT).
WARPLIB = {
    (-500, -500, -500): {
        0: (-482.8435, 36.3911, 2.1416, 33.5110, 82.4002, 28371.7539, 28157.6270),
        17: (-514.8914, 500.4194, 110.0610, 0.9656, -24.4942, 28610.0312, 28459.0488),
        40: (-487.3140, 624.4175, -178.5531, 45.0679, -94.6617, 27729.7422, 27336.4160),
    },
    (500, -500, -500): {
        5: (-542.5752, -708.8184, 5.8008, 22.4681, 80.5381, 28895.5371, 29031.1816),
        28: (-531.8013, -214.0591, 177.6929, 22.9002, -91.9471, 27649.6719, 27315.4062),
    },
    (-500, 0, -500): {
        1: (9.9788, 126.8723, 3.4663, 32.2907, 82.4438, 29117.1367, 28406.3633),
        3: (-1.7683, 201.6051, 4.7419, 26.0844, 80.0395, 28956.4395, 28965.2207),
    },
}


def arrays_of(record) -> dict:
    return {
        "arrays": {name: grid.values for name, grid in record.arrays.items()},
        "array_attributes": {name: grid.attributes for name, grid in record.arrays.items()},
    }


@pytest.fixture
def apoferritin(golden) -> tuple[SeriesGeometry, np.ndarray]:
    record = read_tilt_series((golden / "TS_1.xml").read_bytes(), "TS_1.xml")
    dimensions = {
        "image_dimensions_angstrom": K3_IMAGE,
        "volume_dimensions_angstrom": APOFERRITIN_VOLUME,
    }
    attributes = {**record.attributes, **dimensions}
    geometry = series_geometry("TS_1", "tilt_series", attributes=attributes, **arrays_of(record))
    return geometry, record.arrays["defocus_delta"].values


def test_views_are_those_of_warp(apoferritin):
    geometry, astigmatism = apoferritin
    position = np.array(list(WARPLIB), dtype=float) + APOFERRITIN_VOLUME / 2
    poses = ParticlePoses(position=position[:, None], angles=np.zeros((3, 1, 3)))
    views = tilt_series_model(geometry, poses).views()
    for particle, tilts in enumerate(WARPLIB.values()):
        for tilt, (x, y, *angles, u, v) in tilts.items():
            found = views.position[particle, tilt].numpy() - K3_IMAGE / 2
            assert found == pytest.approx([x, y], abs=2e-3)
            assert zyz_angles(views.rotation)[particle, tilt].numpy() == pytest.approx(
                angles, abs=2e-4
            )
            defocus = float(views.defocus[particle, tilt])
            half = astigmatism[tilt] / 2
            assert (defocus + half, defocus - half) == pytest.approx((u, v), abs=0.02)


def test_the_real_grid_is_finite_smooth_and_hits_its_nodes(apoferritin, rng):
    geometry, _ = apoferritin
    warp = geometry.arrays["image_warp_x"]
    assert warp.shape == (41, 4, 6)
    x, y = np.meshgrid(np.arange(6) / 5, np.arange(4) / 3)
    nodes = np.column_stack([x.ravel(), y.ravel(), np.full(24, 13 / 40)])
    found = evaluate_cubic(warp, geometry.margins["image_warp_x"], nodes)
    assert found == pytest.approx(warp[13].ravel(), abs=1e-12)
    line = np.column_stack([np.linspace(-0.1, 1.1, 241), np.full((241, 2), 13 / 40)])
    curve = evaluate_cubic(warp, (0, 0, 0), line)
    assert np.isfinite(curve).all()
    assert np.abs(np.diff(curve, 2)).max() < 0.02 * np.ptp(curve)


def direct(geometry: SeriesGeometry, place: np.ndarray, tilt: int) -> np.ndarray:
    """Section 3's formula, one particle and tilt at a time, with scipy's rotations."""
    a = {name: values[tilt] for name, values in geometry.arrays.items() if values.ndim == 1}
    axes = [a["level_angle_x"], -(a["tilt_angle"] + a["level_angle_y"]), a["axis_angle"]]
    rotation = Rotation.from_euler("xyz", axes, degrees=True).as_matrix()
    volume = np.array(geometry.volume_dimensions_angstrom)
    image = np.array(geometry.image_dimensions_angstrom)
    exposure = relative_exposure(geometry.arrays["exposure"])[tilt]
    centred = place - volume / 2
    if "volume_warp_x" in geometry.arrays:
        point = np.array([[*(place / volume), exposure]])
        centred = centred + [
            evaluate_linear(geometry.arrays[f"volume_warp_{axis}"], point)[0] for axis in "xyz"
        ]
    q = rotation @ centred
    y = q[:2] + [a["axis_offset_x"], a["axis_offset_y"]] + image / 2
    if "image_warp_x" in geometry.arrays:
        point = np.array([[*(y / image), tilt / (geometry.tilt_count - 1)]])
        y = y - [
            evaluate_cubic(geometry.arrays[f"image_warp_{axis}"], (0, 0, 0), point)[0]
            for axis in "xy"
        ]
    return np.array([*y, q[2]])


def warps(rng, tilts: int) -> dict[str, np.ndarray]:
    grids = {f"image_warp_{axis}": rng.normal(size=(tilts, 4, 6)) * 5 for axis in "xy"}
    grids |= {f"volume_warp_{axis}": rng.normal(size=(3, 2, 4, 4)) * 9 for axis in "xyz"}
    return grids | {f"stage_angle_{axis}": rng.normal(size=(tilts, 1, 1)) for axis in "xyz"}


def test_every_term_agrees_with_the_formula_written_out(make_series, make_poses, rng):
    geometry = make_series(7, attributes={"hand": -1}, **warps(rng, 7))
    poses = make_poses(5)
    views = tilt_series_model(geometry, poses).views()
    for particle in range(5):
        for tilt in range(7):
            x, y, z = direct(geometry, poses.position[particle, 0], tilt)
            assert views.position[particle, tilt].numpy() == pytest.approx([x, y], abs=1e-9)
            assert float(views.depth[particle, tilt]) == pytest.approx(z, abs=1e-9)
            expected = geometry.arrays["defocus"][tilt] - z
            assert float(views.defocus[particle, tilt]) == pytest.approx(expected, abs=1e-9)


def test_orientations_compose_stage_tilt_and_particle(make_series, make_poses, rng):
    grids = warps(rng, 5)
    geometry, poses = make_series(5, **grids), make_poses(3)
    views = tilt_series_model(geometry, poses).views()
    stage = [grids[f"stage_angle_{axis}"].ravel() for axis in "xyz"]
    correction = Rotation.from_euler("xyz", np.transpose(stage), degrees=True)
    a = geometry.arrays
    axes = [a["level_angle_x"], -(a["tilt_angle"] + a["level_angle_y"]), a["axis_angle"]]
    tilt = Rotation.from_euler("xyz", np.transpose(axes), degrees=True)
    particle = zyz_matrices(torch.from_numpy(poses.angles[:, 0])).numpy()
    expected = np.einsum("tij,pjk->ptik", (correction * tilt).as_matrix(), particle)
    assert views.rotation.numpy() == pytest.approx(expected, abs=1e-12)


def test_deformations_of_zero_change_nothing(make_series, make_poses, rng):
    plain, poses = make_series(6), make_poses(4)
    zero = {name: np.zeros_like(values) for name, values in warps(rng, 6).items()}
    a, b = (tilt_series_model(g, poses).views() for g in (plain, plain.with_arrays(zero)))
    assert torch.allclose(a.position, b.position, atol=1e-11)
    assert torch.allclose(a.defocus, b.defocus, atol=1e-11)
    assert torch.allclose(a.rotation, b.rotation, atol=1e-15)


def test_resampled_warps_say_the_same_at_old_nodes(make_series, make_poses, rng):
    """Going from a coarse to a fine grid keeps the views where the fine one has the old nodes."""
    from mgit.geometry.cubic_grid import resize_cubic

    geometry, poses = make_series(5, **warps(rng, 5)), make_poses(6)
    same = {
        name: resize_cubic(geometry.arrays[name], (0, 0, 0), (5, 4, 6))[0]
        for name in ("image_warp_x", "image_warp_y")
    }
    a, b = (
        tilt_series_model(g, poses).views().position for g in (geometry, geometry.with_arrays(same))
    )
    assert torch.allclose(a, b, atol=1e-11)


def test_the_hand_turns_the_defocus_only(make_series, make_poses, rng):
    poses, grids = make_poses(3), warps(rng, 4)
    arrays = dict(make_series(4, **grids).arrays)
    facts = make_series(4)
    right, left = (
        series_geometry(
            "a",
            "tilt_series",
            arrays=arrays,
            attributes={
                "hand": hand,
                "pixel_size_angstrom": "1.0",
                "image_dimensions_angstrom": facts.image_dimensions_angstrom,
                "volume_dimensions_angstrom": facts.volume_dimensions_angstrom,
            },
        )
        for hand in (1, -1)
    )
    a, b = (tilt_series_model(g, poses).views() for g in (right, left))
    assert torch.equal(a.position, b.position)
    assert torch.equal(a.rotation, b.rotation)
    base = torch.from_numpy(arrays["defocus"])
    assert torch.allclose(a.defocus - base, base - b.defocus, atol=1e-9)


def test_positive_depth_is_more_underfocus(make_series):
    """x_img = x cos - z sin, z_img = x sin + z cos, and z adds to the defocus."""
    zero = np.zeros(1)
    geometry = make_series(
        1,
        axis_angle=zero,
        level_angle_x=zero,
        level_angle_y=zero,
        tilt_angle=np.array([30.0]),
        axis_offset_x=zero,
        axis_offset_y=zero,
        defocus=np.array([20000.0]),
    )
    place = np.array(geometry.volume_dimensions_angstrom) / 2 + [100.0, 0.0, 40.0]
    poses = ParticlePoses(position=place[None, None], angles=np.zeros((1, 1, 3)))
    views = tilt_series_model(geometry, poses).views()
    x = float(views.position[0, 0, 0]) - geometry.image_dimensions_angstrom[0] / 2
    assert x == pytest.approx(100 * np.sqrt(3) / 2 - 40 / 2)
    assert float(views.defocus[0, 0]) == pytest.approx(20000 + 100 / 2 + 40 * np.sqrt(3) / 2)


def test_excluded_tilts_are_skipped_and_the_others_unchanged(make_series, make_poses, rng):
    full = make_series(6, **warps(rng, 6))
    use = np.array([True, False, True, True, False, True])
    poses = make_poses(3, 3)
    some = tilt_series_model(full.with_arrays({"use": use}), poses)
    everything = tilt_series_model(full, poses).views()
    assert some.tilts.tolist() == [0, 2, 3, 5]
    views = some.views()
    assert torch.allclose(views.position, everything.position[:, use], atol=1e-10)
    assert torch.allclose(views.rotation, everything.rotation[:, use], atol=1e-13)
    assert torch.allclose(views.defocus, everything.defocus[:, use], atol=1e-10)


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_single_tilt_and_single_nodes_work(make_series, make_poses, samples, rng):
    constant = {f"image_warp_{axis}": np.full((1, 1, 1), 2.0) for axis in "xy"}
    constant |= {f"volume_warp_{axis}": np.zeros((1, 1, 1, 1)) for axis in "xyz"}
    poses = make_poses(2, samples)
    plain = make_series(1)
    moved = tilt_series_model(plain.with_arrays(constant), poses).views().position
    still = tilt_series_model(plain, poses).views().position
    assert torch.allclose(moved, still - 2.0, atol=1e-12)


def test_trajectories_run_over_exposure_not_over_the_table(make_series, make_poses):
    geometry, poses = make_series(5), make_poses(3, 2)
    views = tilt_series_model(geometry, poses).views()
    exposure = relative_exposure(geometry.arrays["exposure"])
    for tilt in range(5):
        place = poses.position[:, 0] + exposure[tilt] * (
            poses.position[:, 1] - poses.position[:, 0]
        )
        for particle in range(3):
            expected = direct(geometry, place[particle], tilt)[:2]
            assert views.position[particle, tilt].numpy() == pytest.approx(expected, abs=1e-9)


def test_displacements_are_added_per_row_of_the_table(make_series, make_poses, rng):
    geometry = make_series(5, use=np.array([True, True, False, True, True]))
    shift = rng.normal(size=(3, 6, 3)) * 4
    poses = make_poses(3, displacement=shift)
    views = tilt_series_model(geometry, poses).views()
    for column, tilt in enumerate([0, 1, 3, 4]):
        expected = direct(geometry, poses.position[1, 0] + shift[1, tilt], tilt)[:2]
        assert views.position[1, column].numpy() == pytest.approx(expected, abs=1e-9)


def test_stage_angles_over_the_field_are_read_at_the_particle(make_series, make_poses, rng):
    grids = {f"stage_angle_{axis}": rng.normal(size=(4, 2, 3)) for axis in "xyz"}
    geometry, poses = make_series(4, **grids), make_poses(2)
    with_field = tilt_series_model(geometry, poses).views().rotation
    volume = np.array(geometry.volume_dimensions_angstrom)
    u, v = (poses.position[0, 0] / volume)[:2]
    for tilt in range(4):
        here = {
            name: np.full((4, 1, 1), evaluate_cubic(grid, (0, 0, 0), np.array([[u, v, tilt / 3]])))
            for name, grid in grids.items()
        }
        alone = tilt_series_model(geometry.with_arrays(here), poses).views().rotation
        assert torch.allclose(with_field[0, tilt], alone[0, tilt], atol=1e-12)


def test_relion_deformations_move_positions_in_pixels(make_series, make_poses, rng):
    coefficients = rng.normal(size=(4, 3)) * 1e-3
    geometry = make_series(
        4,
        image_deformation=coefficients,
        array_attributes={"image_deformation": {"type": "linear", "grid": [0, 0], "unit": "pixel"}},
    )
    poses = make_poses(3)
    found = tilt_series_model(geometry, poses).views().position
    for tilt in range(4):
        axx, axy, ayy = coefficients[tilt]
        p = direct(geometry, poses.position[2, 0], tilt)[:2]
        r = p - np.array(geometry.image_dimensions_angstrom) / 2
        expected = p + np.array([axx * r[0], axy * r[0] + ayy * r[1]])
        assert found[2, tilt].numpy() == pytest.approx(expected, abs=1e-9)


def project_of(shared_data, name: str, file: str):
    folder = shared_data / name
    return read_tomograms(
        (folder / file).read_bytes(), path=file, load=lambda path: (folder / path).read_bytes()
    )


def in_pixels(record, place: np.ndarray, arrays: dict, size: tuple[int, int]) -> np.ndarray:
    """Positions `(particles, tilts, 2)` in pixels of places in angstrom, by our arrays."""
    geometry = series_geometry(
        record.name,
        "tilt_series",
        arrays=arrays,
        attributes={**record.attributes, "image_size_px": size},
    )
    poses = ParticlePoses(position=place[:, None], angles=np.zeros((len(place), 1, 3)))
    views = tilt_series_model(geometry, poses).views()
    return views.position.numpy() / geometry.pixel_size_angstrom


def test_projections_equal_relions_matrices(shared_data, rng):
    """x_px = T(shift) T(W // 2) Rz Ry Rx T(-w // 2) p, multiplied out, in every tilt."""
    source = project_of(shared_data, "relion5_hiv_project", "Polish/job030/tomograms.star")
    size = (3838, 3710)
    assert len(source.series) == 5
    for record in source.series:
        arrays = {name: grid.values for name, grid in record.arrays.items()}
        pixel = float(record.attributes["pixel_size_angstrom"])
        volume = np.array([float(x) for x in record.attributes["volume_dimensions_angstrom"]])
        place = rng.uniform(0.1, 0.9, (20, 3)) * volume
        found = in_pixels(record, place, arrays, size)
        frame = ProjectionFrame(
            size_px=tuple(np.rint(volume / pixel)), image_size_px=size, pixel_size_angstrom=pixel
        )
        homogeneous = np.concatenate([place / pixel, np.ones((20, 1))], axis=1)
        matrices = encode_projection(arrays, frame)
        expected = np.einsum("tij,pj->pti", matrices, homogeneous)[..., :2]
        assert np.abs(found - expected).max() < 1e-6


def test_projections_equal_the_matrices_that_a_particle_set_brings(shared_data, rng):
    """rlnTomoProjX..Z as the file has them, without translations: rotations about the centre."""
    folder = "ribosome_warptools_particles"
    source = project_of(shared_data, folder, "tomograms.star")
    document = parse_star((shared_data / folder / "tomograms.star").read_bytes(), name="t.star")
    size = (4096, 4096)
    for record in source.series:
        arrays = {name: grid.values for name, grid in record.arrays.items()}
        matrices = projection_matrices(document.table(record.name))
        assert not matrices[:, :3, 3].any()
        pixel = float(record.attributes["pixel_size_angstrom"])
        volume = np.array([float(x) for x in record.attributes["volume_dimensions_angstrom"]])
        place = rng.uniform(0.1, 0.9, (20, 3)) * volume
        found = in_pixels(record, place, arrays, size) - np.array(size) / 2
        centred = (place - volume / 2) / pixel
        expected = np.einsum("tij,pj->pti", matrices[:, :2, :3], centred)
        # The file rounds its matrices to float32, ours are rotations to the last bit.
        rounding = 4 * np.finfo(np.float32).eps * np.abs(centred).max()
        assert np.abs(found - expected).max() < rounding
        ours = encode_projection(
            {
                **arrays,
                "axis_offset_x": np.zeros(len(matrices)),
                "axis_offset_y": np.zeros(len(matrices)),
            },
            ProjectionFrame(size_px=(0, 0, 0), image_size_px=(0, 0), pixel_size_angstrom=pixel),
        )
        exact = np.einsum("tij,pj->pti", ours[:, :2, :3], centred)
        assert np.abs(found - exact).max() < 1e-6


FAMILIES = [
    "tilt_angle",
    "axis_angle",
    "level_angle_x",
    "level_angle_y",
    "axis_offset_x",
    "axis_offset_y",
    "defocus",
    "image_warp_x",
    "image_warp_y",
    "volume_warp_x",
    "volume_warp_y",
    "volume_warp_z",
    "stage_angle_x",
    "stage_angle_y",
    "stage_angle_z",
    "image_deformation",
    "position",
    "angles",
    "rotation_vector",
    "displacement",
]


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_derivatives_by_every_family_are_exact(make_series, make_poses, rng, family, samples):
    grids = {f"image_warp_{axis}": rng.normal(size=(3, 3, 2)) for axis in "xy"}
    grids |= {f"volume_warp_{axis}": rng.normal(size=(2, 1, 2, 2)) for axis in "xyz"}
    grids |= {f"stage_angle_{axis}": rng.normal(size=(3, 1, 1)) for axis in "xyz"}
    geometry = make_series(
        3,
        **grids,
        image_deformation=rng.normal(size=(3, 3)) * 1e-3,
        array_attributes={"image_deformation": {"type": "linear", "grid": [0, 0]}},
    )
    poses = make_poses(2, samples, displacement=rng.normal(size=(2, 3, 3)))
    model = tilt_series_model(geometry, poses)
    assert set(model.start) == set(FAMILIES)

    def everything(value: torch.Tensor) -> torch.Tensor:
        views = model.views({family: value})
        flat = [views.position * 1e-2, views.rotation, views.defocus * 1e-2]
        return torch.cat([part.reshape(-1) for part in flat])

    start = model.start[family].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        everything, (start,), eps=1e-4, atol=1e-7, rtol=1e-6, fast_mode=True
    )
    assert torch.autograd.grad(everything(start).square().sum(), start)[0].abs().max() > 0


def test_extracted_particles_have_orientations_and_relative_places(make_series, make_poses, rng):
    """Their place in the original images is unknown: only differences of places mean something."""
    whole, poses = make_series(4), make_poses(3)
    stacks = series_geometry(
        "stacks",
        "particle_series",
        arrays=dict(whole.arrays),
        attributes={
            "pixel_size_angstrom": "1.6",
            "volume_dimensions_angstrom": whole.volume_dimensions_angstrom,
        },
    )
    a, b = (tilt_series_model(g, poses).views() for g in (whole, stacks))
    assert torch.equal(a.rotation, b.rotation)
    assert torch.equal(a.depth, b.depth)
    centre = torch.tensor(whole.image_dimensions_angstrom).double() / 2
    assert torch.allclose(a.position - centre, b.position, atol=1e-9)
    warp = {f"image_warp_{axis}": rng.normal(size=(4, 2, 2)) for axis in "xy"}
    with pytest.raises(InvalidState, match="extracted particles"):
        tilt_series_model(stacks.with_arrays(warp), poses)


def test_a_stack_without_tilts_is_one_image(make_poses):
    stack = series_geometry(
        "stack", "particle_series", arrays={}, attributes={"pixel_size_angstrom": "2"}
    )
    poses = make_poses(3)
    views = tilt_series_model(stack, poses).views()
    assert views.position[:, 0].numpy() == pytest.approx(poses.position[:, 0, :2])
    field = {f"stage_angle_{axis}": np.zeros((1, 2, 2)) for axis in "xyz"}
    with pytest.raises(InvalidState, match="dimensions"):
        tilt_series_model(stack.with_arrays(field), poses)
    assert torch.allclose(views.rotation, zyz_matrices(torch.from_numpy(poses.angles)))


def test_unknown_parameters_unknown_sizes_and_short_tables_are_refused(make_series, make_poses):
    model = tilt_series_model(make_series(3), make_poses(1))
    with pytest.raises(InvalidState, match="no 'image_warp_x'"):
        model.views({"image_warp_x": torch.zeros(3, 1, 1)})
    with pytest.raises(InvalidState, match="dimensions"):
        tilt_series_model(
            make_series(3, attributes={"volume_dimensions_angstrom": None}), make_poses(1)
        )
    with pytest.raises(InvalidState, match="fewer rows"):
        tilt_series_model(make_series(3), make_poses(2, displacement=np.zeros((2, 2, 3))))
