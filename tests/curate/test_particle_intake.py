"""Rows find their series, particles get permanent ids, and misplaced coordinates are noticed."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.curate.particle_intake import (
    ItemVolumes,
    bind_table,
    check_inside,
    outside_volume,
    particles_from,
    permanent_ids,
    volume_of,
)
from mgit.errors import InvalidInput
from mgit.state.population import Population
from tests.curate.species_tables import rows_of, table_of, write_source


@pytest.fixture
def volumes(tree):
    write_source(tree, "TS_01", "TS_02")
    return ItemVolumes(tree)


def names_changed(table, old, new):
    return replace(table, item_names=tuple(new if n == old else n for n in table.item_names))


@pytest.mark.parametrize("name", ["TS_01", "TS_01.tomostar", "tilts/TS_01.mrc", "x\\TS_01.st"])
def test_a_series_is_found_by_name_alias_or_file_name(volumes, name):
    found = volumes.find(name)
    assert found is not None
    assert found.name == "TS_01"


def test_a_name_that_two_sources_have_is_refused_until_one_is_chosen(tree, volumes):
    write_source(tree, "TS_01", title="other")
    with pytest.raises(InvalidInput, match="several items") as caught:
        ItemVolumes(tree).find("TS_01")
    assert "--source" in caught.value.hint
    chosen = ItemVolumes(tree, sources=["other"]).find("TS_01")
    assert chosen is not None
    assert chosen.path.startswith("sources/other-")
    one = Population(tree).item("grid", "TS_02")
    assert ItemVolumes(tree, preferred={one.id}).find("TS_02").id == one.id


def test_unknown_series_stop_the_binding_or_are_left_out(volumes):
    table = names_changed(table_of(rows_of(6)), "TS_02", "TS_99")
    with pytest.raises(InvalidInput, match="3 particles belong to 1 series") as caught:
        bind_table(table, volumes, ignore_unmatched=False)
    assert "TS_99" in caught.value.fields["series"]
    assert "--create-source" in caught.value.hint
    binding = bind_table(table, volumes, ignore_unmatched=True)
    assert binding.unmatched == {"TS_99": 3}
    assert binding.rows.tolist() == [0, 2, 4]


def test_a_table_of_which_no_series_is_known_is_never_bound(volumes):
    table = replace(table_of(rows_of(2)), item_names=("a", "b"))
    with pytest.raises(InvalidInput):
        bind_table(table, volumes, ignore_unmatched=True)


def test_m_finds_series_by_data_hash_when_names_fail(tree):
    from mgit.curate.sources import add_source
    from tests.curate.species_tables import source

    record = source("TS_01", "TS_02")
    hashed = tuple(replace(s, aliases=(f"hash-{s.name}",)) for s in record.series)
    add_source(tree, "grid", replace(record, series=hashed), digest_of=lambda raw: None)
    rows = rows_of(4)
    table = table_of(rows)
    hashes = tuple(f"hash-{row['rlnTomoName']}" for row in rows)
    table = replace(
        table,
        item_names=tuple(f"old_{name}" for name in table.item_names),
        passthrough={**table.passthrough, "wrpSourceHash": hashes},
    )
    binding = bind_table(table, ItemVolumes(tree), ignore_unmatched=False)
    found = {Population(tree).item_by_id(each).name for each in binding.item_ids}
    assert found == {"TS_01", "TS_02"}
    assert "wrpSourceHash" in binding.notes[0]


def test_tomogram_numbers_stand_for_the_series_whose_name_ends_so(volumes):
    table = replace(
        table_of(rows_of(4)),
        item_names=("1", "2", "1", "2"),
        attributes={"format": "stopgap_motive_list"},
    )
    binding = bind_table(table, volumes, ignore_unmatched=False)
    assert not binding.unmatched
    assert "tomogram number 1 was taken as 'TS_01'" in binding.notes
    relion = replace(table, attributes={"format": "relion_4_tomo"})
    with pytest.raises(InvalidInput):
        bind_table(relion, volumes, ignore_unmatched=False)


def test_a_number_that_two_series_end_in_is_refused(tree, volumes):
    write_source(tree, "grid2_01", title="other")
    with pytest.raises(InvalidInput, match="several have this one"):
        ItemVolumes(tree).find_number("1")


def test_ids_depend_on_the_table_and_the_row_only(volumes):
    table = table_of(rows_of(6))
    binding = bind_table(table, volumes, ignore_unmatched=False)
    ids = permanent_ids(table, binding.rows)
    assert len(np.unique(ids, axis=0)) == 6
    assert (permanent_ids(table, binding.rows[2:4]) == ids[2:4]).all()


def test_ids_that_names_carry_win_unless_two_are_equal(volumes):
    table = table_of(rows_of(2))
    carried = tuple(f"TS_01/{digit * 32}" for digit in "ab")
    named = replace(table, passthrough={**table.passthrough, "rlnTomoParticleName": carried})
    ids = permanent_ids(named, np.arange(2))
    assert [row.tobytes().hex() for row in ids] == ["a" * 32, "b" * 32]
    column = tuple(digit * 32 for digit in "cd")
    both = replace(named, passthrough={**named.passthrough, "mgitParticleId": column})
    assert [row.tobytes().hex() for row in permanent_ids(both, np.arange(2))] == list(column)
    twice = replace(table, passthrough={"rlnTomoParticleName": (carried[0], carried[0])})
    assert (permanent_ids(twice, np.arange(2)) == permanent_ids(table, np.arange(2))).all()


def test_ids_given_to_the_rows_of_the_same_file_are_found_again(volumes):
    table = table_of(rows_of(3))
    binding = bind_table(table, volumes, ignore_unmatched=False)
    given = np.arange(48, dtype=np.uint8).reshape(3, 16)
    known = particles_from(table, binding, ids=given)
    assert (permanent_ids(table, np.arange(3), known=known) == given).all()


def test_a_table_without_halves_needs_a_new_split(volumes):
    table = table_of(rows_of(8), without=("rlnRandomSubset",))
    binding = bind_table(table, volumes, ignore_unmatched=False)
    with pytest.raises(InvalidInput, match="no half-sets") as caught:
        particles_from(table, binding)
    assert "--new-split" in caught.value.hint
    columns = particles_from(table, binding, restart_split=True)
    assert sorted(columns.half_set.tolist()) == [1] * 4 + [2] * 4


def test_particles_outside_their_volume_are_counted_and_a_majority_is_refused(volumes):
    rows = rows_of(4)
    rows[0]["rlnCoordinateZ"] = 400.0
    table = table_of(rows)
    binding = bind_table(table, volumes, ignore_unmatched=False)
    columns = particles_from(table, binding)
    assert outside_volume(columns, binding.items).sum() == 1
    assert check_inside(columns, binding, file="f") == 0.25
    far = replace(table, positions=table.positions * 10)
    with pytest.raises(InvalidInput, match="100% of the particles") as caught:
        check_inside(particles_from(far, binding), binding, file="f")
    assert "--coordinate-pixel-size" in caught.value.hint


def test_coordinates_from_the_centre_in_columns_for_the_corner_are_recognised(volumes):
    rows = rows_of(8)
    table = table_of(rows)
    binding = bind_table(table, volumes, ignore_unmatched=False)
    centre = np.array([1000.0, 800.0, 300.0])
    spread = np.linspace(-0.9, 0.4, len(rows))[:, None, None] * centre
    with pytest.raises(InvalidInput) as caught:
        check_inside(particles_from(replace(table, positions=spread), binding), binding, file="f")
    assert "rlnCenteredCoordinateXAngst" in caught.value.hint


def test_the_volume_is_in_unbinned_pixels(tree, volumes):
    item = volumes.find("TS_01")
    assert volume_of(item) == ((1000.0, 800.0, 300.0), 2.0)
    assert volumes.volumes()["TS_01.tomostar"] == volume_of(item)
