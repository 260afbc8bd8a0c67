import pytest

from mgit.exchange.records import Document
from mgit.exchange.warp_pixel_size import patch_pixel_size

SETTINGS = b"""<?xml version="1.0"?>
<Settings><Import><Param Name="PixelSize" Value="1.50" /></Import>
<Tomo><Param Name="PixelSize" Value="9" /></Tomo></Settings>"""
SOURCE = b'<DataSource><Param Name="PixelSize" Value="1.50" /></DataSource>'


def patched(content, size):
    return patch_pixel_size(Document(role="x", path="x.settings", content=content), size)


@pytest.mark.parametrize("content", [SETTINGS, SOURCE])
def test_the_pixel_size_changes_and_nothing_else(content):
    result = patched(content, 1.25)
    assert result.document.content == content.replace(b"1.50", b"1.25")
    assert [line.count for line in result.report if line.verdict == "patched"] == [1]


@pytest.mark.parametrize("content", [SETTINGS, SOURCE])
def test_an_equal_pixel_size_keeps_its_spelling(content):
    result = patched(content, 1.5)
    assert result.document.content == content
    assert {line.verdict for line in result.report} == {"kept"}
