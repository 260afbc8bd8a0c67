"""Properties change with what follows from them; names and relations stay consistent."""

import pytest

from mgit.curate.species_facts import SpeciesFacts
from mgit.curate.species_maps import SpeciesMaps
from mgit.curate.species_settings import remove_species, set_species
from mgit.errors import InvalidInput, NotFound, Refused
from mgit.state.digests import species_state
from mgit.state.population import Population
from tests.curate.species_tables import cube, rows_of, species_of, write_source, write_species


@pytest.fixture
def grid(tree):
    write_source(tree, "TS_01", "TS_02")
    halves = SpeciesMaps(half_maps=(cube(), cube(8, 1)), pixel_size_angstrom=2.0)
    write_species(tree, rows_of(6), maps=halves)
    write_species(tree, rows_of(4, seed=1), name="ring")
    return tree


def names(tree):
    return [each.name for each in Population(tree).species()]


def test_what_is_given_changes_and_the_rest_stays(grid):
    report = set_species(grid, "capsid", facts=SpeciesFacts(diameter_angstrom=240.0))
    assert report.changes == {"diameter_angstrom": ("100.0", "240.0")}
    assert not report.needs_reconstruction
    assert species_of(grid).attributes["symmetry"] == "C1"


def test_the_same_value_is_no_change(grid):
    before = grid.attributes(species_of(grid).path)
    report = set_species(grid, "capsid", facts=SpeciesFacts(diameter_angstrom=100.0, symmetry="c1"))
    assert report.changes == {}
    assert grid.attributes(species_of(grid).path) == before


def test_another_symmetry_outdates_the_maps(grid):
    report = set_species(grid, "capsid", facts=SpeciesFacts(symmetry="C6"))
    assert report.needs_reconstruction
    assert species_of(grid).flag("needs_reconstruction")


def test_a_flag_that_is_taken_back_leaves_no_trace(grid):
    before = species_state(grid, species_of(grid).path)
    set_species(grid, "capsid", facts=SpeciesFacts(ewald=True, ewald_reverse=False))
    assert species_state(grid, species_of(grid).path) != before
    set_species(grid, "capsid", facts=SpeciesFacts(ewald=False, ewald_reverse=True))
    assert species_state(grid, species_of(grid).path) == before


def test_temporal_samples_are_made_and_taken_back(grid):
    report = set_species(grid, "capsid", facts=SpeciesFacts(), temporal_samples=3)
    assert report.changes == {"temporal samples": (1, 3)}
    assert species_of(grid).particles.load().positions.shape == (6, 3, 3)
    set_species(grid, "capsid", facts=SpeciesFacts(), temporal_samples=1)
    assert species_of(grid).particles.load().positions.shape == (6, 1, 3)


def test_a_new_name_keeps_the_state_and_everything_below(grid):
    set_species(grid, "ring", facts=SpeciesFacts(parent="capsid", contacts=("capsid",)))
    before = species_state(grid, species_of(grid).path)
    set_species(grid, "capsid", facts=SpeciesFacts(), new_name="hexamer")
    assert names(grid) == ["hexamer", "ring"]
    renamed = species_of(grid, "hexamer")
    assert species_state(grid, renamed.path) == before
    assert renamed.map_names() == ("half_map_1", "half_map_2")
    assert len(renamed.particles) == 6
    ring = species_of(grid, "ring")
    assert ring.attributes["parent"] == "hexamer"
    assert list(ring.attributes["contacts"]) == ["hexamer"]


def test_a_taken_name_is_refused(grid):
    with pytest.raises(Refused, match="exists"):
        set_species(grid, "capsid", facts=SpeciesFacts(), new_name="ring")


def test_relatives_must_exist_and_descent_has_no_circle(grid):
    with pytest.raises(NotFound):
        set_species(grid, "ring", facts=SpeciesFacts(parent="nobody"))
    with pytest.raises(NotFound):
        set_species(grid, "ring", facts=SpeciesFacts(contacts=("nobody",)))
    set_species(grid, "ring", facts=SpeciesFacts(parent="capsid"))
    with pytest.raises(InvalidInput, match="descend from itself"):
        set_species(grid, "capsid", facts=SpeciesFacts(parent="ring"))
    with pytest.raises(InvalidInput, match="descend from itself"):
        set_species(grid, "ring", facts=SpeciesFacts(parent="ring"))


def test_a_parent_stays_while_it_has_children(grid):
    set_species(grid, "ring", facts=SpeciesFacts(parent="capsid"))
    with pytest.raises(Refused, match="parts or classes") as caught:
        remove_species(grid, "capsid")
    assert "--parent none" in caught.value.hint
    set_species(grid, "ring", facts=SpeciesFacts(parent=""))
    assert remove_species(grid, "capsid").particles == 6
    assert names(grid) == ["ring"]


def test_a_removed_species_is_nobodys_contact(grid):
    set_species(grid, "ring", facts=SpeciesFacts(contacts=("capsid",)))
    assert remove_species(grid, "capsid").contacts_of == ("ring",)
    assert "contacts" not in species_of(grid, "ring").attributes


def test_an_unknown_species_is_named_with_those_that_are_there(grid):
    with pytest.raises(NotFound) as caught:
        remove_species(grid, "capsit")
    assert "'capsid'" in caught.value.hint
