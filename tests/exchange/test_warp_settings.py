"""Settings are self-made after the parameters that both program versions write."""

import pytest

from mgit.errors import InvalidInput
from mgit.exchange.warp_settings import read_settings
from tests.exchange.warp_documents import params

IMPORT = {
    "DataFolder": "tomostar",
    "ProcessingFolder": "warp_tiltseries",
    "Extension": "*.tomostar",
    "PixelSize": "0.834",
    "GainPath": "gain.mrc",
    "GainFlipY": "True",
    "DosePerAngstromFrame": "-3",
    "EERGroupFrames": "10",
}
TOMO = {"DimensionsX": "4400", "DimensionsY": "6000", "DimensionsZ": "1000"}


def settings(imports=IMPORT, tomo=TOMO, top=None):
    text = params(top or {}, "\t") + f"<Import>{params(imports)}</Import>"
    text += f"<Tomo>{params(tomo)}</Tomo>" if tomo is not None else ""
    return f'<?xml version="1.0"?><Settings>{text}</Settings>'.encode()


def test_settings_of_warp_2_are_read():
    read = read_settings(settings(), "w.settings")
    assert (read.pixel_size_angstrom, read.dimensions_px) == (0.834, (4400, 6000, 1000))
    assert (read.exposure_per_frame, read.exposure_total) == (None, 3.0)
    assert (read.gain_path, read.gain_flip_x, read.gain_flip_y) == ("gain.mrc", False, True)
    assert (read.data_folder, read.processing_folder) == ("tomostar", "warp_tiltseries")
    assert read.eer_group_frames == 10


@pytest.mark.parametrize("encode", ["utf-16", "utf-16-le"])
def test_settings_of_warp_1_are_read(encode):
    imports = {"Folder": "D:\\data\\", "Extension": "*.tif", "DosePerAngstromFrame": "1.25"}
    content = settings(imports, None, {"PixelSizeX": "1.05", "PixelSizeY": "1.05"})
    read = read_settings(content.decode().encode(encode), "previous.settings")
    assert (read.pixel_size_angstrom, read.dimensions_px) == (1.05, None)
    assert (read.exposure_per_frame, read.exposure_total) == (1.25, None)
    assert (read.data_folder, read.extension) == ("D:\\data\\", "*.tif")


def test_a_gain_reference_that_is_switched_off_is_not_named():
    assert read_settings(settings({**IMPORT, "CorrectGain": "False"}), "w").gain_path == ""


@pytest.mark.parametrize(
    "content",
    [
        settings({k: v for k, v in IMPORT.items() if k != "PixelSize"}),
        settings({**IMPORT, "PixelSize": "0"}),
        settings({**IMPORT, "PixelSize": "NaN"}),
        settings({**IMPORT, "GainFlipX": "1"}),
        settings({**IMPORT, "DosePerAngstromFrame": "x"}),
        settings(tomo={**TOMO, "DimensionsX": "44.5"}),
        settings({}, None, {"PixelSizeX": "1.05", "PixelSizeY": "1.06"}),
        b"<Settings></Settings>",
        b"<Population/>",
        settings()[:-30],
    ],
)
def test_wrong_settings_are_refused_by_file(content):
    with pytest.raises(InvalidInput) as caught:
        read_settings(content, "w.settings")
    assert caught.value.fields["file"] == "w.settings"
