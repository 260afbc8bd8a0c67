"""Fixed-point sums: exact in any order, guarded, and safe on disk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import backproject_cpu
from mgit.errors import Corrupt, InvalidInput, InvalidState, Unsupported
from mgit.maps.accumulators import (
    MAGIC,
    FixedPointAccumulator,
    quantum_for,
    read_accumulator,
    written_parts,
)

QUANTUM = 2.0**-30
BOX = 6
SHAPE = (BOX, BOX, BOX // 2 + 1)


def filled(seed, *, quantum=QUANTUM, box=BOX):
    rng = np.random.default_rng(seed)
    shape = (box, box, box // 2 + 1)
    sums = FixedPointAccumulator.empty(box, quantum=quantum)
    numerator = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    sums.add(numerator, rng.uniform(size=shape))
    return sums


def added_up(parts):
    total = FixedPointAccumulator.empty(BOX, quantum=QUANTUM)
    for part in parts:
        total.merge(part)
    return total


@given(st.permutations(range(7)))
def test_sums_do_not_depend_on_the_order(order):
    parts = [filled(seed) for seed in range(7)]
    assert np.array_equal(added_up(parts).sums, added_up([parts[i] for i in order]).sums)


@given(st.integers(0, 7))
def test_sums_do_not_depend_on_the_grouping(cut):
    parts = [filled(seed) for seed in range(7)]
    halves = [added_up(parts[:cut]), added_up(parts[cut:])]
    assert np.array_equal(added_up(halves).sums, added_up(parts).sums)


def test_totals_are_what_was_added_to_half_a_quantum(rng):
    numerator = rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)
    weight = rng.uniform(size=SHAPE)
    sums = FixedPointAccumulator.empty(BOX, quantum=QUANTUM)
    sums.add(numerator, weight)
    found, found_weight = sums.totals()
    assert np.abs((found - numerator).real).max() <= QUANTUM / 2
    assert np.abs((found - numerator).imag).max() <= QUANTUM / 2
    assert np.abs(found_weight - weight).max() <= QUANTUM / 2


def test_the_layout_is_that_of_the_kernel():
    ours = filled(1)
    theirs = backproject_cpu.accumulator(BOX, quantum=QUANTUM)
    assert theirs.sums.shape == ours.sums.shape
    assert theirs.sums.dtype == ours.sums.dtype
    theirs.sums += ours.sums
    for found, expected in zip(backproject_cpu.totals(theirs), ours.totals(), strict=True):
        assert np.array_equal(found, expected)


@given(st.integers(1, 10**9), st.floats(1e-6, 1e9))
def test_a_quantum_holds_what_it_was_made_for_and_wastes_at_most_a_bit(images, largest):
    quantum = quantum_for(images, largest)
    assert np.frexp(quantum)[0] == 0.5
    assert images * largest <= quantum * 2.0**62
    assert images * largest > quantum * 2.0**60


@pytest.mark.parametrize(("images", "largest"), [(0, 1.0), (1, 0.0), (1, np.inf), (1, np.nan)])
def test_a_quantum_for_nothing_is_refused(images, largest):
    with pytest.raises(InvalidInput):
        quantum_for(images, largest)


def test_sums_that_could_overflow_are_refused_before_anything_is_added():
    sums = FixedPointAccumulator.empty(BOX, quantum=2.0**-60)
    ones = np.ones(SHAPE)
    for _ in range(4):
        sums.add(ones * (1 + 0j), ones)
    before = sums.sums.copy()
    with pytest.raises(InvalidState, match="quantum"):
        sums.add(ones * (1 + 0j), ones)
    with pytest.raises(InvalidState, match="quantum"):
        sums.merge(sums)
    assert np.array_equal(sums.sums, before)


def test_values_that_are_not_finite_are_refused():
    sums = FixedPointAccumulator.empty(BOX, quantum=QUANTUM)
    numerator = np.zeros(SHAPE, complex)
    numerator[0, 1, 2] = np.nan
    with pytest.raises(InvalidInput, match="finite"):
        sums.add(numerator, np.zeros(SHAPE))
    assert not sums.sums.any()


def test_sums_of_other_settings_do_not_add_up():
    for other in (filled(1, quantum=QUANTUM / 2), filled(1, box=8)):
        with pytest.raises(InvalidInput, match="do not add up"):
            filled(0).merge(other)


@pytest.mark.parametrize("box", [5, 0, 1])
def test_boxes_that_are_odd_or_empty_are_refused(box):
    with pytest.raises(InvalidState):
        FixedPointAccumulator(sums=np.zeros((box, box, box // 2 + 1, 3), np.int64), quantum=1.0)


@pytest.mark.parametrize("quantum", [0.0, -1.0, 0.3, np.inf, np.nan])
def test_a_quantum_that_is_no_power_of_two_is_refused(quantum):
    with pytest.raises(InvalidState):
        FixedPointAccumulator.empty(BOX, quantum=quantum)


def test_what_was_written_is_read_back():
    sums, record = filled(3), {"items": ["TS_01", "TS_02"], "half": 1}
    content = b"".join(written_parts(sums, record=record))
    back, found = read_accumulator(content, name="half.sums")
    assert found == record
    assert (back.quantum, back.reach) == (sums.quantum, sums.reach)
    assert np.array_equal(back.sums, sums.sums)
    back.merge(sums)


@given(st.data())
def test_any_damage_is_noticed(data):
    content = bytearray(b"".join(written_parts(filled(3), record={})))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Corrupt):
        read_accumulator(bytes(content), name="half.sums")


@given(st.integers(0, 60))
def test_a_file_that_is_cut_short_is_noticed(kept):
    content = b"".join(written_parts(filled(3), record={}))
    with pytest.raises(Corrupt, match=r"half\.sums"):
        read_accumulator(content[: kept * len(content) // 61], name="half.sums")


def test_a_later_version_is_refused(monkeypatch):
    monkeypatch.setattr("mgit.maps.accumulators.FORMAT", 2)
    content = b"".join(written_parts(filled(3), record={}))
    monkeypatch.undo()
    assert content.startswith(MAGIC)
    with pytest.raises(Unsupported, match="version"):
        read_accumulator(content, name="half.sums")
