import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.exchange.relion_optics import read_optics
from mgit.exchange.star import parse_star

OPTICS = """data_optics
loop_
_rlnOpticsGroup
_rlnOpticsGroupName
_rlnImagePixelSize
_rlnOddZernike
_rlnEvenZernike
_rlnMagMat00
_rlnMagMat01
_rlnMagMat10
_rlnMagMat11
_rlnCtfDataAreCtfPremultiplied
2 two 2.0 [1,2,3,4,5,6] [0.5,1,2,3,4,5,6,7,8] 1.01 0 0 0.99 1
7 seven 3.0 [0,0,0,0,0,0] [0,0,0,0,0,0,0,0,0] 1 0 0 1 0
"""
ROWS = "data_particles\nloop_\n_rlnOpticsGroup\n_rlnVoltage\n{rows}\n"


def optics(rows="7 300\n2 200", text=OPTICS):
    document = parse_star((text + ROWS.format(rows=rows)).encode(), name="p.star")
    return read_optics(document, document.table("particles"))


def test_numbers_of_groups_reach_their_rows():
    found = optics()
    assert found.per_row("rlnImagePixelSize").tolist() == [3.0, 2.0]
    assert found.per_row("rlnVoltage").tolist() == [300, 200]
    assert found.per_row("rlnBeamTiltX") is None


def test_aberrations_are_padded_in_our_sign_and_the_piston_is_a_phase_shift():
    first = optics().records()[0]
    assert first["zernike_odd"] == ["-1.0", "-2.0", "-3.0", "-4.0", "-5.0", "-6.0", *["0.0"] * 6]
    assert float(first["phase_shift_degree"]) == pytest.approx(-0.5 * 180 / np.pi)
    assert first["zernike_sign"] == "mgit"
    assert first["zernike_even"] == [f"{n}.0" for n in range(1, 9)]
    assert first["magnification"] == ["1.01", "0.0", "0.0", "0.99"]
    assert first["ctf_premultiplied"] is True
    assert (first["group"], first["name"]) == (2, "two")


def test_a_term_beyond_those_that_can_be_applied_is_refused():
    text = OPTICS.replace("7,8]", "7,8,9]")
    with pytest.raises(InvalidInput, match="10 aberration terms") as caught:
        optics(text=text).records()
    assert caught.value.fields["column"] == "rlnEvenZernike"


def test_an_undefined_group_is_refused_with_its_line():
    with pytest.raises(InvalidInput, match="optics group 3") as caught:
        optics(rows="2 300\n3 300")
    assert caught.value.fields["line"] == 20


def test_without_a_block_rows_speak_for_themselves():
    text = "data_\nloop_\n_rlnDetectorPixelSize\n_rlnMagnification\n5.0 25000\n"
    document = parse_star(text.encode(), name="p")
    found = read_optics(document, document.table(""))
    assert found.records() == []
    assert found.image_pixel_sizes().tolist() == [2.0]


def test_a_magnification_of_zero_is_refused():
    text = "data_\nloop_\n_rlnDetectorPixelSize\n_rlnMagnification\n5.0 0\n"
    document = parse_star(text.encode(), name="p")
    with pytest.raises(InvalidInput, match="not positive"):
        read_optics(document, document.table("")).image_pixel_sizes()


def test_rows_without_a_group_take_the_first_and_say_so():
    text = OPTICS + "data_particles\nloop_\n_rlnVoltage\n300\n"
    document = parse_star(text.encode(), name="p")
    found = read_optics(document, document.table("particles"))
    assert found.notes
    assert np.array_equal(found.per_row("rlnImagePixelSize"), [2.0])


def test_real_groups_with_aberrations_are_read(shared_data):
    path = shared_data / "spa_and_sta_small_stacks/relion31.6opticsgroups.star"
    document = parse_star(path.read_bytes(), name="p")
    found = read_optics(document, document.table("particles")).records()
    assert len(found) == 6
    assert found[0]["zernike_odd"][0] == "-1.70554063513"
    assert found[0]["beam_tilt_x_milliradian"] == "0.657334"
