"""Particle tables are self-made after the documented layout; M itself was not run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mgit.errors import InvalidInput, InvalidState
from mgit.exchange.m_particles import patch_particles, read_particles, write_particles
from mgit.exchange.relion_particle_export import ParticleRows

TABLE = """
data_

loop_
_wrpCoordinateX1 #1
_wrpCoordinateX2 #2
_wrpCoordinateY1 #3
_wrpCoordinateY2 #4
_wrpCoordinateZ1 #5
_wrpCoordinateZ2 #6
_wrpAngleRot1 #7
_wrpAngleTilt1 #8
_wrpAnglePsi1 #9
_wrpRandomSubset #10
_wrpSourceName #11
_wrpSourceHash #12
_rlnClassNumber #13
10.00000 11.00000 20.00000 21.00000 30.00000 31.00000 1.50000 2.50000 3.50000 1 A.tomostar hA 7
40.00000 41.00000 50.00000 51.00000 60.00000 61.00000 4.50000 5.50000 6.50000 2 B.tomostar hB null
"""


def rows_of(table, **changes):
    values = {
        "source_row": np.arange(len(table.item_names)),
        "positions": table.positions,
        "angles": table.angles,
        "half_sets": table.half_sets,
        "item_names": table.item_names,
    }
    return ParticleRows(**{**values, **changes})


def test_a_table_is_read():
    table = read_particles(TABLE.encode(), "p.star")
    assert table.positions.tolist()[0] == [[10, 20, 30], [11, 21, 31]]
    assert table.angles.tolist()[1] == [[4.5, 5.5, 6.5]] * 2
    assert table.half_sets.tolist() == [1, 2]
    assert table.item_names == ("A.tomostar", "B.tomostar")
    assert table.passthrough == {"wrpSourceHash": ("hA", "hB"), "rlnClassNumber": ("7", "null")}


def test_an_unchanged_table_is_returned_byte_for_byte():
    table = read_particles(TABLE.encode(), "p.star")
    result = patch_particles(table.document, rows=rows_of(table))
    assert result.document == table.document
    assert {line.verdict for line in result.report} == {"kept"}


def test_one_changed_value_changes_only_its_own_cell():
    table = read_particles(TABLE.encode(), "p.star")
    positions = table.positions.copy()
    positions[1, 1, 2] = 61.123456789
    result = patch_particles(table.document, rows=rows_of(table, positions=positions))
    assert result.document.content == TABLE.replace("61.00000", "61.123456789").encode()
    patched = [(line.field, line.count) for line in result.report if line.verdict == "patched"]
    assert patched == [("data_/_wrpCoordinateZ2", 1)]


def test_rows_are_dropped_reordered_and_added():
    table = read_particles(TABLE.encode(), "p.star")
    rows = ParticleRows(
        source_row=np.array([1, -1]),
        positions=table.positions[[1, 0]] + np.array([0.0, 0.5])[:, None, None],
        angles=table.angles[[1, 0]],
        half_sets=np.array([2, 1], dtype=np.uint8),
        item_names=("B.tomostar", "C.tomostar"),
        columns={"wrpSourceHash": ["hB", "hC"], "rlnClassNumber": ["null", "9"]},
    )
    result = patch_particles(table.document, rows=rows)
    again = read_particles(result.document.content, "p.star")
    assert again.item_names == ("B.tomostar", "C.tomostar")
    assert again.passthrough["wrpSourceHash"] == ("hB", "hC")
    assert again.positions.tolist() == rows.positions.tolist()
    counts = {line.verdict: line.count for line in result.report if line.field == "data_/(row)"}
    assert counts == {"dropped": 1, "added": 1}


@given(
    st.integers(1, 3).flatmap(
        lambda samples: arrays(
            np.float64, (4, samples, 3), elements=st.floats(-1e6, 1e6, allow_subnormal=False)
        )
    )
)
def test_a_written_table_is_read_back_exactly(poses):
    content = write_particles(
        positions=poses,
        angles=poses[::-1],
        half_sets=np.array([1, 2, 2, 1]),
        names=["A.tomostar", "a b.tomostar", "x", "x"],
        hashes=["h1", "h2", "h3", "h3"],
        columns={"rlnClassNumber": ["1", "", "3", "4"]},
        comment="made by a test",
    )
    table = read_particles(content, "p.star")
    assert table.positions.tobytes() == poses.tobytes()
    assert table.angles.tobytes() == poses[::-1].tobytes()
    assert table.item_names == ("A.tomostar", "a b.tomostar", "x", "x")
    assert table.passthrough["rlnClassNumber"] == ("1", "null", "3", "4")
    assert patch_particles(table.document, rows=rows_of(table)).document.content == content


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("_wrpCoordinateX2", "_wrpCoordinateX3", "column"),
        ("_wrpCoordinateZ2", "_wrpOther", "column"),
        ("_wrpAnglePsi1", "_wrpAngle", "file"),
        ("_wrpSourceName", "_wrpNone", None),
        ("61.00000", "nan", "column"),
        ("61.00000", "far", "column"),
        ("6.50000 2", "6.50000 3", "column"),
        ("hB null", "hB", "file"),
    ],
)
def test_a_malformed_table_is_refused(old, new, field):
    content = TABLE.replace(old, new).encode()
    if field is None:
        assert read_particles(content, "p.star").item_names == ("hA", "hB")
        return
    with pytest.raises(InvalidInput) as caught:
        read_particles(content, "p.star")
    assert field in caught.value.fields


def test_what_the_table_cannot_hold_is_refused():
    table = read_particles(TABLE.encode(), "p.star")
    turning = table.angles.copy()
    turning[0, 1] += 1.0
    for changes in (
        {"angles": turning},
        {"positions": table.positions[:, :1]},
        {"half_sets": None},
        {"source_row": np.array([0, 0])},
        {"source_row": np.array([0, 2])},
        {"source_row": np.array([0, -1])},
    ):
        with pytest.raises(InvalidState):
            patch_particles(table.document, rows=rows_of(table, **changes))


def test_columns_of_different_length_are_not_written():
    with pytest.raises(InvalidState):
        write_particles(
            positions=np.zeros((2, 1, 3)),
            angles=np.zeros((2, 1, 3)),
            half_sets=np.ones(2),
            names=["a"],
            hashes=["a", "b"],
            comment="",
        )
