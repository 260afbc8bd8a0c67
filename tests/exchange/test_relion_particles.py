import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidInput
from mgit.exchange.records import Document
from mgit.exchange.relion_particles import read_particles, read_trajectories
from mgit.exchange.star import parse_star

HIV_VOLUMES = {f"TS_{n}": ((4000.0, 4000.0, 2000.0), 1.35) for n in ("01", "03", "43", "45", "54")}
COLUMNS = [
    "rlnTomoName",
    *(f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"),
    *(f"rlnAngle{part}" for part in ("Rot", "Tilt", "Psi")),
    *(f"rlnOrigin{axis}Angst" for axis in "XYZ"),
    *(f"rlnTomoSubtomogram{part}" for part in ("Rot", "Tilt", "Psi")),
    "rlnRandomSubset",
]
NUMBER = st.floats(-300, 300, allow_nan=False)
FILES = {
    "relion5_hiv_project/Refine3D/job023/run_data.star": (9442, "relion_5_tomo"),
    "apoferritin_warp_relion5_stars/warp2_particles_matching.star": (1218, "relion_5_tomo"),
    "ribosome_warptools_particles/particles.star": (20, "relion_5_tomo"),
    "metadata_zoo/relion4_refine/refine.star": (300, "relion_4_tomo"),
    "metadata_zoo/relion_particles/relion_4.0.star": (1746, "relion_4_tomo"),
    "metadata_zoo/relion_particles/relion_3.0.star": (3, "relion_3.0_subtomograms"),
    "metadata_zoo/relion_particles/relion_3.1_optics2.star": (3, "relion_3.1_subtomograms"),
    "metadata_zoo/relion_particles/relion31_sta/run_it025_data.star": (
        7488,
        "relion_3.1_subtomograms",
    ),
    "spa_17_aspire/sample_particles_relion30.star": (17, "relion_3.0_single_particles"),
    "spa_17_aspire/sample_particles_relion31.star": (17, "relion_3.1_single_particles"),
    "spa_and_sta_small_stacks/FinalRefinement-OriginalParticles-PfCRT.star": (
        5,
        "relion_3.0_single_particles",
    ),
    "spa_and_sta_small_stacks/relion31.star": (5, "relion_3.1_single_particles"),
    "spa_and_sta_small_stacks/relion31.v2.star": (5, "relion_3.1_single_particles"),
    "spa_and_sta_small_stacks/relion31.6opticsgroups.star": (139, "relion_3.1_single_particles"),
    "spa_and_sta_small_stacks/relion5.star": (17, "relion_3.1_single_particles"),
    "spa_and_sta_small_stacks/sta_testing_bin8.star": (219, "relion_3.0_single_particles"),
}


def loop(block, columns, rows):
    labels = "".join(f"_{column}\n" for column in columns)
    body = "".join(" ".join(map(str, row)) + "\n" for row in rows)
    return f"data_{block}\nloop_\n{labels}{body}\n"


def relion_matrix(angles):
    """Rz(-psi) Ry(-tilt) Rz(-rot), multiplied out by scipy."""
    return Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()


@pytest.mark.parametrize("path", FILES)
def test_every_generation_of_tables_is_read(shared_data, path):
    content = (shared_data / path).read_bytes()
    table = read_particles(content, path=path, volumes=HIV_VOLUMES)
    rows, form = FILES[path]
    assert table.positions.shape == table.angles.shape == (rows, 1, 3)
    assert table.attributes["format"] == form
    assert np.isfinite(table.positions).all()
    assert len(table.item_names) == rows
    for values in table.passthrough.values():
        assert len(values) == rows


def test_real_poses_equal_the_direct_matrix_products(shared_data):
    """position = centred + size / 2 * px - A_sub origin; orientation = A_sub A (RELION page)."""
    path = shared_data / "relion5_hiv_project/Refine3D/job023/run_data.star"
    found = read_particles(path.read_bytes(), path="p", volumes=HIV_VOLUMES)
    table = parse_star(path.read_bytes(), name="p").table("particles")

    def stack(form):
        return np.stack([table.floats(form.format(axis)) for axis in "XYZ"], axis=1)

    def euler(stem):
        return np.stack([table.floats(stem + part) for part in ("Rot", "Tilt", "Psi")], axis=1)

    outer = relion_matrix(euler("rlnTomoSubtomogram"))
    turned = np.einsum("nij,nj->ni", outer, stack("rlnOrigin{}Angst"))
    centre = np.array([4000, 4000, 2000]) / 2 * 1.35
    expected = stack("rlnCenteredCoordinate{}Angst") + centre - turned
    assert np.allclose(found.positions[:, 0], expected, atol=1e-9)
    product = outer @ relion_matrix(euler("rlnAngle"))
    assert np.allclose(relion_matrix(found.angles[:, 0]), product, atol=1e-9)
    assert found.half_sets.tolist() == table.integers("rlnRandomSubset").tolist()
    assert found.passthrough["rlnTomoVisibleFrames"][0].startswith("[0,0,0,")


@given(st.lists(st.tuples(*[NUMBER] * 12), min_size=1, max_size=4))
def test_any_pose_follows_the_matrix_products(rows):
    text = loop("particles", COLUMNS, [("t", *row, 1) for row in rows])
    found = read_particles(text.encode(), path="p", volumes={"t": ((100.0, 80.0, 60.0), 2.5)})
    values = np.array(rows)
    outer, inner = relion_matrix(values[:, 9:12]), relion_matrix(values[:, 3:6])
    origin = np.einsum("nij,nj->ni", outer, values[:, 6:9])
    expected = values[:, :3] + [125.0, 100.0, 75.0] - origin
    assert np.allclose(found.positions[:, 0], expected, atol=1e-9)
    assert np.allclose(relion_matrix(found.angles[:, 0]), outer @ inner, atol=1e-6)


def test_coordinates_in_pixels_take_the_tilt_series_pixel_size_unless_told():
    text = loop("optics", ["rlnOpticsGroup", "rlnTomoTiltSeriesPixelSize"], [(1, 1.5)])
    columns = ["rlnTomoName", "rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"]
    text += loop("particles", [*columns, "rlnOpticsGroup"], [("t", 10, 20, 30, 1)])
    assert read_particles(text.encode(), path="p").positions.tolist() == [[[15.0, 30.0, 45.0]]]
    told = read_particles(text.encode(), path="p", coordinate_pixel_size_angstrom=12.0)
    assert told.positions.tolist() == [[[120.0, 240.0, 360.0]]]
    assert told.attributes["coordinate_pixel_size_angstrom"] == "12.0"


def test_the_ribosomes_lie_inside_their_tomogram_with_the_export_pixel_size(shared_data):
    path = shared_data / "ribosome_warptools_particles/particles.star"
    found = read_particles(path.read_bytes(), path="p", coordinate_pixel_size_angstrom=12.0)
    size = np.array([4400, 6000, 1400]) * 1.667
    assert (found.positions > 0).all()
    assert (found.positions < size).all()
    assert found.positions[:, 0].max(axis=0)[1] > size[1] / 2


def test_coordinates_that_fill_a_corner_only_are_doubted(shared_data):
    path = shared_data / "ribosome_warptools_particles/particles.star"
    names = ("Unt_083.tomostar", "Unt_050.tomostar")
    volumes = dict.fromkeys(names, ((4400.0, 6000.0, 1400.0), 1.667))
    found = read_particles(path.read_bytes(), path="p", volumes=volumes)
    assert any("--coordinate-pixel-size 12" in note for note in found.notes)
    told = read_particles(
        path.read_bytes(), path="p", volumes=volumes, coordinate_pixel_size_angstrom=12.0
    )
    assert not any("corner" in note for note in told.notes)


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        (["rlnOriginX", "rlnOriginY"], [2, -1], [100 - 4, 200 + 2]),
        (["rlnOriginXAngst", "rlnOriginYAngst"], [2, -1], [98, 201]),
        ([], [], [100, 200]),
    ],
)
def test_old_tables_take_the_pixel_size_of_the_detector(columns, values, expected):
    head = ["rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY", "rlnDetectorPixelSize"]
    row = ["m.mrc", 50, 100, 5.0, 25000, *values]
    text = loop("", [*head, "rlnMagnification", *columns], [row])
    found = read_particles(text.encode(), path="p")
    assert found.positions[0, 0].tolist() == [*expected, 0.0]


def test_pixel_sizes_differ_between_optics_groups():
    text = loop("optics", ["rlnOpticsGroup", "rlnMicrographPixelSize"], [(2, 2.0), (1, 1.0)])
    columns = ["rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY", "rlnOpticsGroup"]
    text += loop("particles", columns, [("a", 10, 10, 1), ("b", 10, 10, 2)])
    assert read_particles(text.encode(), path="p").positions[:, 0, 0].tolist() == [10.0, 20.0]


def test_defocus_stays_per_particle_and_is_listed_as_applied(shared_data):
    path = shared_data / "spa_and_sta_small_stacks/relion5.star"
    found = read_particles(path.read_bytes(), path="p")
    assert found.attributes["applied_columns"] == ["rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"]
    assert found.passthrough["rlnDefocusU"][0] == 11949.06133


def test_a_table_without_half_sets_says_so(shared_data):
    path = shared_data / "ribosome_warptools_particles/particles.star"
    found = read_particles(path.read_bytes(), path="p")
    assert found.half_sets is None
    assert any("half sets" in note for note in found.notes)


def row(**changes):
    values = dict.fromkeys(COLUMNS, "0") | {"rlnTomoName": "t", "rlnRandomSubset": "1"} | changes
    columns = [column for column in COLUMNS if values[column] is not None]
    return loop("particles", columns, [[values[column] for column in columns]]).encode()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (row(rlnTomoName="unknown"), "size of tomogram 'unknown'"),
        (row(rlnRandomSubset="3"), "half set 3"),
        (row(rlnRandomSubset="0"), "half set 0"),
        (row(rlnAngleRot="ten"), "not a number"),
        (row(rlnOriginYAngst="[1,2]"), "not a number"),
        (row(rlnCenteredCoordinateXAngst=None), "column is missing"),
        (row(rlnTomoName=None), "column is missing"),
        (loop("particles", ["rlnCoordinateX", "rlnTomoName"], [(1, "t")]).encode(), "missing"),
        (
            loop(
                "", ["rlnCoordinateX", "rlnCoordinateY", "rlnMicrographName"], [(1, 2, "m")]
            ).encode(),
            "pixel size of the coordinates",
        ),
        (b"data_model\n_rlnPixelSize 1\n", "data_particles"),
    ],
)
def test_bad_tables_are_refused_with_the_column_and_a_remedy(content, match):
    with pytest.raises(InvalidInput, match=match) as caught:
        read_particles(content, path="p.star", volumes={"t": ((10.0, 10.0, 10.0), 1.0)})
    assert caught.value.fields["file"] == "p.star"
    assert caught.value.hint


@pytest.mark.parametrize("size", [0.0, -1.0])
def test_a_coordinate_pixel_size_must_be_positive(size):
    text = loop("particles", ["rlnTomoName", "rlnCoordinateX", "rlnCoordinateY"], [("t", 1, 2)])
    with pytest.raises(InvalidInput, match="not positive"):
        read_particles(text.encode(), path="p", coordinate_pixel_size_angstrom=size)


def motion(paths):
    text = f"data_general\n_rlnParticleNumber {len(paths)}\n\n"
    columns = ["rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst"]
    text += "".join(loop(name, columns, path) for name, path in paths.items())
    return Document(role="relion_trajectories", path="motion.star", content=text.encode())


def test_trajectories_come_in_particle_order_padded_with_zeros():
    document = motion({"t/1": [(1, 2, 3)], "t/2": [(4, 5, 6), (7, 8, 9)]})
    found = read_trajectories(document, particle_names=["t/2", "t/1"])
    assert found.tolist() == [[[4, 5, 6], [7, 8, 9]], [[1, 2, 3], [0, 0, 0]]]
    with pytest.raises(InvalidInput, match="t/3"):
        read_trajectories(document, particle_names=["t/3"])


def test_a_table_carries_its_trajectories():
    columns = [*COLUMNS, "rlnTomoParticleName"]
    text = loop("particles", columns, [["t", *["0"] * 12, 1, "t/1"]])
    document = motion({"t/1": [(1, 2, 3)]})
    volumes = {"t": ((10.0, 10.0, 10.0), 1.0)}
    found = read_particles(text.encode(), path="p", volumes=volumes, trajectories=document)
    assert found.trajectories.shape == (1, 1, 3)
    assert found.companions == (document,)


def pixel_coordinates(x, y, z):
    columns = ["rlnTomoName", *(f"rlnCoordinate{axis}" for axis in "XYZ")]
    return loop("particles", columns, [["t1", x, y, z]]).encode()


ODD = {"t1": ((641.0, 480.0, 161.0), 2.0)}


def test_pixels_of_odd_tomograms_are_counted_about_their_middle_voxel():
    table = read_particles(pixel_coordinates(320, 240, 80), path="p.star", volumes=ODD)
    middle = np.array([641.0, 480.0, 161.0]) / 2 * 2.0
    assert np.array_equal(table.positions[0, 0], middle)


def test_pixels_of_other_images_have_no_middle_voxel():
    found = read_particles(
        pixel_coordinates(320, 240, 80),
        path="p.star",
        volumes=ODD,
        coordinate_pixel_size_angstrom=4.0,
    )
    assert np.array_equal(found.positions[0, 0], [1280.0, 960.0, 320.0])


def test_centred_coordinates_count_from_the_centre_of_odd_tomograms():
    row = ["t1", 1.0, 2.0, 3.0]
    columns = [COLUMNS[0], *COLUMNS[1:4]]
    found = read_particles(loop("particles", columns, [row]).encode(), path="p", volumes=ODD)
    assert np.array_equal(found.positions[0, 0], [642.0, 482.0, 164.0])
