import numpy as np
import pytest

from mgit.curate.export_documents import PARTICLE_ROLES
from mgit.curate.export_particles import (
    ID_COLUMN,
    file_order,
    is_patchable,
    new_relion_table,
    particle_documents,
)
from mgit.exchange.relion_particles import read_particles
from mgit.state.documents import read_documents
from mgit.state.particle_columns import concatenate_particles
from mgit.state.population import Population
from mgit.state.species import set_particles
from tests.curate.foreign_projects import add_relion, cells
from tests.curate.species_tables import rows_of, species_of, table_of, write_species

SIZE = (1000.0, 800.0, 300.0)
VOLUMES = dict.fromkeys(("TS_01", "TS_02"), (SIZE, 2.0))


@pytest.fixture
def merged(tree):
    """A species whose particles came from two tables."""
    add_relion(tree)
    write_species(tree, rows_of(6))
    other = table_of([{**row, "rlnClassNumber": 2} for row in rows_of(4, seed=1)])
    write_species(tree, None, name="other", table=other)
    columns = [species_of(tree, name).particles.load() for name in ("capsid", "other")]
    joined = concatenate_particles(columns)
    set_particles(tree, species_of(tree).path, joined)
    return joined


def documents(tree, roles=PARTICLE_ROLES):
    items = Population(tree).items_by_id()
    return list(
        particle_documents(tree, species_of(tree), items, roles=roles, comment="made by a test")
    )


def test_a_species_of_one_table_keeps_it(tree):
    add_relion(tree)
    write_species(tree, rows_of(6))
    (document,) = documents(tree)
    assert (document.path, document.unchanged) == ("Refine3D/job001/run_data.star", True)


def test_particles_of_several_tables_get_a_new_one_with_their_ids(tree, merged):
    (document,) = documents(tree)
    assert document.path == "capsid_particles.star"
    ids = cells(document.content, "particles", ID_COLUMN)
    assert list(ids) == [bytes(row).hex() for row in merged.id[file_order(merged)]]
    assert {line.verdict for line in document.report} <= {"added", "dropped"}


def test_rows_stand_as_they_stood_in_their_tables(merged):
    order = file_order(merged)
    tables = merged.source_table.codes[order].tolist()
    assert tables == sorted(tables)
    for code in set(tables):
        rows = merged.source_row[order][np.array(tables) == code]
        assert rows.tolist() == sorted(rows.tolist())


def test_a_new_table_says_what_the_state_says(tree, merged):
    (document,) = documents(tree)
    table = read_particles(document.content, path="p.star", volumes=VOLUMES)
    order = file_order(merged)
    assert np.abs(table.positions - merged.positions[order]).max() < 1e-9
    assert table.angles.tobytes() == merged.angles[order].tobytes()
    assert table.half_sets.tolist() == merged.half_set[order].tolist()


def test_only_columns_that_all_rows_have_are_carried_over(tree, merged):
    (document,) = documents(tree)
    table = read_particles(document.content, path="p.star", volumes=VOLUMES)
    assert "rlnClassNumber" not in table.passthrough
    # Both tables call their particles alike, so that the names are no names any more.
    assert len(set(table.passthrough["rlnTomoParticleName"])) == len(merged)


def test_copies_of_a_particle_cannot_be_patched_into_its_table(tree):
    add_relion(tree)
    write_species(tree, rows_of(6))
    species = species_of(tree)
    stored = read_documents(tree, species.path)
    columns = species.particles.load()
    assert is_patchable(columns, stored, roles=PARTICLE_ROLES)
    assert not is_patchable(columns, stored, roles=("m_particles",))
    assert not is_patchable(columns, (), roles=PARTICLE_ROLES)
    columns.source_row[:] = 0
    assert not is_patchable(columns, stored, roles=PARTICLE_ROLES)


def test_a_trajectory_is_told_as_lost(tree, merged):
    moving = np.concatenate([merged.positions, merged.positions + 1.0], axis=1)
    values = {name: getattr(merged, name) for name in type(merged).__dataclass_fields__}
    columns = type(merged)(**{**values, "positions": moving})
    items = Population(tree).items_by_id()
    document = new_relion_table(columns, items, path="p.star", comment="made by a test")
    lost = [line for line in document.report if line.field == "(trajectory)"]
    assert [(line.verdict, line.count) for line in lost] == [("dropped", len(merged))]
