import numpy as np
import pytest

from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.particle_table import read_particles, write_particles
from mgit.state.strings import StringColumn
from mgit.testing.memory import MemoryTree

from .conftest import table


@pytest.fixture
def made():
    return table(
        trajectories=np.ones((10, 2, 3)),
        passthrough={"rlnScore": np.arange(10.0), "my column/é": list("abcdefghij")},
    )


@pytest.fixture
def stored(made):
    tree = MemoryTree()
    write_particles(tree, "species/s", made)
    return tree, read_particles(tree, "species/s")


def test_a_table_is_read_as_it_was_written(made, stored):
    loaded = stored[1].load()
    for name, column in made.columns().items():
        found = loaded.columns()[name]
        if isinstance(column, StringColumn):
            assert found.equals(column)
        else:
            np.testing.assert_array_equal(found, column)
    assert loaded.passthrough.keys() == made.passthrough.keys()
    assert loaded.passthrough["my column/é"].equals(made.passthrough["my column/é"])


def test_columns_are_read_one_by_one(made, stored):
    particles = stored[1]
    assert len(particles) == 10
    assert particles.names() == (
        "angles",
        "half_set",
        "id",
        "item",
        "position",
        "source_row",
        "source_table",
        "trajectory",
    )
    assert particles.passthrough_names() == ("my column/é", "rlnScore")
    np.testing.assert_array_equal(particles.column("half_set"), made.half_set)
    assert particles.column("item").equals(made.item)
    np.testing.assert_array_equal(particles.passthrough("rlnScore"), made.passthrough["rlnScore"])


def test_a_column_stands_at_a_node(stored):
    tree, particles = stored
    assert particles.node("id") == "species/s/particles/id"
    assert tree.attributes(particles.node("rlnScore"))["name"] == "rlnScore"


@pytest.mark.parametrize("name", ["columns", "rlnScore", "nothing"])
def test_what_is_no_canonical_column_is_not_found_as_one(stored, name):
    with pytest.raises(NotFound, match="no such column"):
        stored[1].column(name)


def test_a_foreign_column_that_is_not_there_is_not_found(stored):
    for find in (stored[1].passthrough, stored[1].node):
        with pytest.raises(NotFound):
            find("nothing")


def test_a_species_without_particles_is_not_found():
    with pytest.raises(NotFound, match="no particle table"):
        read_particles(MemoryTree(), "species/s")


def test_columns_of_the_old_table_do_not_survive(stored):
    tree, particles = stored
    write_particles(tree, "species/s", table(count=2, passthrough={}))
    assert len(particles) == 2
    assert "trajectory" not in particles.names()
    assert particles.passthrough_names() == ()


def test_a_foreign_column_of_objects_is_refused_before_anything_is_written(stored):
    tree, particles = stored
    with pytest.raises(InvalidState, match="object"):
        write_particles(tree, "species/s", table(passthrough={"x": np.full(10, None)}))
    assert particles.passthrough_names() == ("my column/é", "rlnScore")


def test_a_stored_table_that_breaks_an_invariant_is_corrupt(stored):
    tree, particles = stored
    tree.set_array("species/s/particles/half_set", np.full(10, 3, np.uint8))
    with pytest.raises(Corrupt, match="neither 1 nor 2"):
        particles.load()


def test_a_stored_table_that_lacks_a_column_is_corrupt(stored):
    tree, particles = stored
    tree.remove("species/s/particles/angles")
    with pytest.raises(Corrupt, match="lacks a column"):
        particles.load()


def test_a_column_of_the_other_form_is_corrupt(stored):
    tree, particles = stored
    tree.remove("species/s/particles/item")
    tree.set_array("species/s/particles/item", np.zeros(10, np.uint32))
    with pytest.raises(Corrupt, match="text is stored as numbers"):
        particles.load()
