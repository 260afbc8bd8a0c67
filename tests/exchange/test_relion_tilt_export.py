import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.exchange.records import Document
from mgit.exchange.relion_documents import project_loader
from mgit.exchange.relion_tilt_export import ItemState, patch_tilt_series, patch_tomograms
from mgit.exchange.relion_tomograms import read_tomograms
from mgit.exchange.star import parse_star

HIV = "relion5_hiv_project/"
SETS = [
    HIV + "Import/job001/tilt_series.star",
    HIV + "MotionCorr/job002/corrected_tilt_series.star",
    HIV + "CtfFind/job003/tilt_series_ctf.star",
    HIV + "ExcludeTiltImages/job004/selected_tilt_series.star",
    HIV + "AlignTiltSeries/job005/aligned_tilt_series.star",
    HIV + "Tomograms/job006/tomograms.star",
    HIV + "CtfRefine/job027/tomograms.star",
    HIV + "Polish/job030/tomograms.star",
    "apoferritin_warp_relion5_stars/warp2_matching_tomograms.star",
    "ribosome_warptools_particles/tomograms.star",
    "metadata_zoo/relion_repo_tilt_series/tilt_series_metadata/tilt_series.star",
]


def read(path, **options):
    return read_tomograms(
        path.read_bytes(), path=path.name, load=project_loader(str(path)), **options
    )


def state_of(series, **changes):
    arrays = {name: grid.values for name, grid in series.arrays.items()}
    return ItemState(arrays=arrays | changes, attributes=dict(series.attributes))


def differing_lines(old, new):
    pairs = zip(old.split(b"\n"), new.split(b"\n"), strict=True)
    return [at for at, (a, b) in enumerate(pairs) if a != b]


@pytest.mark.parametrize("path", SETS)
def test_unchanged_values_give_identical_bytes(shared_data, path):
    source = read(shared_data / path)
    items = {series.name: state_of(series) for series in source.series}
    patched = patch_tomograms(source.documents[0], items=items)
    assert patched.document == source.documents[0]
    assert {entry.verdict for entry in patched.report} <= {"kept"}
    for series in source.series:
        for document in series.documents:
            back = patch_tilt_series(document, name=series.name, state=items[series.name])
            assert back.document == document
            assert {entry.verdict for entry in back.report} == {"kept"}


@pytest.mark.parametrize("path", SETS[6:])
def test_a_changed_tilt_changes_its_line_and_reads_back(shared_data, path):
    source = read(shared_data / path)
    series = source.series[0]
    changes = {}
    for name in ("tilt_angle", "axis_angle", "exposure", "defocus", "axis_offset_x"):
        if name in series.arrays:
            changes[name] = series.arrays[name].values.copy()
            changes[name][4] += 0.125
    state = state_of(series, **changes)
    if series.documents:
        document = series.documents[0]
        new = patch_tilt_series(document, name=series.name, state=state).document
        assert len(differing_lines(document.content, new.content)) == 1
        load = project_loader(str(shared_data / path))
        again = read_tomograms(
            source.documents[0].content,
            path="t",
            load=lambda named: new.content if named == new.path else load(named),
        )
    else:
        items = {each.name: state_of(each) for each in source.series} | {series.name: state}
        new = patch_tomograms(source.documents[0], items=items).document
        assert len(differing_lines(source.documents[0].content, new.content)) == 1
        again = read_tomograms(new.content, path="t", load=project_loader("t"))
    for name, values in state.arrays.items():
        found = again.series[0].arrays[name].values
        assert np.allclose(found, values, rtol=2e-6, atol=2e-6), name


TILTS = b"""data_t1

loop_
_rlnMicrographName #1
_rlnMicrographPreExposure #2
_rlnTomoYTilt #3
_rlnDefocusU #4
_rlnDefocusV #5
a.mrc     3.000000    -30.00000 30000.000000 29000.000000
b.mrc     0.000000     0.000000 31000.000000 30000.000000
c.mrc     6.000000    30.000000 32000.000000 31000.000000
"""
DOCUMENT = Document(role="relion_tilt_series", path="t1.star", content=TILTS)
ARRAYS = {
    "tilt_angle": np.array([30.0, 0.0, -30.0]),
    "level_angle_y": np.zeros(3),
    "exposure": np.array([3.0, 0.0, 6.0]),
    "defocus": np.array([29500.0, 30500.0, 31500.0]),
    "defocus_delta": np.full(3, 1000.0),
    "use": np.ones(3, dtype=bool),
}


def patch(document=DOCUMENT, **changes):
    return patch_tilt_series(document, name="t1", state=ItemState(arrays=ARRAYS | changes))


def test_changed_cells_keep_their_format():
    defocus = ARRAYS["defocus"] + [0.0, 12.5, 0.0]
    content = patch(defocus=defocus).document.content
    assert content == TILTS.replace(b"31000.000000 30000.000000", b"31012.500000 30012.500000")


def test_a_level_angle_is_folded_into_the_tilt():
    content = patch(level_angle_y=np.array([0.0, 1.5, 0.0])).document.content
    assert content == TILTS.replace(b"     0.000000 31000", b"    -1.500000 31000")


def test_arrays_that_the_table_lacks_are_added_when_they_say_something():
    same = patch(ctf_scale=np.ones(3), axis_offset_x=np.zeros(3))
    assert same.document.content == TILTS
    offsets = np.array([1.5, -0.25, 1e-9])
    patched = patch(axis_offset_x=offsets)
    table = parse_star(patched.document.content, name="x").table("t1")
    assert table.floats("rlnTomoXShiftAngst").tolist() == offsets.tolist()
    assert patched.report[-1].verdict == "added" or any(
        entry.verdict == "added" and entry.count == 3 for entry in patched.report
    )


def test_unused_tilts_leave_the_table():
    patched = patch(use=np.array([True, False, True]))
    table = parse_star(patched.document.content, name="x").table("t1")
    assert table.strings("rlnMicrographName") == ("a.mrc", "c.mrc")
    assert [e.count for e in patched.report if e.verdict == "dropped"] == [1]


def test_what_relion_cannot_hold_is_reported():
    patched = patch(image_warp_x=np.ones((3, 2, 2)), stage_angle_x=np.zeros((3, 1, 1)))
    dropped = [entry for entry in patched.report if entry.verdict == "dropped"]
    assert [(entry.field, entry.count) for entry in dropped] == [("data_t1/(image_warp_x)", 12)]
    assert patched.document.content == TILTS


def test_another_number_of_tilts_is_refused():
    with pytest.raises(InvalidState, match="'exposure' has 2 tilts"):
        patch(exposure=np.zeros(2))


def test_deformations_are_rewritten_row_by_row():
    text = b"data_t1\nloop_\n_rlnTomoDeformationCoefficients\n[1,2,3]\n[0.1,0,0]\n"
    document = Document(role="relion_tilt_series", path="d.star", content=text)
    values = np.array([[1.0, 2.0, 3.0], [0.1, 0.0, 0.0]])

    def content(values):
        state = ItemState(arrays={"image_deformation": values})
        return patch_tilt_series(document, name="t1", state=state).document.content

    assert content(values) == text
    values[1, 2] = 1 / 3
    assert content(values) == text.replace(b"[0.1,0,0]", b"[0.1,0,0.3333333333333333]")
    state = ItemState(arrays=ARRAYS | {"image_deformation": np.ones((3, 2))})
    added = patch_tilt_series(DOCUMENT, name="t1", state=state).document.content
    assert b"_rlnTomoDeformationCoefficients #6\n" in added
    assert added.count(b" [1,1]\n") == 3


GLOBAL = b"""data_global

loop_
_rlnTomoName #1
_rlnVoltage #2
_rlnTomoHand #3
_rlnTomoTiltSeriesPixelSize #4
_rlnTomoSizeX #5
_rlnTomoSizeY #6
_rlnTomoSizeZ #7
_rlnTomoTiltSeriesStarFile #8
t1 300.000000 -1.00000 1.350000 4000 4000 2000 a.star
t2 300.000000 -1.00000 1.350000 4000 4000 2000 b.star
"""


def patch_global(**items):
    document = Document(role="relion_tomograms", path="t.star", content=GLOBAL)
    states = {
        name: ItemState(arrays=value.pop("arrays", {}), attributes=value)
        for name, value in items.items()
    }
    return patch_tomograms(document, items=states)


def test_attributes_are_rewritten_where_they_changed():
    patched = patch_global(
        t1={"hand": -1, "voltage_kilovolt": "300.0"},
        t2={"hand": 1, "volume_dimensions_angstrom": ["2700.0", "5400.0", "2700.0"]},
    )
    new = b"t2 300.000000 1.00000 1.350000 2000 4000 2000 b.star"
    lines = patched.document.content.split(b"\n")
    assert lines[:12] == GLOBAL.split(b"\n")[:12]
    assert lines[12].split() == new.split()


def test_a_new_pixel_size_keeps_the_volume_in_angstrom():
    patched = patch_global(
        t1={
            "pixel_size_angstrom": "2.7",
            "volume_dimensions_angstrom": ["5400.0", "5400.0", "2700.0"],
        },
        t2={},
    )
    table = parse_star(patched.document.content, name="x").table("global")
    assert table.floats("rlnTomoSizeX").tolist() == [2000, 4000]
    assert table.floats("rlnTomoTiltSeriesPixelSize").tolist() == [2.7, 1.35]


def test_removed_series_lose_their_row():
    patched = patch_global(t2={})
    names = parse_star(patched.document.content, name="x").table("global").strings("rlnTomoName")
    assert names == ("t2",)
    assert [(x.field, x.count) for x in patched.report if x.verdict != "kept"] == [
        ("data_global/(row)", 1)
    ]


def test_every_column_is_reported_even_when_nothing_changed():
    patched = patch_global(t1={}, t2={})
    columns = parse_star(patched.document.content, name="x").table("global").columns
    assert [x.field for x in patched.report] == [f"data_global/_{column}" for column in columns]
    assert {(x.verdict, x.count) for x in patched.report} == {("kept", 2)}


def test_a_magnification_is_added_for_every_series():
    matrix = np.array([[1.01, 0.002], [0.003, 0.99]])
    patched = patch_global(t1={"arrays": {"magnification": matrix}}, t2={})
    table = parse_star(patched.document.content, name="x").table("global")
    assert table.floats("rlnMagMat00").tolist() == [1.01, 1.0]
    assert table.floats("rlnMagMat01").tolist() == [0.002, 0.0]
