import pytest

from mgit.errors import InvalidInput
from mgit.exchange.mdoc import read_frame_mdocs, read_mdoc

MDOC = b"""PixelSpacing = 1.35
Voltage = 300
ImageFile = TS_01.mrc
ImageSize = 924 958

[T =     Tilt axis angle = 85.3, binning = 4  spot = 8  camera = 2]

[ZValue = 0]
TiltAngle = -3
ExposureDose = 2.5
SubFramePath = D:\\DATA\\frames\\b.mrc
DateTime = 30-Nov-15  15:22:38

[ZValue = 1]
TiltAngle = 0.001
ExposureDose = 3.0
SubFramePath = D:\\DATA\\frames\\a.mrc
DateTime = 30-Nov-15  15:21:38
"""


def values(source, name):
    return source.series[0].arrays[name].values.tolist()


@pytest.mark.parametrize("content", [MDOC, MDOC.replace(b"\n", b"\r\n")])
def test_a_tilt_series_is_read_and_exposures_follow_time(content):
    source = read_mdoc(content, path="data/TS_01.mrc.mdoc")
    series = source.series[0]
    assert series.name == "TS_01"
    assert values(source, "tilt_angle") == [-3.0, 0.001]
    assert values(source, "axis_angle") == [85.3, 85.3]
    assert values(source, "exposure") == [3.0, 0.0]
    assert series.attributes["pixel_size_angstrom"] == "1.35"
    assert series.attributes["image_size_px"] == [924, 958]
    assert [raw.path for raw in series.raw] == ["D:/DATA/frames/b.mrc", "D:/DATA/frames/a.mrc"]
    assert series.documents[0].content == content


def test_without_times_exposures_follow_the_file():
    content = MDOC.replace(b"DateTime = 30", b"DateTime = ??")
    source = read_mdoc(content, path="t.mdoc")
    assert values(source, "exposure") == [0.0, 2.5]
    assert any("file order" in note for note in source.notes)


def test_an_exposure_that_is_recorded_counts():
    content = MDOC.replace(b"TiltAngle", b"PriorRecordDose = 7.25\nTiltAngle")
    assert values(read_mdoc(content, path="t.mdoc"), "exposure") == [7.25, 7.25]


def test_without_exposures_the_array_is_absent():
    content = MDOC.replace(b"ExposureDose = 2.5", b"").replace(b"ExposureDose = 3.0", b"")
    source = read_mdoc(content, path="t.mdoc")
    assert "exposure" not in source.series[0].arrays
    assert any("no exposures" in note for note in source.notes)


def test_without_movies_the_stack_is_the_raw_file():
    content = MDOC.replace(b"SubFramePath", b"Other")
    assert [raw.path for raw in read_mdoc(content, path="t.mdoc").series[0].raw] == ["TS_01.mrc"]


def test_real_mdocs_are_read(shared_data):
    zoo = shared_data / "metadata_zoo"
    expected = {
        zoo / "mdoc/tilt_series.mdoc": (41, "5.4"),
        zoo / "warp109_ts017/017.mdoc": (60, "1.971"),
        zoo / "warp109_ts018/018.mdoc": (60, "1.971"),
        zoo / "mdoc/frame_set_single.mdoc": (1, "1.2827"),
    }
    for path, (_, pixel) in expected.items():
        source = read_mdoc(path.read_bytes(), path=path.name)
        assert source.series[0].attributes["pixel_size_angstrom"] == pixel
        assert len(source.series[0].raw) == len(values(source, "use")) > 0


def test_mdocs_of_single_movies_make_one_series(shared_data):
    folder = shared_data / "metadata_zoo/frames_mdoc"
    documents = {path.name: path.read_bytes() for path in sorted(folder.glob("*.mdoc"))}
    source = read_frame_mdocs(documents, name="TS_019")
    series = source.series[0]
    assert len(series.raw) == len(series.documents) == 61
    assert series.raw[0].path == "TS_019_0000_8.0.mrc"
    assert values(source, "exposure")[0] == 0.0728312


def test_montages_are_refused(shared_data):
    for path in sorted((shared_data / "metadata_zoo/mdoc").glob("montage*")):
        with pytest.raises(InvalidInput, match="montage"):
            read_mdoc(path.read_bytes(), path=path.name)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "no \\[ZValue\\]"),
        (b"Voltage = 300\n", "no \\[ZValue\\]"),
        (b"not an mdoc\n", "neither"),
        (MDOC.replace(b"TiltAngle = -3", b"TiltAngle = minus three"), "not a number"),
        (MDOC.replace(b"TiltAngle = -3", b"TiltAngle ="), "not a number"),
    ],
)
def test_bad_mdocs_are_refused_with_a_remedy(content, match):
    with pytest.raises(InvalidInput, match=match) as caught:
        read_mdoc(content, path="bad.mdoc")
    assert caught.value.fields["file"] == "bad.mdoc"
    assert caught.value.hint


def test_no_mdocs_are_no_series():
    with pytest.raises(InvalidInput, match="no mdoc"):
        read_frame_mdocs({}, name="t")
