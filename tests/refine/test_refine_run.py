"""A round between trees: the references that it begins with."""

import pytest

from mgit.refine.plan import plan_reconstruction
from mgit.refine.references import REFERENCE_ANGSTROM
from mgit.refine.refine_run import references_of
from mgit.refine.settings import RefineSettings
from mgit.state.digests import set_inputs
from mgit.state.population import Population
from mgit.state.species import update_species_attributes
from tests.refine.refinable import reconstructed

PLAIN = RefineSettings(particles=True)


@pytest.fixture
def draft(tmp_path, tmp_path_factory):
    """The tree of a reconstructed population, which may be changed."""
    with reconstructed(tmp_path_factory, tmp_path).transaction(verb="refine") as change:
        yield change.draft


def finest(draft, settings=PLAIN):
    (found,) = references_of(plan_reconstruction(draft), settings)
    return 2 * found.references.pixel_size_angstrom


@pytest.mark.parametrize(
    "mark", [{"half_set_origin": "restarted"}, {"external_reference": True}], ids=str
)
def test_halves_that_remember_one_reference_are_used_to_40_angstrom_until_refined(draft, mark):
    imported = finest(draft)
    assert imported < 0.75 * REFERENCE_ANGSTROM
    (species,) = Population(draft).species()
    update_species_attributes(draft, species.path, mark)
    assert finest(draft) == pytest.approx(REFERENCE_ANGSTROM)
    assert finest(draft, RefineSettings(resolution=30.0)) < 0.9 * REFERENCE_ANGSTROM
    for item in Population(draft).items():
        set_inputs(draft, item.path, [species.state])
    assert finest(draft) == pytest.approx(imported)


def test_a_resolution_that_the_species_is_said_to_have_goes_before(draft):
    (species,) = Population(draft).species()
    marks = {"half_set_origin": "restarted", "resolution_override_angstrom": "25.0"}
    update_species_attributes(draft, species.path, marks)
    assert finest(draft) < 0.75 * REFERENCE_ANGSTROM
