"""Source files are self-made after the documented layout; no program wrote them."""

from dataclasses import replace

import pytest

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.m_source import (
    MSource,
    MSourceFile,
    load_source,
    read_source_file,
    write_source,
)
from tests.exchange.warp_documents import movie, tilt_series

GUID = "01234567-89ab-cdef-0123-456789abcdef"
SOURCE = MSource(
    guid=GUID,
    name="10491",
    pixel_size_angstrom=1.5,
    files=(
        MSourceFile(data_hash="hash_one", name="TS_1.tomostar"),
        MSourceFile(data_hash="hash-two", name="TS_2.tomostar", weight=0.5, b_factor=-3.0),
    ),
    version="vv",
    dimensions_px=(4400, 6000, 1000),
    gain_flip_y=True,
    exposure=-3.0,
    gain_path="gain.mrc",
    used_species=((GUID, "v1"),),
)


@pytest.fixture
def written(tmp_path):
    def write(source, items):
        for name, content in items.items():
            (tmp_path / name).write_bytes(content)
        path = tmp_path / "s.source"
        path.write_bytes(write_source(source))
        return path

    return write


def test_a_source_is_written_and_read_back():
    again, document = read_source_file(write_source(SOURCE), "s.source")
    assert again == SOURCE
    assert document.role == "m_source"


def test_items_are_found_by_their_data_hash(written):
    path = written(SOURCE, {"TS_1.xml": tilt_series(), "TS_2.xml": tilt_series()})
    record = load_source(path)
    assert [series.name for series in record.series] == ["TS_1", "TS_2"]
    assert record.series[1].aliases == ("TS_2.tomostar", "TS_2.xml", "hash-two")
    dimensions = record.series[0].attributes["volume_dimensions_angstrom"]
    assert dimensions == ["6600.0", "9000.0", "1500.0"]
    assert record.attributes["name"] == "10491"


def test_a_source_of_movies_is_read(written):
    files = (MSourceFile(data_hash="h", name="m1.eer"),)
    source = replace(SOURCE, files=files, exposure=1.5, dimensions_px=(0, 0, 0))
    record = load_source(written(source, {"m1.xml": movie()}))
    attributes = record.series[0].attributes
    assert (attributes["exposure_per_frame"], attributes["eer_grouping"]) == ("1.5", 10)
    assert record.series[0].raw[0].path == "m1.eer"


def test_an_item_without_xml_is_named(written):
    with pytest.raises(NotFound) as caught:
        load_source(written(SOURCE, {"TS_1.xml": tilt_series()}))
    assert caught.value.fields["item"] == "TS_2.tomostar"


def test_terms_of_the_whole_source_are_refused(written):
    items = {"TS_1.xml": tilt_series(), "TS_2.xml": tilt_series(), "m1.xml": movie()}
    with pytest.raises(Unsupported) as caught:
        load_source(written(replace(SOURCE, frame_limit=20), items))
    assert caught.value.fields["node"] == "FrameLimit"
    files = (MSourceFile(data_hash="h", name="m1.tif"),)
    heavy = replace(SOURCE, files=files, relative_weight=0.5)
    with pytest.raises(Unsupported) as caught:
        load_source(written(heavy, items))
    assert caught.value.fields["node"] == "RelativeWeight"
    load_source(written(replace(SOURCE, relative_weight=0.5), items))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Hash="hash-two"', 'Hash="hash_one"'),
        ('Hash="hash-two"', 'Hash=""'),
        ('Name="TS_2.tomostar"', ""),
        ('Weight="0.5"', 'Weight="half"'),
        ('"PixelSize" Value="1.5"', '"PixelSize" Value="-1.5"'),
        ('"PixelSize"', '"Pixel"'),
        ('"FrameLimit" Value="-1"', '"FrameLimit" Value="all"'),
        ("<Files>", "<File>"),
        ("0,0,0", "0,0"),
    ],
)
def test_a_malformed_source_is_refused(old, new):
    text = write_source(SOURCE).decode()
    assert old in text
    with pytest.raises(InvalidInput):
        read_source_file(text.replace(old, new).encode(), "s.source")


def test_an_empty_and_an_absent_source_are_refused(written, tmp_path):
    with pytest.raises(InvalidInput, match="no items"):
        load_source(written(replace(SOURCE, files=()), {}))
    with pytest.raises(NotFound):
        load_source(tmp_path / "none.source")
