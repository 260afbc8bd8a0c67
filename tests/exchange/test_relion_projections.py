import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidInput, Unsupported
from mgit.exchange.relion_projections import (
    ProjectionFrame,
    check_agreement,
    check_translation,
    decode_projection,
    encode_projection,
    half_pixels,
    projection_matrices,
    whole_sizes,
)
from mgit.exchange.star import parse_star
from mgit.exchange.star_format import format_vector

SIZE, IMAGE, PIXEL = (640.0, 480.0, 160.0), (650, 500), 3.0
FRAME = ProjectionFrame(size_px=SIZE, image_size_px=IMAGE, pixel_size_angstrom=PIXEL)


def translation(x, y, z):
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def rotation(axis, angle):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler(axis, angle, degrees=True).as_matrix()
    return matrix


def relion_matrix(x, y, z, shift_x, shift_y):
    """T(shift/px) T(image // 2) Rz Ry Rx T(-volume // 2), as the RELION page writes it."""
    return (
        translation(shift_x / PIXEL, shift_y / PIXEL, 0)
        @ translation(IMAGE[0] // 2, IMAGE[1] // 2, 0)
        @ rotation("z", z)
        @ rotation("y", y)
        @ rotation("x", x)
        @ translation(-(SIZE[0] // 2), -(SIZE[1] // 2), -(SIZE[2] // 2))
    )


def tilts(matrices):
    labels = "".join(f"_rlnTomoProj{axis}\n" for axis in "XYZW")
    rows = "".join(" ".join(format_vector(row) for row in m) + "\n" for m in matrices)
    return parse_star(f"data_t\nloop_\n{labels}{rows}".encode(), name="x").table("t")


@pytest.fixture
def parameters():
    return np.random.default_rng(2).uniform(-60, 60, (7, 5))


def test_matrices_give_the_angles_and_shifts_they_were_made_of(parameters):
    matrices = np.array([relion_matrix(*row) for row in parameters])
    found = decode_projection(projection_matrices(tilts(matrices)), FRAME)
    names = ("level_angle_x", "tilt_angle", "axis_angle", "axis_offset_x", "axis_offset_y")
    for at, name in enumerate(names):
        sign = -1 if name == "tilt_angle" else 1
        assert np.allclose(found[name], sign * parameters[:, at], atol=1e-9), name
    assert not found["level_angle_y"].any()


def test_angles_and_shifts_give_the_matrices_back(parameters):
    matrices = np.array([relion_matrix(*row) for row in parameters])
    assert np.allclose(encode_projection(decode_projection(matrices, FRAME), FRAME), matrices)


def test_without_an_image_size_there_are_no_shifts_and_no_translations(parameters):
    frame = ProjectionFrame(size_px=SIZE, image_size_px=None, pixel_size_angstrom=PIXEL)
    matrices = np.array([relion_matrix(*row) for row in parameters])
    found = decode_projection(matrices, frame)
    assert "axis_offset_x" not in found
    assert not encode_projection(found, frame)[:, :3, 3].any()


@pytest.mark.parametrize("change", [np.diag([2.0, 1, 1, 1]), np.diag([1.0, 1, -1, 1])])
def test_what_is_no_rotation_is_refused(change):
    with pytest.raises(Unsupported, match="not a rotation"):
        projection_matrices(tilts([np.eye(4), change]))


def test_a_short_vector_is_refused():
    text = b"data_t\nloop_\n_rlnTomoProjX\n_rlnTomoProjY\n_rlnTomoProjZ\n_rlnTomoProjW\n"
    table = parse_star(text + b"[1,0,0] [0,1,0,0] [0,0,1,0] [0,0,0,1]\n", name="x").table("t")
    with pytest.raises(InvalidInput, match="3 numbers instead of 4"):
        projection_matrices(table)


def test_translations_need_the_image_size(parameters):
    matrices = np.array([relion_matrix(*row) for row in parameters])
    with pytest.raises(InvalidInput, match="size of the tilt images"):
        check_translation(tilts(matrices), matrices, None)
    check_translation(tilts(matrices), matrices, IMAGE)


def test_angles_and_matrices_of_one_row_must_agree(parameters):
    matrices = np.array([relion_matrix(*row) for row in parameters])
    arrays = decode_projection(matrices, FRAME)
    check_agreement(tilts(matrices), arrays)
    with pytest.raises(InvalidInput, match="disagree"):
        check_agreement(tilts(matrices), {**arrays, "axis_angle": arrays["axis_angle"] + 0.1})


@pytest.mark.parametrize("error", [1e-9, -1e-9, 9e-4, -9e-4])
def test_sizes_that_are_quotients_have_the_centre_of_the_whole_number(parameters, error):
    frame = ProjectionFrame(
        size_px=tuple(side + error for side in SIZE), image_size_px=IMAGE, pixel_size_angstrom=PIXEL
    )
    matrices = np.array([relion_matrix(*row) for row in parameters])
    for name, values in decode_projection(matrices, FRAME).items():
        assert np.array_equal(decode_projection(matrices, frame)[name], values), name
    arrays = decode_projection(matrices, FRAME)
    assert np.array_equal(encode_projection(arrays, frame), encode_projection(arrays, FRAME))


@pytest.mark.parametrize("size", [640.5, 639.998, 640.002])
def test_a_size_that_is_no_whole_number_is_refused(parameters, size):
    frame = ProjectionFrame(
        size_px=(size, 480.0, 160.0), image_size_px=IMAGE, pixel_size_angstrom=PIXEL
    )
    matrices = np.array([relion_matrix(*row) for row in parameters])
    with pytest.raises(InvalidInput, match="whole number"):
        decode_projection(matrices, frame)
    with pytest.raises(InvalidInput, match="whole number"):
        encode_projection(decode_projection(matrices, FRAME), frame)


def test_whole_sizes_are_integers():
    assert whole_sizes((3999.9999996, 4000.0004, 0.0)) == (4000, 4000, 0)


def test_odd_sizes_alone_are_half_a_pixel_apart():
    assert half_pixels((641.0, 640.0, 160.9999999)).tolist() == [0.5, 0, 0.5]
    assert half_pixels((640.5, 641.2)).tolist() == [0, 0]


@pytest.mark.parametrize("volume", [(640, 480, 160), (641, 479, 161)])
@pytest.mark.parametrize("image", [(650, 500), (651, 499)])
def test_a_point_is_seen_where_relion_sees_it_for_even_and_odd_sizes(parameters, volume, image):
    """RELION's pixel p is `p + half` pixels here, and geometry turns about n / 2 (geometry.md)."""
    point = np.array([123.4, 56.7, 89.1])
    for x, y, z, shift_x, shift_y in parameters:
        matrix = (
            translation(shift_x / PIXEL + image[0] // 2, shift_y / PIXEL + image[1] // 2, 0)
            @ rotation("z", z)
            @ rotation("y", y)
            @ rotation("x", x)
            @ translation(*(-(side // 2) for side in volume))
        )
        expected = (matrix @ [*point, 1.0])[:2] * PIXEL
        frame = ProjectionFrame(size_px=volume, image_size_px=image, pixel_size_angstrom=PIXEL)
        found = decode_projection(matrix[None], frame)
        position = (point + half_pixels(volume)) * PIXEL
        turned = matrix[:3, :3] @ (position - np.array(volume) / 2 * PIXEL)
        offset = np.array([found["axis_offset_x"][0], found["axis_offset_y"][0]])
        assert np.allclose(turned[:2] + offset + np.array(image) / 2 * PIXEL, expected, atol=1e-8)
        assert np.allclose(encode_projection(found, frame)[0], matrix, atol=1e-10)
