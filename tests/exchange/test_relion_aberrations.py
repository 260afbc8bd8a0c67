import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput, Unsupported
from mgit.exchange.records import GridValues, SeriesRecord
from mgit.exchange.relion_aberrations import (
    Terms,
    even_from_relion,
    group_terms,
    odd_from_relion,
    same_terms,
    with_terms,
    without_terms,
)
from mgit.exchange.star import parse_star
from mgit.optics import aberrations

COEFFICIENT = st.floats(-1e3, 1e3, allow_nan=False)


def group(**columns):
    labels = "".join(f"_{name}\n" for name in columns)
    text = f"data_optics\nloop_\n{labels}{' '.join(columns.values())}\n"
    return group_terms(parse_star(text.encode(), name="x").table("optics"), 0)


def series(**arrays):
    grids = {name: GridValues(values=np.asarray(values)) for name, values in arrays.items()}
    return SeriesRecord(name="t", kind="tilt_series", attributes={}, arrays=grids, documents=())


def terms(phase=0.0, **arrays):
    return Terms(arrays=arrays, attributes={}, phase_shift_degree=phase)


@given(st.lists(COEFFICIENT, max_size=12))
def test_odd_coefficients_are_those_of_the_optics(values):
    expected = aberrations.odd_from_relion(torch.tensor(values, dtype=torch.float64))
    assert np.array_equal(odd_from_relion(np.array(values)), expected.numpy())
    assert not np.signbit(odd_from_relion(np.zeros(3))).any()


@given(st.lists(COEFFICIENT, min_size=1, max_size=9))
def test_even_coefficients_are_those_of_the_optics_and_the_piston_is_a_phase_shift(values):
    even, phase = even_from_relion(np.array(values))
    expected = aberrations.even_from_relion(torch.tensor(values, dtype=torch.float64))
    assert np.array_equal(even, expected.numpy())
    assert phase == pytest.approx(-np.degrees(values[0]))


def test_the_lists_have_the_lengths_of_the_optics():
    assert odd_from_relion(np.zeros(0)).shape == (len(aberrations.ODD_TERMS),)
    assert even_from_relion(np.zeros(0))[0].shape == (len(aberrations.EVEN_TERMS),)


def test_a_group_has_what_its_columns_say():
    found = group(
        rlnOddZernike="[1,2]",
        rlnEvenZernike="[0.5,3]",
        rlnMagMat00="1.01",
        rlnMagMat01="0.002",
        rlnMagMat10="0.003",
        rlnMagMat11="0.99",
        rlnBeamTiltX="0.1",
        rlnBeamTiltY="-0.2",
    )
    assert found.arrays["zernike_odd"].tolist() == [-1, -2, *[0] * 10]
    assert found.arrays["zernike_even"].tolist() == [3, *[0] * 7]
    assert found.arrays["magnification"].tolist() == [[1.01, 0.002], [0.003, 0.99]]
    assert found.phase_shift_degree == pytest.approx(-28.6478897565)
    assert found.attributes == {
        "beam_tilt_x_milliradian": "0.1",
        "beam_tilt_y_milliradian": "-0.2",
    }


def test_a_group_without_such_columns_says_nothing():
    assert not group(rlnOpticsGroup="1")


def test_higher_orders_are_refused_unless_they_are_zero():
    long = ",".join(["0"] * 12)
    assert not group(rlnOddZernike=f"[{long},0]").arrays["zernike_odd"].any()
    with pytest.raises(InvalidInput, match="more than the 12"):
        group(rlnOddZernike=f"[{long},1]")


def test_groups_are_equal_where_all_their_terms_are():
    one = terms(zernike_odd=np.ones(12))
    assert same_terms(one, terms(zernike_odd=np.ones(12)))
    assert not same_terms(one, terms(zernike_odd=np.zeros(12)))
    assert not same_terms(one, terms(zernike_even=np.ones(8)))
    assert not same_terms(one, terms(1.0, zernike_odd=np.ones(12)))


def test_a_series_takes_the_terms_and_the_phase_shift():
    found = with_terms(series(phase_shift=[10.0, 20.0]), terms(-5.0, zernike_odd=np.ones(12)))
    assert found.arrays["phase_shift"].values.tolist() == [5, 15]
    assert found.arrays["zernike_odd"].values.tolist() == [1] * 12
    assert with_terms(series(exposure=[1.0, 2, 3]), terms(-5.0)).arrays[
        "phase_shift"
    ].values.tolist() == [-5, -5, -5]


def test_a_phase_shift_of_unknown_images_is_refused_by_name():
    with pytest.raises(Unsupported, match="rlnEvenZernike"):
        with_terms(series(), terms(1.0))


def test_one_magnification_does_not_stand_on_another():
    own = np.diag([1.01, 0.99])
    kept = with_terms(series(magnification=own), terms(magnification=np.eye(2)))
    assert np.array_equal(kept.arrays["magnification"].values, own)
    with pytest.raises(Unsupported, match="magnification"):
        with_terms(series(magnification=own), terms(magnification=own.T * 2))


@given(st.lists(st.floats(-180, 180), min_size=1, max_size=5), st.floats(-180, 180))
def test_documents_get_their_phase_shifts_back_to_the_last_bit(phases, degree):
    before = np.array(phases)
    group_of = terms(degree, zernike_even=np.ones(8))
    held = with_terms(series(phase_shift=before), group_of).arrays
    arrays = {name: grid.values for name, grid in held.items()}
    back = without_terms(arrays, group_of, document_phase=before)
    assert np.array_equal(back["phase_shift"], before)
    assert "zernike_even" not in back
    arrays["phase_shift"] = arrays["phase_shift"] + 7.0
    moved = without_terms(arrays, group_of, document_phase=before)["phase_shift"]
    assert np.allclose(moved, before + 7.0)
