"""Records on disk: whole or absent, bit for bit, damage and full disks by name."""

import errno

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import DiskFull, InvalidState, StorageFailed
from mgit.refine import record_files
from mgit.refine.record_files import read_record, write_record, write_text

FACTS = {"name": "TS_01", "values": [1.5, 0.1, -3], "nothing": None}
ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "deep/name": np.array([True, False])}


@given(
    facts=st.dictionaries(st.text(max_size=8), st.floats() | st.integers() | st.text(max_size=4)),
    raw=st.binary(max_size=64),
    name=st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=9),
)
@settings(max_examples=30)
def test_facts_and_arrays_come_back_bit_for_bit(tmp_path_factory, facts, raw, name):
    file = tmp_path_factory.mktemp("record") / "a.npz"
    doubles = np.frombuffer(raw[: len(raw) // 8 * 8], dtype="<f8")
    write_record(file, facts, {name: doubles, f"{name}/b": doubles[:0].reshape(0, 3)})
    again, arrays = read_record(file)
    assert repr(sorted(again.items())) == repr(sorted(facts.items()))
    assert arrays[name].tobytes() == doubles.tobytes()
    assert arrays[f"{name}/b"].shape == (0, 3)


def test_equal_records_are_equal_files_and_nothing_else_is_left(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_record(tmp_path / name, FACTS, ARRAYS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_every_flipped_bit_and_every_cut_is_noticed_or_harmless(tmp_path):
    file = tmp_path / "a.npz"
    write_record(file, FACTS, ARRAYS)
    whole = file.read_bytes()
    random = np.random.default_rng(0)
    for at in random.choice(len(whole), 300, replace=False):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << int(random.integers(8))
        for content in (bytes(spoilt), whole[:at]):
            file.write_bytes(content)
            try:
                facts, arrays = read_record(file)
            except InvalidState:
                continue
            assert facts == FACTS
            assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidState, match="damaged") as caught:
        read_record(tmp_path / "none.npz")
    assert "none.npz" in caught.value.fields["file"]


@pytest.mark.parametrize("arrays", [{"x": np.array(["text"])}, {"facts": np.zeros(2)}])
def test_only_arrays_of_numbers_are_taken(tmp_path, arrays):
    with pytest.raises(InvalidState):
        write_record(tmp_path / "a.npz", {}, arrays)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, StorageFailed)],
)
def test_what_stood_there_survives_a_write_that_fails(tmp_path, monkeypatch, number, kind):
    file = tmp_path / "a.json"
    write_text(file, "before")

    def fails(_descriptor):
        raise OSError(number, "it does not go")

    monkeypatch.setattr(record_files.os, "fsync", fails)
    for write in (
        lambda: write_text(file, "after"),
        lambda: write_record(tmp_path / "b.npz", FACTS, ARRAYS),
    ):
        with pytest.raises(kind) as caught:
            write()
        assert type(caught.value) is kind
        assert caught.value.fields["file"].startswith(str(tmp_path))
    assert file.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]
