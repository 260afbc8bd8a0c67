import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput, InvalidState, Unsupported
from mgit.exchange.records import Document, GridValues
from mgit.exchange.warp_tilt_series import patch_tilt_series, read_tilt_series
from tests.exchange.warp_documents import ctf, grid, tilt_series

REAL = [
    "warp_xml_golden/TS_1.xml",
    "warp_xml_golden/00254.xml",
    "warp_xml_golden/xf_import/00254.xml",
    "metadata_zoo/warp109_ts017/017.xml",
    "metadata_zoo/warp109_ts018/018.xml",
    "metadata_zoo/warptools_pytom/gs04_ts_003.xml",
]
LISTS = {
    "Angles": "tilt_angle",
    "Dose": "exposure",
    "AxisAngle": "axis_angle",
    "AxisOffsetX": "axis_offset_x",
    "AxisOffsetY": "axis_offset_y",
}
PER_TILT = {
    "GridCTF": ("defocus", 1e4),
    "GridCTFDefocusDelta": ("defocus_delta", 1e4),
    "GridCTFDefocusAngle": ("defocus_angle", 1.0),
    "GridCTFPhase": ("phase_shift", 180.0),
}
GRIDS = {
    "GridMovementX": "image_warp_x",
    "GridMovementY": "image_warp_y",
    "GridVolumeWarpX": "volume_warp_x",
    "GridVolumeWarpY": "volume_warp_y",
    "GridVolumeWarpZ": "volume_warp_z",
    "GridAngleX": "stage_angle_x",
    "GridAngleY": "stage_angle_y",
    "GridAngleZ": "stage_angle_z",
    "GridDoseBfacs": "exposure_b_factor",
    "GridDoseBfacsDelta": "exposure_b_factor_delta",
    "GridDoseBfacsAngle": "exposure_b_factor_angle",
    "GridDoseWeights": "exposure_weight",
    "GridLocationBfacs": "location_b_factor",
    "GridLocationWeights": "location_weight",
}
PARAMETERS = {
    "Voltage": "voltage_kilovolt",
    "Cs": "spherical_aberration_millimetre",
    "Cc": "chromatic_aberration_millimetre",
    "Amplitude": "amplitude_contrast",
}


def current(record):
    return {**record.attributes, **record.arrays}


def patched(content, change):
    record = read_tilt_series(content, "t.xml")
    values = current(record)
    change(values)
    return patch_tilt_series(record.documents[0], values)


@pytest.mark.parametrize("name", REAL)
def test_every_number_of_a_real_document_equals_an_independent_parse(shared_data, name):
    content = (shared_data / name).read_bytes()
    record = read_tilt_series(content, name)
    root = ElementTree.fromstring(content)
    tilts = len(root.find("Angles").text.split("\n"))
    for tag, array in LISTS.items():
        expected = [float(line) for line in root.find(tag).text.split("\n")]
        assert record.arrays[array].values.tolist() == expected
    use = [line == "True" for line in root.find("UseTilt").text.split("\n")]
    assert record.arrays["use"].values.tolist() == use
    for tag, (array, factor) in PER_TILT.items():
        values = np.array([float(node.get("Value")) for node in root.find(tag)]) * factor
        np.testing.assert_allclose(
            record.arrays[array].values, np.broadcast_to(values, tilts), rtol=1e-15
        )
    for tag, array in GRIDS.items():
        nodes = list(root.find(tag))
        if array not in record.arrays:
            assert [float(node.get("Value")) for node in nodes] in ([0.0], [1.0])
            continue
        values = record.arrays[array].values
        for node in nodes:
            place = [int(node.get(axis)) for axis in "WZYX" if node.get(axis) is not None]
            assert values[tuple(place)] == float(node.get("Value"))
        assert values.size == len(nodes)
    texts = {node.get("Name"): node.get("Value") for node in root.find("CTF")}
    for label, attribute in PARAMETERS.items():
        assert float(record.attributes[attribute]) == float(texts[label])
    for label, array in (
        ("ZernikeCoeffsOdd", "zernike_odd"),
        ("ZernikeCoeffsEven", "zernike_even"),
    ):
        numbers = [float(part) for part in texts[label].split(";") if part]
        assert (record.arrays[array].values.tolist() if array in record.arrays else []) == numbers
    assert record.attributes["hand"] == (-1 if root.get("AreAnglesInverted") == "True" else 1)
    assert float(record.attributes["b_factor_angstrom2"]) == float(root.get("Bfactor"))
    assert float(record.attributes["weight"]) == float(root.get("Weight"))
    for axis in "XY":
        level = record.arrays[f"level_angle_{axis.lower()}"].values
        assert level.tolist() == [float(root.get(f"LevelAngle{axis}", "0"))] * tilts


@pytest.mark.parametrize("name", REAL)
def test_an_unchanged_real_document_is_returned_byte_for_byte(shared_data, name):
    content = (shared_data / name).read_bytes()
    record = read_tilt_series(content, name)
    result = patch_tilt_series(record.documents[0], current(record))
    assert result.document.content == content
    assert {line.verdict for line in result.report} == {"kept"}


@pytest.mark.parametrize("name", REAL)
def test_one_changed_value_changes_only_its_own_text(shared_data, name):
    content = (shared_data / name).read_bytes()
    encoding = "utf-16-le" if content.startswith(b"\xff\xfe") else "utf-8"
    record = read_tilt_series(content, name)
    values = current(record)
    exposure = values["exposure"].values.copy()
    exposure[3] = 1234.5678
    values["exposure"] = GridValues(values=exposure)
    after = patch_tilt_series(record.documents[0], values).document.content
    old = ElementTree.fromstring(content).find("Dose").text.split("\n")[3]
    text, new = content.decode(encoding), after.decode(encoding)
    line = text.index("<Dose>") + len("\n".join(text[text.index("<Dose>") :].split("\n")[:3])) + 1
    assert new == text[:line] + "1234.5678" + text[line + len(old) :]


def test_the_magnification_is_read_by_columns(shared_data):
    record = read_tilt_series((shared_data / REAL[0]).read_bytes(), "TS_1.xml")
    expected = [[1.0062196, 0.004283654], [0.00422745, 1.0009562]]
    assert record.arrays["magnification"].values.tolist() == expected


def test_a_real_series_names_its_raw_files_in_order(shared_data):
    record = read_tilt_series((shared_data / REAL[0]).read_bytes(), "warp/TS_1.xml")
    assert record.name == "TS_1"
    assert record.aliases == ("TS_1.tomostar", "TS_1.xml")
    assert [file.role for file in record.raw] == ["movie"] * 41 + ["gain"]
    assert record.raw[0].path == "../2/2Dvs3D_53-1_00041_-40.0_Jul31_11.05.12.tif"
    assert record.attributes["pixel_size_angstrom"] == "0.834"


def test_units_and_signs_of_a_made_document():
    record = read_tilt_series(tilt_series(), "t.xml")
    arrays = {name: grid.values for name, grid in record.arrays.items()}
    assert arrays["defocus"].tolist() == [25000.0, 22500.0, 27500.0]
    assert arrays["defocus_delta"].tolist() == [500.0, 500.0, 600.0]
    assert arrays["defocus_angle"].tolist() == [30.0] * 3
    assert arrays["phase_shift"].tolist() == [45.0] * 3
    assert arrays["use"].tolist() == [True, False, True]
    assert arrays["image_warp_x"].shape == (3, 2, 2)
    assert arrays["image_warp_x"][1, 0, 1] == 5.0
    assert arrays["volume_warp_x"].shape == (2, 2, 1, 2)
    assert arrays["zernike_odd"][2] == 0.25
    assert record.attributes["hand"] == -1
    assert record.arrays["image_warp_x"].attributes["margins"] == ["0", "0", "0"]
    assert "image_warp_y" not in arrays
    assert record.attributes["gain_flip_y"] is True


@pytest.mark.parametrize(
    ("manual", "by_filter", "excluded"),
    [
        ("", "False", False),
        ("null", "True", True),
        ("False", "True", False),
        ("True", "False", True),
    ],
)
def test_the_choice_by_hand_overrules_the_filter(manual, by_filter, excluded):
    content = tilt_series(UnselectManual=manual, UnselectFilter=by_filter)
    assert read_tilt_series(content, "t.xml").attributes["excluded"] is excluded


MALFORMED = {
    "a list is too short": ({"Dose": "<Dose>1\n2</Dose>"}, "TiltSeries/Dose"),
    "a list is too long": (
        {"AxisAngle": "<AxisAngle>1\n2\n3\n4</AxisAngle>"},
        "TiltSeries/AxisAngle",
    ),
    "a list holds NaN": ({"Dose": "<Dose>1\nNaN\n2</Dose>"}, "TiltSeries/Dose"),
    "a list has an empty line": (
        {"AxisOffsetX": "<AxisOffsetX>1\n\n2</AxisOffsetX>"},
        "AxisOffsetX",
    ),
    "a list is missing": ({"AxisOffsetY": None}, "TiltSeries"),
    "a list occurs twice": ({"Dose": "<Dose>1\n2\n3</Dose><Dose>1\n2\n3</Dose>"}, "TiltSeries"),
    "angles are empty": ({"Angles": "<Angles></Angles>"}, "TiltSeries"),
    "a flag is a number": ({"UseTilt": "<UseTilt>1\n0\n1</UseTilt>"}, "TiltSeries/UseTilt"),
    "movies are too few": ({"MoviePath": "<MoviePath>a\nb</MoviePath>"}, "TiltSeries/MoviePath"),
    "a grid is missing": ({"GridAngleZ": None}, "TiltSeries"),
    "a grid lacks a node": (
        {"GridMovementX": grid("GridMovementX", 2, 2, 3, range(11))},
        "TiltSeries/GridMovementX",
    ),
    "a grid has a node too many": (
        {"GridMovementX": grid("GridMovementX", 2, 2, 3, range(13))},
        "TiltSeries/GridMovementX",
    ),
    "a grid has no width": (
        {"GridAngleX": grid("GridAngleX", 1, 1, 1, [0]).replace("Width", "Wide")},
        "TiltSeries/GridAngleX",
    ),
    "a grid is empty": ({"GridAngleX": grid("GridAngleX", 1, 1, 0, [])}, "TiltSeries/GridAngleX"),
    "a grid holds infinity": (
        {"GridAngleX": grid("GridAngleX", 1, 1, 1, ["inf"])},
        "GridAngleX/Node",
    ),
    "a node repeats": (
        {"GridAngleX": grid("GridAngleX", 1, 1, 2, [1, 2]).replace('Z="1"', 'Z="0"')},
        "TiltSeries/GridAngleX/Node[2]",
    ),
    "a node lies outside": (
        {"GridAngleX": grid("GridAngleX", 1, 1, 2, [1, 2]).replace('Z="1"', 'Z="7"')},
        "TiltSeries/GridAngleX/Node[2]",
    ),
    "a node has no value": (
        {"GridAngleX": grid("GridAngleX", 1, 1, 1, [1]).replace("Value", "Val")},
        "TiltSeries/GridAngleX/Node",
    ),
    "a margin is too wide": (
        {"GridAngleX": grid("GridAngleX", 1, 1, 1, [1]).replace('MarginX="0"', 'MarginX="0.5"')},
        "TiltSeries/GridAngleX",
    ),
    "the CTF is missing": ({"CTF": None}, "TiltSeries"),
    "the voltage is missing": ({"CTF": ctf(Voltage=None)}, "TiltSeries/CTF"),
    "the voltage is a word": ({"CTF": ctf(Voltage="high")}, "TiltSeries/CTF/Param"),
    "coefficients are too few": ({"CTF": ctf(ZernikeCoeffsOdd="1;2")}, "TiltSeries/CTF/Param"),
    "the hand is missing": ({"AreAnglesInverted": None}, "TiltSeries"),
    "the hand is no flag": ({"AreAnglesInverted": "maybe"}, "TiltSeries"),
    "the magnification has five numbers": ({"MagnificationCorrection": "1,0,0,1,0"}, "TiltSeries"),
    "dimensions are two": ({"VolumeDimensionsAngstrom": "10, 20"}, "TiltSeries"),
    "the selection is no flag": ({"UnselectManual": "perhaps"}, "TiltSeries"),
    "the weight is a word": ({"Weight": "heavy"}, "TiltSeries"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_document_is_refused_by_node(case):
    parts, node = MALFORMED[case]
    with pytest.raises(InvalidInput) as caught:
        read_tilt_series(tilt_series(**parts), "bad.xml")
    assert caught.value.fields["file"] == "bad.xml"
    assert caught.value.fields["line"] >= 1
    assert node in caught.value.fields["node"]


def test_a_movie_is_no_tilt_series():
    with pytest.raises(InvalidInput, match="root"):
        read_tilt_series(b"<Movie/>", "bad.xml")


UNSUPPORTED = {
    "Bfactor": {"CTF": ctf(Bfactor="-20")},
    "Scale": {"CTF": ctf(Scale="0.9")},
    "BeamTilt": {"CTF": ctf(BeamTilt="0.1,0")},
    "Distortion": {"CTF": ctf(Distortion="1.1, 0, 0, 1")},
    "PixelSizeDeltaPercent": {"CTF": ctf(PixelSizeDeltaPercent="0.02")},
    "Coma": {"CTF": ctf(Coma="0.5")},
    "ZernikeCoeffsOdd": {"CTF": ctf(ZernikeCoeffsOdd=";".join(["0"] * 12 + ["1"]))},
    "GridShear": {"GridShear": grid("GridShear", 1, 1, 1, [0.5])},
    "MagnificationCorrection": {"MagnificationCorrection": "1.01, 1, 30"},
    "GridDoseWeights": {"GridDoseWeights": grid("GridDoseWeights", 1, 1, 1, [0.5])},
    "GridCTF": {"GridCTF": grid("GridCTF", 1, 1, 2, [1, 2])},
}


@pytest.mark.parametrize("term", UNSUPPORTED)
def test_a_term_that_cannot_be_applied_is_refused_by_name(term):
    with pytest.raises(Unsupported) as caught:
        read_tilt_series(tilt_series(**UNSUPPORTED[term]), "odd.xml")
    assert term in f"{caught.value.message} {caught.value.fields['node']}"


@pytest.mark.parametrize(
    "parts",
    [
        {"CTF": ctf(Coma="0", Thickness="300", Defocus="9")},
        {"GridShear": grid("GridShear", 1, 1, 2, [0, 0])},
        {"PS1D": "<PS1D>0|1;2|3</PS1D>", "OptionsBoxNet": "<OptionsBoxNet>x</OptionsBoxNet>"},
        {"MagnificationCorrection": "1, 1, 0"},
        {"CTF": ctf(ZernikeCoeffsOdd=";".join(["0"] * 14))},
    ],
)
def test_neutral_and_inert_terms_are_left_in_the_document(parts):
    content = tilt_series(**parts)
    record = read_tilt_series(content, "t.xml")
    assert patch_tilt_series(record.documents[0], current(record)).document.content == content


def test_a_changed_defocus_is_written_in_micrometres():
    content = tilt_series()

    def change(values):
        defocus = values["defocus"].values.copy()
        defocus[1] = 22511.25
        values["defocus"] = GridValues(values=defocus)

    result = patched(content, change)
    assert result.document.content == content.replace(b'"2.25"', b'"2.251125"')
    line = next(line for line in result.report if line.field == "GridCTF")
    assert (line.verdict, line.count) == ("patched", 1)


def test_a_node_that_stood_for_all_tilts_is_spread_when_one_tilt_changes():
    def change(values):
        values["phase_shift"] = GridValues(values=np.array([45.0, 90.0, 45.0]))

    content = patched(tilt_series(), change).document.content
    again = read_tilt_series(content, "t.xml")
    assert again.arrays["phase_shift"].values.tolist() == [45.0, 90.0, 45.0]
    assert content == tilt_series(
        GridCTFPhase=grid("GridCTFPhase", 1, 1, 3, ["0.25", "0.5", "0.25"])
    )


def test_a_resized_grid_is_rewritten_whole_and_nothing_else():
    def change(values):
        values["image_warp_y"] = GridValues(
            values=np.arange(6.0).reshape(1, 3, 2), attributes={"margins": ["0", "0.25", "0"]}
        )

    content = patched(tilt_series(), change).document.content
    new = grid("GridMovementY", 2, 3, 1, range(6)).replace('MarginY="0"', 'MarginY="0.25"')
    assert content == tilt_series(GridMovementY=new)


def test_a_removed_deformation_leaves_a_neutral_grid():
    result = patched(tilt_series(), lambda values: values.pop("image_warp_x"))
    assert result.document.content == tilt_series(GridMovementX=grid("GridMovementX", 1, 1, 1, [0]))
    assert next(x for x in result.report if x.field == "GridMovementX").verdict == "dropped"


def test_what_the_format_cannot_hold_is_reported_or_refused():
    def add(values):
        values["image_deformation"] = GridValues(values=np.ones((3, 4)))

    result = patched(tilt_series(), add)
    assert result.document.content == tilt_series()
    lost = [(line.field, line.count) for line in result.report if line.verdict == "dropped"]
    assert lost == [("(image_deformation)", 12)]

    def tilt_the_level(values):
        values["level_angle_x"] = GridValues(values=np.array([1.0, 2.0, 3.0]))

    with pytest.raises(InvalidState, match="level angle"):
        patched(tilt_series(), tilt_the_level)


def test_a_level_angle_is_added_to_a_document_of_warp_1():
    def change(values):
        values["level_angle_x"] = GridValues(values=np.full(3, 1.5))

    content = patched(tilt_series(LevelAngleX=None), change).document.content
    assert b'CTFResolutionEstimate="4.8" LevelAngleX="1.5">' in content


def test_dimensions_from_elsewhere_are_not_forced_upon_the_document():
    def change(values):
        values["volume_dimensions_angstrom"] = ["10.0", "20.0", "30.0"]

    assert patched(tilt_series(), change).document.content == tilt_series()


def test_attributes_are_patched():
    def change(values):
        values.update(hand=1, weight="0.75", excluded=True, amplitude_contrast="0.1")
        values["magnification"] = GridValues(values=np.array([[1.01, 0.5], [0.002, 0.99]]))

    content = patched(tilt_series(), change).document.content
    again = read_tilt_series(content, "t.xml")
    assert (again.attributes["hand"], again.attributes["weight"]) == (1, "0.75")
    assert (again.attributes["excluded"], again.attributes["amplitude_contrast"]) == (True, "0.1")
    assert b'"1.01, 0.002, 0.5, 0.99"' in content


@given(st.data())
def test_any_change_of_lists_and_grids_is_read_back_exactly(data):
    record = read_tilt_series(tilt_series(), "t.xml")
    values = current(record)
    numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
    for name in ("tilt_angle", "exposure", "axis_offset_y", "defocus", "phase_shift"):
        drawn = data.draw(st.lists(numbers, min_size=3, max_size=3), label=name)
        values[name] = GridValues(values=np.array(drawn))
    shape = data.draw(st.tuples(*[st.integers(1, 3)] * 3).filter(lambda s: s != (1, 1, 1)))
    drawn = data.draw(st.lists(numbers, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    margins = {"margins": ["0", "0", "0"]}
    values["image_warp_y"] = GridValues(values=np.array(drawn).reshape(shape), attributes=margins)
    new = patch_tilt_series(record.documents[0], values).document
    again = current(read_tilt_series(new.content, "t.xml"))
    assert again.keys() == values.keys()
    for name, value in values.items():
        if isinstance(value, GridValues):
            assert again[name].values.tobytes() == value.values.tobytes()
    document = Document(role=new.role, path="t.xml", content=new.content)
    assert patch_tilt_series(document, values).document.content == new.content
