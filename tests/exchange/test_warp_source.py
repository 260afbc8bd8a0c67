import pytest

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.warp_source import read_source
from mgit.exchange.warp_tilt_series import patch_tilt_series
from tests.exchange.test_tomostar import FILE as TOMOSTAR
from tests.exchange.test_warp_settings import IMPORT, settings
from tests.exchange.warp_documents import movie, tilt_series


@pytest.fixture
def project(tmp_path):
    """A project of Warp 2 with two series, of which one has a .tomostar."""
    (tmp_path / "warp_tiltseries").mkdir()
    (tmp_path / "tomostar").mkdir()
    for name in ("TS_2", "TS_1"):
        (tmp_path / "warp_tiltseries" / f"{name}.xml").write_bytes(tilt_series())
    (tmp_path / "tomostar/TS_1.tomostar").write_text(TOMOSTAR)
    (tmp_path / "warp_tiltseries.settings").write_bytes(settings({**IMPORT, "PixelSize": "1.5"}))
    return tmp_path


def test_settings_and_directory_give_the_same_source(project):
    by_file = read_source(project / "warp_tiltseries.settings")
    by_directory = read_source(project / "warp_tiltseries")
    assert [series.name for series in by_file.series] == ["TS_1", "TS_2"]
    assert by_file.documents == by_directory.documents
    assert by_file.series[0].attributes == by_directory.series[0].attributes
    assert by_file.kind == "tilt_series"
    assert by_file.notes == ()


def test_documents_keep_their_places(project):
    source = read_source(project / "warp_tiltseries")
    assert [(d.role, d.path) for d in source.documents] == [
        ("warp_settings", "warp_tiltseries.settings")
    ]
    assert [(d.role, d.path) for d in source.series[0].documents] == [
        ("warp_tilt_series_xml", "warp_tiltseries/TS_1.xml"),
        ("warp_tomostar", "tomostar/TS_1.tomostar"),
    ]


def test_what_only_the_settings_know_reaches_the_items(project):
    series = read_source(project / "warp_tiltseries").series[0]
    assert series.attributes["volume_dimensions_angstrom"] == ["6600.0", "9000.0", "1500.0"]
    assert series.attributes["gain_flip_y"] is True
    assert [file.role for file in series.raw] == ["movie"] * 3 + ["gain"]


def test_a_read_source_is_patched_without_a_trace(project):
    for series in read_source(project / "warp_tiltseries").series:
        values = {**series.attributes, **series.arrays}
        result = patch_tilt_series(series.documents[0], values)
        assert result.document == series.documents[0]


def test_the_settings_pixel_size_wins_and_the_difference_is_told(project):
    (project / "warp_tiltseries.settings").write_bytes(settings({**IMPORT, "PixelSize": "1.6"}))
    source = read_source(project / "warp_tiltseries")
    assert source.series[0].attributes["pixel_size_angstrom"] == "1.6"
    assert "1.5" in source.notes[0]


def test_a_directory_without_settings_is_read_with_a_note(project):
    (project / "warp_tiltseries.settings").unlink()
    source = read_source(project / "warp_tiltseries")
    assert "no settings" in source.notes[0]
    assert source.series[0].attributes["pixel_size_angstrom"] == "1.5"


def test_two_settings_for_one_directory_are_refused(project):
    (project / "other.settings").write_bytes(settings())
    with pytest.raises(InvalidInput, match="several"):
        read_source(project / "warp_tiltseries")


def test_movies_are_named_by_folder_and_extension(tmp_path):
    (tmp_path / "m1.xml").write_bytes(movie())
    imports = {"PixelSize": "1.0", "Extension": "*.tif", "DosePerAngstromFrame": "1.25"}
    (tmp_path / "previous.settings").write_bytes(settings(imports, None))
    source = read_source(tmp_path)
    assert source.kind == "frame_series"
    assert source.series[0].raw[0].path == "m1.tif"
    assert source.series[0].attributes["exposure_per_frame"] == "1.25"


def test_a_mixed_an_empty_and_an_absent_directory_are_refused(project):
    (project / "warp_tiltseries/m1.xml").write_bytes(movie())
    with pytest.raises(InvalidInput, match="mixes"):
        read_source(project / "warp_tiltseries")
    for path in (project / "tomostar", project / "nowhere"):
        with pytest.raises(NotFound):
            read_source(path)


def test_one_broken_item_stops_the_import(project):
    (project / "warp_tiltseries/TS_2.xml").write_bytes(tilt_series()[:-100])
    with pytest.raises(InvalidInput) as caught:
        read_source(project / "warp_tiltseries")
    assert caught.value.fields["file"] == "warp_tiltseries/TS_2.xml"


def test_real_series_are_one_source(shared_data):
    source = read_source(shared_data / "warp_xml_golden")
    assert [series.name for series in source.series] == ["00254", "TS_1"]
