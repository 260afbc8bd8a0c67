import pytest

from mgit.errors import InvalidInput
from mgit.exchange.tomostar import read_tomostar

FILE = """
data_

loop_
_wrpMovieName #1
_wrpAngleTilt #2
_wrpAxisAngle #3
_wrpDose #4
_wrpAverageIntensity #5
_wrpMaskedFraction #6
  ../frames/a.tif   40.01  -93.5  105.6  3.854  0.0
  ../frames/b.tif  -38.00  -93.5  102.9  3.950  0.0
"""


def test_a_file_is_read():
    tomostar = read_tomostar(FILE.encode(), "t.tomostar")
    assert tomostar.movies == ("../frames/a.tif", "../frames/b.tif")
    assert tomostar.tilt_angle.tolist() == [40.01, -38.0]
    assert tomostar.axis_angle.tolist() == [-93.5, -93.5]
    assert tomostar.exposure.tolist() == [105.6, 102.9]
    assert tomostar.axis_offset_x.tolist() == [0.0, 0.0]


def test_offsets_are_read_where_they_are():
    content = FILE.replace("wrpAverageIntensity", "wrpAxisOffsetX")
    content = content.replace("wrpMaskedFraction", "wrpAxisOffsetY")
    tomostar = read_tomostar(content.encode(), "t.tomostar")
    assert tomostar.axis_offset_x.tolist() == [3.854, 3.95]
    assert tomostar.axis_offset_y.tolist() == [0.0, 0.0]


def test_an_axis_angle_is_optional():
    content = FILE.replace("wrpAxisAngle", "wrpOther")
    assert read_tomostar(content.encode(), "t.tomostar").axis_angle is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wrpDose", "wrpExposure"),
        ("wrpMovieName", "rlnMovieName"),
        ("40.01", "nan"),
        ("105.6", "much"),
        ("  ../frames/b.tif  -38.00", "  ../frames/b.tif"),
        (FILE[FILE.index("  ../frames/a") :], ""),
    ],
)
def test_a_wrong_file_is_refused(old, new):
    with pytest.raises(InvalidInput) as caught:
        read_tomostar(FILE.replace(old, new).encode(), "t.tomostar")
    assert caught.value.fields["file"] == "t.tomostar"
