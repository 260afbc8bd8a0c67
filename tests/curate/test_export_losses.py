import numpy as np
import pytest

from mgit.curate.export_losses import lost_arrays, lost_attributes, lost_particles
from mgit.curate.rederive import imported_records
from mgit.exchange.motive_lists import read_dynamo
from mgit.state.documents import read_documents
from mgit.state.population import Population
from mgit.state.series import update_item_attributes
from mgit.state.species import set_particles
from tests.curate.foreign_projects import add_relion, set_array
from tests.curate.species_tables import species_of, write_source, write_species


@pytest.fixture
def item(tree):
    add_relion(tree)
    return lambda: Population(tree).item("grid", "TS_01")


def base(tree):
    source = Population(tree).source("grid")
    return imported_records(tree, source.path, source.items())["TS_01"]


def fields(lines):
    return {line.field: line.count for line in lines}


def test_an_untouched_item_loses_nothing(tree, item):
    assert fields(lost_arrays(item(), base(tree))) == {}
    assert fields(lost_attributes(item(), base(tree), held=())) == {}


def test_changed_and_new_arrays_are_counted(tree, item):
    set_array(tree, "grid", "TS_01", "axis_angle", [85.0, 86.0, 87.0])
    set_array(tree, "grid", "TS_01", "image_warp_x", np.eye(3)[None])
    found = fields(lost_arrays(item(), base(tree)))
    assert found == {"(axis_angle of TS_01)": 2, "(image_warp_x of TS_01)": 3}


def test_changed_attributes_without_a_place_are_lost(tree, item):
    update_item_attributes(tree, item().path, {"hand": 1, "weight": "0.5"})
    assert fields(lost_attributes(item(), base(tree), held=("hand",))) == {"(weight of TS_01)": 1}
    assert set(fields(lost_attributes(item(), base(tree), held=()))) == {
        "(hand of TS_01)",
        "(weight of TS_01)",
    }
    assert fields(lost_attributes(item(), None, held=("hand",))) == {"(weight of TS_01)": 1}


def test_neutral_attributes_are_no_loss(tree, item):
    update_item_attributes(tree, item().path, {"weight": "1.0", "b_factor_angstrom2": "0.0"})
    assert fields(lost_attributes(item(), base(tree), held=())) == {}


def test_a_motive_list_tells_what_it_does_not_say_any_more(tree):
    write_source(tree, "1")
    rows = [[at + 1, *[0] * 22, 100 + at, 100, 100, 0, 0] for at in range(4)]
    for row in rows:
        row[19] = 1
    content = "\n".join(" ".join(map(str, row)) for row in rows).encode()
    table = read_dynamo(content, path="a.tbl", pixel_size_angstrom=2.0)
    write_species(tree, None, table=table, new_split=True)
    species = species_of(tree)
    (stored,) = read_documents(tree, species.path)
    columns = species.particles.load()
    assert fields(lost_particles(stored, species, columns)) == {}
    columns.positions[0] += 1.0
    set_particles(tree, species.path, columns.take(np.array([True, True, False, True])))
    columns = species_of(tree).particles.load()
    found = fields(lost_particles(stored, species, columns))
    assert found == {"(particles)": 1, "(position)": 1}
