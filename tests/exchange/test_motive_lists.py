import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidInput
from mgit.exchange.motive_lists import read_dynamo, read_stopgap
from mgit.exchange.relion_rotations import euler_matrices

ANGLE = st.floats(-180, 180, allow_nan=False)
LABELS = (
    *("motl_idx", "tomo_num", "halfset", "orig_x", "orig_y", "orig_z"),
    *("x_shift", "y_shift", "z_shift", "phi", "psi", "the", "class"),
)


def stopgap(*rows):
    head = "data_stopgap_motivelist\n\nloop_\n" + "".join(f"_{label}\n" for label in LABELS)
    return (head + "".join("\t".join(map(str, row)) + "\n" for row in rows)).encode()


def dynamo(**values):
    row = ["0"] * 35
    places = {"dx": 3, "dy": 4, "dz": 5, "tdrot": 6, "tilt": 7, "narot": 8}
    places |= {"tomo": 19, "x": 23, "y": 24, "z": 25, "eo": 32}
    for name, value in values.items():
        row[places[name]] = repr(value)
    return (" ".join(row) + "\n").encode()


def z(angle):
    return Rotation.from_euler("z", angle, degrees=True).as_matrix()


def x(angle):
    return Rotation.from_euler("x", angle, degrees=True).as_matrix()


@given(ANGLE, ANGLE, ANGLE)
def test_stopgap_turns_about_z_then_x_then_z(phi, psi, the):
    content = stopgap((1, 2, "A", 10, 20, 30, 1, 2, 3, phi, psi, the, 1))
    found = read_stopgap(content, path="s", pixel_size_angstrom=2.0)
    assert np.allclose(euler_matrices(found.angles[0, 0]), z(psi) @ x(the) @ z(phi), atol=1e-12)
    assert found.positions.tolist() == [[[22.0, 44.0, 66.0]]]


@given(ANGLE, ANGLE, ANGLE)
def test_dynamo_turns_the_other_way(tdrot, tilt, narot):
    content = dynamo(tdrot=tdrot, tilt=tilt, narot=narot, x=5.0, dx=0.5)
    found = read_dynamo(content, path="d", pixel_size_angstrom=2.0)
    expected = z(-tdrot) @ x(-tilt) @ z(-narot)
    assert np.allclose(euler_matrices(found.angles[0, 0]), expected, atol=1e-12)
    assert found.positions[0, 0, 0] == 11.0


def test_a_published_pair_of_equal_orientations():
    """Equal reconstructions: Dynamo (-47.2730, 1.1777, -132.3000), RELION rot 137.7."""
    content = dynamo(tdrot=-47.2730, tilt=1.1777, narot=-132.3000)
    rot, tilt, psi = read_dynamo(content, path="d", pixel_size_angstrom=1.0).angles[0, 0]
    assert rot % 360 == pytest.approx(137.7)
    assert tilt == pytest.approx(1.1777)
    assert psi == pytest.approx(42.7270)


def test_a_real_stopgap_list_is_read(shared_data):
    path = shared_data / "metadata_zoo/stopgap/class6_er_mr1_1_sg.star"
    found = read_stopgap(path.read_bytes(), path=path.name, pixel_size_angstrom=5.0)
    assert found.positions.shape == (14561, 1, 3)
    assert found.half_sets is None  # every row says A
    assert found.item_names[0] == "24"
    assert np.allclose(found.positions[0, 0], [4121.0605, 3773.006, 3392.338])
    assert "score" in found.passthrough


def test_a_real_dynamo_table_is_read(shared_data):
    folder = shared_data / "metadata_zoo/dynamo_after_M"
    path = next(folder.glob("*.tbl"))
    found = read_dynamo(path.read_bytes(), path=path.name, pixel_size_angstrom=5.0)
    assert found.positions.shape == (24399, 1, 3)
    assert found.half_sets is None
    assert np.allclose(found.positions[0, 0] / 5, [1611.382, 2177.542, 935.5867])


def test_half_sets_of_stopgap_are_read():
    row = (1, 2, "A", *[0] * 10)
    content = stopgap(row, (1, 2, "B", *[0] * 10))
    found = read_stopgap(content, path="s", pixel_size_angstrom=1.0)
    assert found.half_sets.tolist() == [1, 2]


def test_half_sets_of_dynamo_are_read():
    content = dynamo(eo=1) + dynamo(eo=2)
    found = read_dynamo(content, path="d", pixel_size_angstrom=1.0)
    assert found.half_sets.tolist() == [1, 2]


@pytest.mark.parametrize(
    "content",
    [b"1 2 3\n", dynamo() + b"1 2\n", dynamo().replace(b"0 0", b"a b", 1), dynamo() + b"1 " * 26],
)
def test_bad_dynamo_tables_are_refused(content):
    with pytest.raises(InvalidInput) as caught:
        read_dynamo(content, path="d.tbl", pixel_size_angstrom=1.0)
    assert caught.value.fields["file"] == "d.tbl"
    assert caught.value.hint


def test_an_empty_dynamo_table_has_no_particles():
    assert read_dynamo(b"", path="d", pixel_size_angstrom=1.0).positions.shape == (0, 1, 3)


@pytest.mark.parametrize("pixel_size", [0.0, -2.0])
def test_a_pixel_size_must_be_positive(pixel_size):
    with pytest.raises(InvalidInput, match="not positive"):
        read_dynamo(dynamo(), path="d", pixel_size_angstrom=pixel_size)


def test_a_stopgap_list_needs_its_columns():
    content = stopgap().replace(b"_phi\n", b"_chi\n")
    with pytest.raises(InvalidInput, match="column is missing"):
        read_stopgap(content, path="s", pixel_size_angstrom=1.0)
