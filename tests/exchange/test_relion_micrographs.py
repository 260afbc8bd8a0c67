import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.relion_documents import project_loader
from mgit.exchange.relion_micrographs import read_micrographs

TABLE = b"""data_optics
loop_
_rlnOpticsGroup
_rlnMicrographOriginalPixelSize
_rlnMicrographPixelSize
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
1 0.675 1.35 300 2.7 0.1

data_micrographs
loop_
_rlnMicrographName
_rlnMicrographMetadata
_rlnOpticsGroup
_rlnDefocusU
_rlnDefocusV
_rlnDefocusAngle
MotionCorr/job002/Movies/m0.mrc MotionCorr/job002/Movies/m0.star 1 21000 20000 35
"""
METADATA = """data_general
_rlnImageSizeX 7420
_rlnImageSizeY 7676
_rlnImageSizeZ 2
_rlnMicrographMovieName Movies/m0.tif
_rlnMicrographGainName gain.mrc
_rlnMicrographOriginalPixelSize 0.5
_rlnMicrographDoseRate 1.25
_rlnMicrographPreExposure 2.5
_rlnMotionModelVersion {model}

data_global_shift
loop_
_rlnMicrographFrameNumber
_rlnMicrographShiftX
_rlnMicrographShiftY
1 0 0
2 -4 2

data_local_motion_model
loop_
_rlnMotionModelCoeffsIdx
_rlnMotionModelCoeff
{terms}
"""
TERMS = "\n".join(f"{index} {index / 2}" for index in reversed(range(36)))


def read(metadata=None, **options):
    text = METADATA.format(model=1, terms=TERMS) if metadata is None else metadata
    return read_micrographs(TABLE, path="m.star", load=lambda path: text.encode(), **options)


def test_motion_exposure_and_defocus_of_a_movie_are_read():
    series = read().series[0]
    arrays = {name: grid.values for name, grid in series.arrays.items()}
    assert arrays["global_shift"].tolist() == [[0, 0], [-2, 1]]
    assert arrays["motion_polynomial"].tolist() == [index / 4 for index in range(36)]
    assert arrays["defocus"].tolist() == [20500.0]
    assert arrays["defocus_delta"].tolist() == [1000.0]
    attributes = series.attributes
    assert attributes["exposure_per_frame"] == "1.25"
    assert attributes["pre_exposure"] == "2.5"
    assert attributes["pixel_size_angstrom"] == "0.5"
    assert attributes["image_pixel_size_angstrom"] == "1.35"
    assert (attributes["image_size_px"], attributes["frame_count"]) == ([7420, 7676], 2)
    assert [(raw.role, raw.path) for raw in series.raw] == [
        ("movie", "Movies/m0.tif"),
        ("gain", "gain.mrc"),
        ("average", "MotionCorr/job002/Movies/m0.mrc"),
    ]
    assert series.aliases == ("Movies/m0.mrc", "m0.mrc")


def test_real_movie_metadata_is_read(shared_data):
    root = shared_data / "relion5_hiv_project"
    path = root / "MotionCorr/job002/frames/TS_01_001_3_0.star"
    source = read(metadata=path.read_text())
    shifts = source.series[0].arrays["global_shift"].values
    assert shifts.shape == (8, 2)
    assert np.array_equal(shifts[0], [0, 0])
    assert "motion_polynomial" not in source.series[0].arrays


def test_micrographs_alone_are_read(shared_data):
    path = shared_data / "metadata_zoo/warp109_ts017/017_gctf.star"
    source = read_micrographs(path.read_bytes(), path=path.name)
    assert len(source.series) == 60
    pixel = float(source.series[0].attributes["pixel_size_angstrom"])
    assert pixel == pytest.approx(1.971, abs=1e-4)
    assert source.series[0].arrays["defocus"].values[0] == (35268.359375 + 35036.406250) / 2


def test_missing_metadata_is_refused_or_noted(tmp_path):
    load = project_loader(str(tmp_path / "m.star"))
    with pytest.raises(NotFound):
        read_micrographs(TABLE, path="m.star", load=load)
    source = read_micrographs(TABLE, path="m.star", load=load, missing="skip")
    assert "no motion" in source.notes[0]
    assert source.series[0].attributes["pixel_size_angstrom"] == "1.35"


def test_an_unknown_motion_model_is_refused():
    with pytest.raises(Unsupported, match="motion model 2"):
        read(METADATA.format(model=2, terms=TERMS))


@pytest.mark.parametrize("terms", ["0 1.0\n1 2.0", TERMS.replace("35 ", "34 ")])
def test_a_polynomial_has_all_its_terms(terms):
    with pytest.raises(InvalidInput, match="motion coefficients"):
        read(METADATA.format(model=1, terms=terms))


def test_without_a_model_there_is_no_polynomial():
    assert "motion_polynomial" not in read(METADATA.format(model=0, terms="0 0")).series[0].arrays


def test_a_table_without_micrographs_is_refused():
    with pytest.raises(InvalidInput, match="data_micrographs"):
        read_micrographs(b"data_x\n_y 1\n", path="m.star")


def frames(rows, *, total=4, start=None):
    """Metadata of a movie with these rows of shifts."""
    text = METADATA.format(model=0, terms="0 0").replace("SizeZ 2", f"SizeZ {total}")
    if start is not None:
        text = text.replace(
            "_rlnMotionModelV", f"_rlnMicrographStartFrame {start}\n_rlnMotionModelV"
        )
    return text.replace("1 0 0\n2 -4 2\n", rows)


@pytest.mark.parametrize(
    "rows",
    [
        "1 -9999 -9999\n2 -9999 -9999\n3 0 0\n4 -4 2\n",
        "1 7 7\n2 7 7\n3 0 0\n4 -4 2\n",
        "3 0 0\n4 -4 2\n",
    ],
)
def test_frames_before_the_first_that_is_used_have_no_shift(rows):
    series = read(frames(rows, start=3)).series[0]
    assert series.arrays["global_shift"].values.tolist() == [[0, 0], [0, 0], [0, 0], [-2, 1]]
    assert (series.attributes["frame_start"], series.attributes["frame_count"]) == (3, 2)


def test_frames_at_the_end_that_were_not_observed_are_not_used():
    series = read(frames("1 0 0\n2 -4 2\n3 -9999 -9999\n4 -9999 -9999\n")).series[0]
    assert series.arrays["global_shift"].values.tolist() == [[0, 0], [-2, 1], [0, 0], [0, 0]]
    assert series.attributes["frame_count"] == 2
    assert "frame_start" not in series.attributes


def test_a_first_frame_counts_without_shifts_too():
    text = frames("1 0 0\n", start=2).replace("data_global_shift", "data_unknown")
    series = read(text).series[0]
    assert (series.attributes["frame_start"], series.attributes["frame_count"]) == (2, 3)


@pytest.mark.parametrize(
    "rows",
    [
        "1 0 0\n2 -9999 -9999\n3 1 1\n4 1 1\n",
        "1 -9999 -9999\n2 -9999 -9999\n",
        "1 0 0\n4 1 1\n",
    ],
)
def test_observed_frames_are_consecutive(rows):
    with pytest.raises(InvalidInput, match="not consecutive"):
        read(frames(rows))


@pytest.mark.parametrize("rows", ["2 0 0\n1 0 0\n", "0 0 0\n1 0 0\n", "1 0 0\n1 0 0\n"])
def test_frame_numbers_ascend(rows):
    with pytest.raises(InvalidInput, match="do not ascend"):
        read(frames(rows))


def test_aberrations_of_the_optics_group_become_those_of_its_micrographs():
    head = b"_rlnAmplitudeContrast\n_rlnOddZernike\n_rlnEvenZernike\n_rlnBeamTiltX\n"
    content = TABLE.replace(b"_rlnAmplitudeContrast\n", head)
    content = content.replace(b"2.7 0.1\n", b"2.7 0.1 [0.5] [0.1,2] 0.25\n")
    series = read_micrographs(content, path="m.star").series[0]
    assert series.arrays["zernike_odd"].values.tolist() == [-0.5, *[0] * 11]
    assert series.arrays["zernike_even"].values.tolist() == [2, *[0] * 7]
    assert series.arrays["phase_shift"].values == pytest.approx([-5.7295779513])
    assert series.attributes["beam_tilt_x_milliradian"] == "0.25"
