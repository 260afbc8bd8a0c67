"""Rows of a foreign table find their particles, and halves are kept."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.curate.particle_intake import ItemVolumes, bind_table, particles_from
from mgit.curate.particle_matching import (
    check_half_sets,
    inherited_half_sets,
    match_table,
    nearest_half_sets,
)
from mgit.errors import InvalidInput, Refused
from tests.curate.species_tables import rows_of, table_of, write_source


@pytest.fixture
def columns(tree):
    write_source(tree, "TS_01", "TS_02")
    volumes = ItemVolumes(tree)

    def build(rows, without=()):
        table = table_of(rows, without)
        return particles_from(table, bind_table(table, volumes, ignore_unmatched=False))

    return build


def test_the_same_table_is_matched_by_id(columns):
    old = columns(rows_of(6))
    match = match_table(old, old)
    assert match.by == "id"
    assert match.rows.complete


def test_another_table_is_matched_by_name_and_else_by_position(columns):
    rows = rows_of(6)
    old = columns(rows)
    moved = [{**row, "rlnCoordinateX": row["rlnCoordinateX"] + 1} for row in rows[1:]]
    match = match_table(old, columns(moved), diameter_angstrom=100)
    assert (match.by, len(match.rows.old)) == ("name", 5)
    nameless = columns(moved, without=("rlnTomoParticleName",))
    match = match_table(old, nameless, diameter_angstrom=100)
    assert match.by == "position"
    assert match.words == "position within 25 A"
    assert len(match.rows.old) == 5
    assert np.allclose(match.rows.distance, 2.0)


def test_names_that_stand_in_other_series_are_not_believed(columns):
    rows = rows_of(4)
    names = [row["rlnTomoParticleName"] for row in rows]
    swapped = [
        {**row, "rlnTomoParticleName": name, "rlnCoordinateX": row["rlnCoordinateX"] + 1}
        for row, name in zip(rows, names[1:] + names[:1], strict=True)
    ]
    old, new = columns(rows), columns(swapped)
    assert match_table(old, new, diameter_angstrom=100).by == "position"
    with pytest.raises(InvalidInput, match="another series"):
        match_table(old, new, by="name")


def test_positions_need_a_tolerance(columns):
    old = columns(rows_of(4))
    with pytest.raises(InvalidInput, match="tolerance"):
        match_table(old, old, by="position")
    with pytest.raises(InvalidInput, match="tolerance"):
        match_table(old, old, by="position", tolerance_angstrom=-1)


def test_changed_halves_are_refused_with_the_likely_cause(columns):
    rows = rows_of(6)
    old = columns(rows)
    one = columns([{**row, "rlnRandomSubset": 1} for row in rows])
    match = match_table(old, one).rows
    with pytest.raises(Refused, match="2 of 6 particles changed") as caught:
        check_half_sets(old, one, match, file="t.star", accept=False)
    assert "--accept-half-set-changes" in caught.value.hint
    assert check_half_sets(old, one, match, file="t.star", accept=True) == 2
    swapped = replace(old, half_set=(3 - old.half_set).astype(np.uint8))
    with pytest.raises(Refused) as caught:
        check_half_sets(old, swapped, match_table(old, old).rows, file="t.star", accept=False)
    assert "other way round" in caught.value.hint
    assert check_half_sets(old, old, match_table(old, old).rows, file="t", accept=False) == 0


def test_matched_particles_keep_their_halves_and_new_ones_join_neighbours(columns):
    rows = rows_of(4)
    old = columns(rows)
    beside = {**rows[0], "rlnTomoParticleName": "new"}
    beside["rlnCoordinateX"] = rows[0]["rlnCoordinateX"] + 5
    new = columns([*rows, beside])
    match = match_table(old, new, by="name")
    halves = inherited_half_sets(old, new, match.rows, radius_angstrom=50)
    assert (halves[match.rows.new] == old.half_set[match.rows.old]).all()
    fresh = int(match.rows.missing_new[0])
    twin = old.passthrough["rlnTomoParticleName"].values().index(rows[0]["rlnTomoParticleName"])
    assert halves[fresh] == old.half_set[twin]


def test_the_nearest_neighbour_decides_the_half(columns):
    first, second, far = rows_of(3, names=("TS_01",))
    first |= {"rlnCoordinateX": 100.0, "rlnRandomSubset": 1}
    second |= {"rlnCoordinateX": 140.0, "rlnRandomSubset": 2}
    for row in (first, second):
        row |= {"rlnCoordinateY": 100.0, "rlnCoordinateZ": 100.0}
    old = columns([first, second])
    for x, half in ((110.0, 1), (130.0, 2), (400.0, 0)):
        pick = columns([{**first, "rlnCoordinateX": x}])
        assert nearest_half_sets(old, pick, radius_angstrom=100).tolist() == [half]
    assert far["rlnTomoName"] == "TS_01"
