"""Facts about a particle are checked and become attributes that the schema takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.curate.species_facts import SpeciesFacts, attributes_of_facts, check_symmetry
from mgit.errors import InvalidInput
from mgit.state.schema import SPECIES_ATTRIBUTES, canonical_attributes


@pytest.mark.parametrize("group", ["C1", "c6", "D7", "T", "o", "I", "I2"])
def test_rotational_point_groups_are_taken_in_either_case(group):
    assert check_symmetry(f" {group} ") == group.upper()


@pytest.mark.parametrize("group", ["", "C0", "C", "C1V", "Q", "I9", "OH", "C-1"])
def test_other_groups_are_refused_with_the_choice(group):
    with pytest.raises(InvalidInput, match="point group") as caught:
        check_symmetry(group)
    assert "C<n>" in caught.value.hint


def test_only_what_is_stated_becomes_an_attribute():
    assert attributes_of_facts(SpeciesFacts()) == {}
    found = attributes_of_facts(SpeciesFacts(diameter_angstrom=230.0, symmetry="c6", ewald=True))
    assert found == {"diameter_angstrom": "230.0", "symmetry": "C6", "ewald": True}


def test_what_is_taken_back_becomes_none():
    facts = SpeciesFacts(ewald=False, ewald_reverse=True, parent="", contacts=())
    assert set(attributes_of_facts(facts).values()) == {None}
    assert attributes_of_facts(SpeciesFacts(ewald_reverse=False)) == {"ewald_reverse": False}


@pytest.mark.parametrize(
    "facts",
    [
        SpeciesFacts(diameter_angstrom=0.0),
        SpeciesFacts(molecular_weight_kilodalton=-1.0),
        SpeciesFacts(resolution_override_angstrom=float("inf")),
        SpeciesFacts(helical_rise_angstrom=float("nan")),
        SpeciesFacts(helical_units=0),
    ],
)
def test_values_that_cannot_be_are_refused(facts):
    with pytest.raises(InvalidInput) as caught:
        attributes_of_facts(facts)
    assert caught.value.fields["field"].startswith("--")


@given(st.floats(0.1, 1e4), st.floats(-180, 180), st.integers(1, 40))
def test_every_statement_is_an_attribute_of_the_schema(length, twist, units):
    facts = SpeciesFacts(
        diameter_angstrom=length,
        helical_twist_degree=twist,
        helical_rise_angstrom=length,
        helical_height_angstrom=length,
        helical_units=units,
        contacts=("b", "a", "b"),
        parent="whole",
    )
    record = canonical_attributes(
        {"name": "x", "inputs": [], **attributes_of_facts(facts)}, SPECIES_ATTRIBUTES, owner="x"
    )
    assert float(record["helical_twist_degree"]) == twist
    assert record["contacts"] == ["a", "b"]
