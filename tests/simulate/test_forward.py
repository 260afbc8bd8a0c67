from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.exchange.relion_tomograms import read_tomograms
from mgit.exchange.star import parse_star
from mgit.exchange.warp_tilt_series import read_tilt_series
from mgit.simulate.forward import (
    Geometry,
    angles_of,
    join_views,
    particle_rotations,
    stage,
    views,
)

K3_IMAGE = (5760.0 * 0.834, 4092.0 * 0.834)
APOFERRITIN_VOLUME = (4000.0 * 0.834, 5700.0 * 0.834, 1000.0 * 0.834)
# Centred position -> tilt: x, y (centred), rot, tilt, psi, mean defocus, as WarpLib prints them for
# TS_1.xml; source: the reference table testdata/TS_1.star of warpem/warpylib (MIT).
WARPLIB = {
    (-500, -500, -500): {
        0: (-482.8435, 36.3911, 2.1416, 33.5110, 82.4002, 28264.6905),
        17: (-514.8914, 500.4194, 110.0610, 0.9656, -24.4942, 28534.5400),
        40: (-487.3140, 624.4175, -178.5531, 45.0679, -94.6617, 27533.0791),
    },
    (500, -500, -500): {28: (-531.8013, -214.0591, 177.6929, 22.9002, -91.9471, 27482.5391)},
}


def rotation(axis: str, degree: float) -> np.ndarray:
    """Active right-handed rotation about one axis, written out."""
    c, s = np.cos(np.radians(degree)), np.sin(np.radians(degree))
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def one(geometry, position, angles=(0.0, 0.0, 0.0), **more):
    return views(
        geometry,
        np.array(position, dtype=float).reshape(1, -1, 3),
        np.array(angles, dtype=float).reshape(1, -1, 3),
        rows=np.zeros(1, dtype=int),
        **more,
    )


def plain(**arrays) -> Geometry:
    base = {
        "tilt_angle": np.array([30.0]),
        "axis_angle": np.zeros(1),
        "exposure": np.zeros(1),
        "defocus": np.array([10_000.0]),
    }
    return Geometry(
        name="p", arrays={**base, **arrays}, hand=1, image=(200.0, 200.0), volume=(200, 200, 100)
    )


def test_particle_rotations_are_relions():
    rot, tilt, psi = 20.0, 50.0, -70.0
    wanted = rotation("z", -psi) @ rotation("y", -tilt) @ rotation("z", -rot)
    assert np.allclose(particle_rotations(np.array([rot, tilt, psi])), wanted)


def test_angles_of_undoes_rotations(rng):
    angles = np.column_stack([rng.uniform(-180, 180, 9), rng.uniform(5, 175, 9), np.arange(9)])
    assert np.allclose(angles_of(particle_rotations(angles)), angles)


def test_a_tilt_moves_points_above_the_centre_against_x():
    """x_img = x cos a - z sin a, z_img = x sin a + z cos a (refinement, section 3)."""
    seen = one(plain(), (110.0, 100.0, 70.0))
    half = np.sqrt(3) / 2
    assert seen.xy[0] == pytest.approx([100 + 10 * half - 20 * 0.5, 100.0])
    assert seen.defocus[0] == pytest.approx(10_000 + 10 * 0.5 + 20 * half)
    other = one(replace(plain(), hand=-1), (110.0, 100.0, 70.0))
    assert other.xy == pytest.approx(seen.xy)
    assert other.defocus[0] - 10_000 == pytest.approx(10_000 - seen.defocus[0])


def test_the_whole_chain_is_the_formula(bent, rng):
    position, angles = np.array([320.0, 510.0, 260.0]), np.array([15.0, 70.0, -40.0])
    seen = one(bent, position, angles)
    for tilt in range(bent.tilts):
        a = {name: values[tilt] for name, values in bent.arrays.items() if values.ndim == 1}
        omega = (
            rotation("z", a["axis_angle"])
            @ rotation("y", -(a["tilt_angle"] + a["level_angle_y"]))
            @ rotation("x", a["level_angle_x"])
        )
        # Undone: what the image warp took away, found by evaluating it at the place itself.
        free = replace(
            bent,
            arrays={n: v for n, v in bent.arrays.items() if not n.startswith(("image", "volume"))},
        )
        q = omega @ (position - np.array(bent.volume) / 2)
        y = one(free, position).xy[tilt]
        offset = [a["axis_offset_x"], a["axis_offset_y"]]
        assert y == pytest.approx(q[:2] + offset + np.array(bent.image) / 2)
        turn = rotation("y", bent.arrays["stage_angle_y"][tilt, 0, 0])
        wanted = turn @ omega @ particle_rotations(angles)
        assert np.allclose(seen.rotation[tilt], wanted)
        assert np.allclose(turn @ seen.unturned[tilt], wanted)
        lifted = replace(
            bent, arrays={n: v for n, v in bent.arrays.items() if not n.startswith("image")}
        )
        y = one(lifted, position).xy[tilt]
        time = tilt / (bent.tilts - 1)
        warp = [
            bent.grid(f"image_warp_{axis}", np.array([[*(y / np.array(bent.image)), time]]))[0]
            for axis in "xy"
        ]
        assert seen.xy[tilt] == pytest.approx(y - warp)


def test_volume_warp_is_added_and_follows_the_exposure():
    """One end of the exposure moves by +8 along z, so the tilt of 30 degrees by -4 along x."""
    grid = np.zeros((2, 1, 1, 1))
    grid[1] = 8.0
    arrays = {
        "tilt_angle": np.full(3, 30.0),
        "axis_angle": np.zeros(3),
        "exposure": np.array([6.0, 0.0, 3.0]),
        "defocus": np.zeros(3),
    }
    still = one(plain(**arrays), (100, 100, 50))
    moved = one(plain(**arrays, volume_warp_z=grid), (100, 100, 50))
    assert (moved.xy - still.xy)[:, 0] == pytest.approx([-4, 0, -2])


def test_stage_angles_do_not_move_particles(bent):
    without = {n: v for n, v in bent.arrays.items() if not n.startswith("stage")}
    seen, still = one(bent, (300, 300, 200)), one(replace(bent, arrays=without), (300, 300, 200))
    assert (seen.xy == still.xy).all()
    assert (seen.rotation != still.rotation).any()


def test_trajectories_are_interpolated_over_exposure_and_displacements_added(bent):
    samples = np.array([[100.0, 100, 100], [110, 100, 100], [130, 100, 100]])
    still = one(bent, samples[0])
    moving = views(bent, samples[None], np.zeros((1, 1, 3)), rows=np.zeros(1, dtype=int))
    first, middle, last = 2, 3, 4  # exposures 0, 6 and 12 of 12
    assert moving.xy[first] == pytest.approx(still.xy[first])
    for tilt, sample in ((middle, 1), (last, 2)):
        assert moving.xy[tilt] == pytest.approx(one(bent, samples[sample]).xy[tilt])
    displaced = one(bent, samples[0], trajectory=np.full((1, bent.tilts, 3), 2.0))
    assert displaced.xy == pytest.approx(one(bent, samples[0] + 2.0).xy)


def test_views_are_those_of_warp(shared_data):
    record = read_tilt_series(
        (shared_data / "warp_xml_golden" / "TS_1.xml").read_bytes(), "TS_1.xml"
    )
    geometry = Geometry(
        name="TS_1",
        arrays={name: grid.values for name, grid in record.arrays.items()},
        margins={
            name: tuple(float(text) for text in grid.attributes["margins"])
            for name, grid in record.arrays.items()
            if "margins" in grid.attributes
        },
        hand=record.attributes["hand"],
        image=K3_IMAGE,
        volume=APOFERRITIN_VOLUME,
    )
    for place, tilts in WARPLIB.items():
        seen = one(geometry, np.array(place) + np.array(APOFERRITIN_VOLUME) / 2)
        for tilt, (x, y, *angles, defocus) in tilts.items():
            assert seen.xy[tilt] - np.array(K3_IMAGE) / 2 == pytest.approx([x, y], abs=2e-3)
            assert angles_of(seen.rotation)[tilt] == pytest.approx(angles, abs=2e-4)
            assert seen.defocus[tilt] == pytest.approx(defocus, abs=0.02)


def relion_source(shared_data, folder: str, file: str):
    root = shared_data / folder
    return read_tomograms(
        (root / file).read_bytes(), path=file, load=lambda path: (root / path).read_bytes()
    )


def geometry_of(record, image) -> Geometry:
    volume = tuple(float(text) for text in record.attributes["volume_dimensions_angstrom"])
    return Geometry(
        name=record.name,
        arrays={name: grid.values for name, grid in record.arrays.items()},
        hand=record.attributes["hand"],
        image=image,
        volume=volume,
    )


def test_projections_are_those_of_relions_matrices(shared_data, rng):
    """T(shift) T(W // 2) Rz Ry Rx T(-w // 2) in pixels, for every tilt of five real series."""
    source = relion_source(shared_data, "relion5_hiv_project", "Polish/job030/tomograms.star")
    size = np.array([3838, 3710])
    for record in source.series:
        pixel = float(record.attributes["pixel_size_angstrom"])
        geometry = geometry_of(record, tuple(size * pixel))
        text = next(each for each in record.documents if "tilt_series" in each.path)
        table = parse_star(text.content, name="t.star").table(record.name)
        columns = ("rlnTomoXTilt", "rlnTomoYTilt", "rlnTomoZRot")
        shifts = ("rlnTomoXShiftAngst", "rlnTomoYShiftAngst")
        x, y, z, dx, dy = (table.floats(column) for column in (*columns, *shifts))
        place = rng.uniform(0.1, 0.9, (6, 3)) * geometry.volume
        found = views(geometry, place[:, None], np.zeros((6, 1, 3)), rows=np.arange(6))
        found = found.xy.reshape(geometry.tilts, 6, 2) / pixel
        for tilt in range(geometry.tilts):
            matrix = rotation("z", z[tilt]) @ rotation("y", y[tilt]) @ rotation("x", x[tilt])
            centred = place / pixel - np.rint(np.array(geometry.volume) / pixel) // 2
            shift = np.array([dx[tilt], dy[tilt]]) / pixel
            wanted = (centred @ matrix.T)[:, :2] + size // 2 + shift
            assert found[tilt] == pytest.approx(wanted, abs=1e-6)


def test_the_stage_is_that_of_deposited_matrices(shared_data):
    """rlnTomoProjX, Y, Z of 41 tilts of five series that WarpTools exported."""
    folder, file = "apoferritin_warp_relion5_stars", "warp2_matching_tomograms.star"
    source = relion_source(shared_data, folder, file)
    document = parse_star((shared_data / folder / file).read_bytes(), name=file)
    assert len(source.series) == 5
    for record in source.series:
        table = document.table(record.name)
        rows = [table.vectors(f"rlnTomoProj{axis}") for axis in "XYZ"]
        wanted = np.stack([np.array(each)[:, :3] for each in rows], axis=1)
        # The file rounds to float32, and its rows are not quite orthonormal.
        assert np.abs(stage(geometry_of(record, K3_IMAGE)) - wanted).max() < 2e-6


def test_a_series_without_a_value_per_tilt_is_refused():
    with pytest.raises(InvalidState) as caught:
        plain(defocus=np.zeros(4))
    assert caught.value.fields["array"] == "defocus"


def test_joined_views_can_be_taken_apart(bent):
    seen = one(bent, (300, 300, 200))
    both = join_views([seen, seen])
    assert len(both) == 2 * len(seen)
    assert (both.take(np.arange(5)).xy == seen.xy).all()
