import struct

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.mrc import read_header, read_stack, read_volume, write_stack, write_volume

VOLUME = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


def written(path, values=VOLUME, pixel=1.5):
    with mrcfile.new(path) as opened:
        opened.set_data(values)
        opened.voxel_size = pixel
    return path


def edited(path, offset, content):
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(content)] = content
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
def test_every_real_mode_is_read_as_float32(tmp_path, dtype):
    images = read_volume(written(tmp_path / "a.mrc", VOLUME.astype(dtype)))
    assert images.values.dtype == np.float32
    assert (images.values == VOLUME).all()
    assert images.header.pixel_size_angstrom == 1.5


def test_both_byte_orders_are_read(tmp_path):
    path = written(tmp_path / "a.mrc", VOLUME.astype(">f4"))
    assert (read_volume(path).values == VOLUME).all()
    assert read_header(path).shape == (2, 3, 4)


def test_bytes_that_imod_marks_as_unsigned_are_unsigned(tmp_path):
    path = written(tmp_path / "a.mrc", np.full((1, 2, 2), -1, dtype=np.int8))
    assert read_stack(path).values.max() == -1
    assert "signed" in read_header(path).notes[0]
    edited(path, 152, struct.pack("<ii", 1146047817, 0))
    assert read_stack(path).values.max() == 255
    edited(path, 152, struct.pack("<ii", 1146047817, 1))
    assert read_stack(path).values.max() == -1


def test_what_is_written_is_read_back(tmp_path):
    for write, read, name in (
        (write_volume, read_volume, "a.mrc"),
        (write_stack, read_stack, "b.mrcs"),
    ):
        write(tmp_path / name, VOLUME, pixel_size_angstrom=0.8341, label="a test")
        images = read(tmp_path / name)
        assert (images.values == VOLUME).all()
        assert images.header.pixel_size_angstrom == 0.8341
    assert mrcfile.validate(tmp_path / "a.mrc", print_file=None) is True


def test_the_same_values_give_the_same_file(tmp_path):
    for name in ("a.mrc", "b.mrc"):
        write_volume(tmp_path / name, VOLUME, pixel_size_angstrom=2.0, label="same")
    assert (tmp_path / "a.mrc").read_bytes() == (tmp_path / "b.mrc").read_bytes()


@given(st.floats(0.1, 30), st.integers(1, 5))
def test_a_pixel_size_survives_to_single_precision(tmp_path_factory, size, edge):
    path = tmp_path_factory.mktemp("m") / "a.mrc"
    write_volume(path, np.zeros((edge,) * 3), pixel_size_angstrom=size, label="x")
    assert read_volume(path).header.pixel_size_angstrom == pytest.approx(size, rel=2e-7)


def test_a_file_is_never_overwritten(tmp_path):
    path = written(tmp_path / "a.mrc")
    with pytest.raises(InvalidInput, match="exists"):
        write_volume(path, VOLUME, pixel_size_angstrom=1.0, label="x")
    assert (read_volume(path).values == VOLUME).all()


@pytest.mark.parametrize(
    ("offset", "content", "error", "field"),
    [
        (0, struct.pack("<i", 0), InvalidInput, None),
        (8, struct.pack("<i", -3), InvalidInput, "nx, ny, nz"),
        (12, struct.pack("<i", 4), Unsupported, "mode"),
        (12, struct.pack("<i", 99), Unsupported, "mode"),
        (40, struct.pack("<f", -1.0), InvalidInput, "cella, mx"),
        (40, struct.pack("<f", float("nan")), InvalidInput, "cella, mx"),
        (40, struct.pack("<f", 0.0), InvalidInput, "cella"),
        (44, struct.pack("<f", 9.9), InvalidInput, "cella, mx"),
        (64, struct.pack("<iii", 3, 2, 1), Unsupported, "mapc, mapr, maps"),
        (92, struct.pack("<i", -5), InvalidInput, "nsymbt"),
        (1024, struct.pack("<f", float("nan")), InvalidInput, "data"),
    ],
)
def test_a_wrong_header_is_refused_by_field(tmp_path, offset, content, error, field):
    path = edited(written(tmp_path / "a.mrc"), offset, content)
    with pytest.raises(error) as caught:
        read_volume(path)
    assert caught.value.fields["file"] == str(path)
    if field is not None:
        assert caught.value.fields["field"] == field


@pytest.mark.parametrize("length", [0, 100, 1023, 1024, 1100])
def test_a_truncated_file_is_refused(tmp_path, length):
    path = written(tmp_path / "a.mrc")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InvalidInput, match=r"too short|shorter"):
        read_header(path)


def test_an_uneven_box_is_refused_where_a_cube_is_needed(tmp_path):
    path = written(tmp_path / "a.mrc")
    with pytest.raises(InvalidInput, match="cubic"):
        read_volume(path, cubic=True)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        read_header(tmp_path / "none.mrc")


def test_values_that_are_not_finite_are_not_written(tmp_path):
    with pytest.raises(InvalidInput, match="finite"):
        write_volume(tmp_path / "a.mrc", VOLUME * np.nan, pixel_size_angstrom=1.0, label="x")
    assert not (tmp_path / "a.mrc").exists()


def test_real_maps_and_stacks_are_read(shared_data):
    beta_gal = read_volume(shared_data / "maps/betaGal.mrc", cubic=True)
    assert (beta_gal.values.shape, beta_gal.header.pixel_size_angstrom) == ((100, 100, 100), 3.54)
    groel = read_header(shared_data / "maps/groel_gorgon_80.mrc")
    assert groel.start == (-40, -40, -40)
    assert "not applied" in groel.notes[0]
    relion = read_stack(shared_data / "spa_and_sta_small_stacks/relion31.mrcs")
    assert "MAP" in relion.header.notes[0]
    with mrcfile.open(shared_data / "spa_and_sta_small_stacks/empiar_10076_7.mrc") as opened:
        expected = opened.data
        images = read_stack(shared_data / "spa_and_sta_small_stacks/empiar_10076_7.mrc")
        assert (images.values == expected).all()
