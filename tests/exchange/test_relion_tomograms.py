import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.relion_documents import project_loader
from mgit.exchange.relion_tilts import rotations_of
from mgit.exchange.relion_tomograms import read_tomograms, volumes_of
from mgit.exchange.star import parse_star

HIV = {
    "Import/job001/tilt_series.star": {"exposure", "use"},
    "MotionCorr/job002/corrected_tilt_series.star": {"exposure", "use"},
    "CtfFind/job003/tilt_series_ctf.star": {"defocus", "defocus_delta", "defocus_angle"},
    "ExcludeTiltImages/job004/selected_tilt_series.star": {"defocus", "use"},
    "AlignTiltSeries/job005/aligned_tilt_series.star": {"tilt_angle", "axis_offset_x"},
    "Tomograms/job006/tomograms.star": {"tilt_angle", "axis_offset_y"},
    "CtfRefine/job027/tomograms.star": {"tilt_angle", "ctf_scale"},
    "Polish/job030/tomograms.star": {"tilt_angle", "level_angle_x", "level_angle_y"},
}
GLOBAL = """data_global
loop_
_rlnTomoName
_rlnTomoTiltSeriesPixelSize
_rlnTomoSizeX
_rlnTomoSizeY
_rlnTomoSizeZ
_rlnTomoHand
_rlnTomoTiltSeriesStarFile
{rows}
"""
TILTS = """data_t1
loop_
_rlnMicrographName
_rlnMicrographPreExposure
_rlnTomoXTilt
_rlnTomoYTilt
_rlnTomoZRot
_rlnTomoXShiftAngst
_rlnTomoYShiftAngst
000001@ts.mrcs 3.0 1 -30 85 12 -6
000002@ts.mrcs 0.0 1   0 85 -3  9
"""


def read(text, files=None, **options):
    def load(path):
        if path not in (files or {}):
            raise NotFound("no such file", file=path)
        return files[path].encode()

    return read_tomograms(text.encode(), path="tomograms.star", load=load, **options)


@pytest.mark.parametrize("document", HIV)
def test_every_stage_of_a_real_project_is_read(shared_data, document):
    path = shared_data / "relion5_hiv_project" / document
    source = read_tomograms(path.read_bytes(), path=document, load=project_loader(str(path)))
    assert [series.name for series in source.series] == [
        "TS_01",
        "TS_03",
        "TS_43",
        "TS_45",
        "TS_54",
    ]
    for series in source.series:
        assert HIV[document] <= set(series.arrays)
        tilts = series.arrays["use"].values.size
        assert {len(grid.values) for grid in series.arrays.values()} == {tilts}
        assert series.attributes["hand"] == -1
        assert len(series.raw) in (tilts, 2 * tilts)
    aligned = "tilt_angle" in HIV[document]
    assert any("not aligned" in note for note in source.notes) != aligned


def test_projected_points_equal_the_product_of_relions_matrices(shared_data):
    """xy = image centre + [Rz Ry Rx r]_xy + shift, for real angles and shifts."""
    path = shared_data / "relion5_hiv_project/Polish/job030/tomograms.star"
    source = read_tomograms(path.read_bytes(), path="t.star", load=project_loader(str(path)))
    series = source.series[0]
    table = parse_star(series.documents[0].content, name="t").table("TS_01")
    angles = np.stack([table.floats(f"rlnTomo{name}") for name in ("XTilt", "YTilt", "ZRot")], 1)
    relion = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    shift = np.stack([table.floats(f"rlnTomo{axis}ShiftAngst") for axis in "XY"], axis=1)
    point = np.array([1776.506664, -950.69325, 1135.301351])
    arrays = {name: grid.values for name, grid in series.arrays.items()}
    ours = (rotations_of(arrays) @ point)[:, :2]
    ours += np.stack([arrays["axis_offset_x"], arrays["axis_offset_y"]], axis=1)
    assert np.allclose(ours, (relion @ point)[:, :2] + shift, atol=1e-9)


@pytest.mark.parametrize(
    ("path", "count", "tilts"),
    [
        ("apoferritin_warp_relion5_stars/warp2_matching_tomograms.star", 5, 41),
        ("ribosome_warptools_particles/tomograms.star", 2, 37),
    ],
)
def test_matrices_of_warptools_give_its_tilt_angles(shared_data, path, count, tilts):
    file = shared_data / path
    source = read_tomograms(file.read_bytes(), path=path, load=project_loader(str(file)))
    assert len(source.series) == count
    for series in source.series:
        arrays = {name: grid.values for name, grid in series.arrays.items()}
        document = parse_star(file.read_bytes(), name=path).table(series.name)
        rows = np.stack(
            [np.array(document.vectors(f"rlnTomoProj{axis}"))[:, :3] for axis in "XYZ"], axis=1
        )
        assert np.allclose(rotations_of(arrays), rows, atol=2e-6)
        assert arrays["tilt_angle"].size == tilts
        assert "axis_offset_x" not in arrays
        assert series.raw == ()
        assert series.aliases == (series.name.removesuffix(".tomostar"),)


def test_a_set_that_says_its_geometry_twice_is_read(shared_data):
    root = shared_data / "metadata_zoo/relion_repo_tilt_series"
    path = root / "tilt_series_metadata/tilt_series.star"
    source = read_tomograms(path.read_bytes(), path="t.star", load=project_loader(str(path)))
    assert len(source.series) == 5
    assert source.series[0].attributes["hand"] == 1


def test_series_without_a_table_are_refused_or_noted(shared_data):
    path = shared_data / "metadata_zoo/relion5_pytom/Tomograms/job009/tomograms.star"
    load = project_loader(str(path))
    with pytest.raises(NotFound):
        read_tomograms(path.read_bytes(), path="t.star", load=load)
    source = read_tomograms(path.read_bytes(), path="t.star", load=load, missing="skip")
    assert [series.name for series in source.series] == ["tomo200528_107"]
    assert sum("left out" in note for note in source.notes) == 9


def test_volumes_are_in_pixels_and_answer_to_aliases():
    source = read(GLOBAL.format(rows="t1 3.0 640 480 160 -1 a.star"), {"a.star": TILTS})
    assert volumes_of(source)["t1"] == ((640.0, 480.0, 160.0), 3.0)
    assert volumes_of(source)["t1.tomostar"] == ((640.0, 480.0, 160.0), 3.0)
    assert source.series[0].attributes["volume_dimensions_angstrom"] == [
        "1920.0",
        "1440.0",
        "480.0",
    ]
    assert [(raw.path, raw.sections) for raw in source.series[0].raw] == [("ts.mrcs", ())]


def test_sections_in_another_order_are_kept_with_the_stack():
    swapped = TILTS.replace("000001@", "000007@")
    source = read(GLOBAL.format(rows="t1 3.0 640 480 160 -1 a.star"), {"a.star": swapped})
    (raw,) = source.series[0].raw
    assert (raw.role, raw.path, raw.sections) == ("stack", "ts.mrcs", (7, 2))


def test_rows_from_several_stacks_leave_no_order_to_guess():
    apart = TILTS.replace("000002@ts.mrcs", "000002@other.mrcs")
    source = read(GLOBAL.format(rows="t1 3.0 640 480 160 -1 a.star"), {"a.star": apart})
    assert [raw.role for raw in source.series[0].raw] == ["stack", "stack"]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("t1 3.0 640 480 160 0 a.star", "hand"),
        ("t1 0.0 640 480 160 1 a.star", "not positive"),
        ("t1 nan 640 480 160 1 a.star", "not positive"),
        ("t1 3.0 640 480 160 1 a.star\nt1 3.0 640 480 160 1 a.star", "listed twice"),
        ("t1 3.0 640 four 160 1 a.star", "not a number"),
    ],
)
def test_a_bad_row_is_refused(rows, match):
    with pytest.raises(InvalidInput, match=match) as caught:
        read(GLOBAL.format(rows=rows), {"a.star": TILTS})
    assert caught.value.hint


def test_odd_sizes_are_noted():
    source = read(GLOBAL.format(rows="t1 3.0 641 480 160 1 a.star"), {"a.star": TILTS})
    assert any("odd" in note for note in source.notes)


@pytest.mark.parametrize(
    ("column", "bad", "neutral"),
    [("rlnTomoDefocusSlope", "0.5", "1"), ("rlnCtfBfactorPerElectronDose", "4", "0")],
)
def test_terms_that_cannot_be_applied_are_refused_by_name(column, bad, neutral):
    def with_term(value):
        text = GLOBAL.format(rows=f"t1 3.0 640 480 160 1 a.star {value}")
        return text.replace("StarFile\n", f"StarFile\n_{column}\n")

    with pytest.raises(Unsupported, match=column):
        read(with_term(bad), {"a.star": TILTS})
    assert read(with_term(neutral), {"a.star": TILTS}).series


def test_a_table_of_another_name_is_taken_when_it_is_the_only_one():
    text = GLOBAL.format(rows="t1 3.0 640 480 160 1 a.star")
    source = read(text, {"a.star": TILTS.replace("data_t1", "data_")})
    assert source.series[0].arrays["exposure"].values.tolist() == [3.0, 0.0]


def test_without_a_global_table_the_error_says_what_the_file_has():
    with pytest.raises(InvalidInput, match="data_global"):
        read("data_particles\n_x 1\n")
