import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.exchange.records import GridValues
from mgit.exchange.warp_item import common_attributes, raw_files, root_name, same_values
from mgit.exchange.xml_document import parse_xml


def options(**values):
    inner = "".join(f'<Param Name="{name}" Value="{value}"/>' for name, value in values.items())
    return parse_xml(f"<Movie><OptionsCTF>{inner}</OptionsCTF></Movie>".encode(), "m.xml")


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/TS_1.xml", "TS_1"), ("TS_1", "TS_1"), ("d\\e\\x.y.xml", "x.y"), ("a.b/c.tomostar", "c")],
)
def test_the_root_name_has_no_directory_and_no_extension(path, name):
    assert root_name(path) == name


def test_facts_copied_from_the_settings_are_read():
    document = options(PixelSize="1.5", GainPath="g.mrc", GainTranspose="True", EERGroupFrames="4")
    assert common_attributes(document) == {
        "pixel_size_angstrom": "1.5",
        "gain_flip_x": False,
        "gain_flip_y": False,
        "gain_transpose": True,
        "eer_grouping": 4,
    }
    assert common_attributes(options(PixelSizeX="2", PixelSizeY="2")) == {
        "pixel_size_angstrom": "2.0"
    }
    assert common_attributes(parse_xml(b"<Movie/>", "m.xml")) == {}


@pytest.mark.parametrize(
    "values",
    [{"PixelSize": "0"}, {"PixelSize": "x"}, {"PixelSizeX": "1", "PixelSizeY": "2"}],
)
def test_impossible_pixel_sizes_are_refused(values):
    with pytest.raises(InvalidInput):
        common_attributes(options(**values))


def test_gain_and_defects_follow_the_raw_files():
    files = raw_files(options(GainPath="g.mrc", DefectsPath="d.txt"), "movie", ["m.tif"])
    assert [(file.role, file.path) for file in files] == [
        ("movie", "m.tif"),
        ("gain", "g.mrc"),
        ("defects", "d.txt"),
    ]
    assert raw_files(options(GainPath=""), "movie", []) == ()


def test_values_are_the_same_only_to_the_last_bit():
    def values(number, margins=("0", "0", "0")):
        grid = GridValues(values=np.array([[[number]]]), attributes={"margins": list(margins)})
        return {"g": grid, "a": "1.0"}

    assert same_values(values(0.0), values(0.0))
    assert not same_values(values(0.0), values(-0.0))
    assert not same_values(values(1.0), values(np.nextafter(1.0, 2.0)))
    assert not same_values(values(1.0), values(1.0, ("0", "0", "0.25")))
    assert not same_values(values(1.0), {**values(1.0), "a": 1})
    assert not same_values(values(1.0), {"a": "1.0"})
