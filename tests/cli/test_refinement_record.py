"""What the commit of a round says: what went in, and with which versions it was begun."""

from dataclasses import replace

import pytest

from mgit.cli.refinement_course import present_versions
from mgit.cli.refinement_record import recorded
from mgit.refine.checkpoint import Request
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.refine_run import Round
from mgit.refine.settings import RefineSettings
from tests.refine.refinable import reconstructed


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A round over three series of which two are refined."""
    repository = reconstructed(tmp_path_factory, tmp_path_factory.mktemp("record"))
    plan = plan_refinement(
        repository.snapshot(repository.resolve("HEAD")), RefineSettings(particles=True)
    )
    return Round(
        plan=replace(plan, works=plan.works[:2]),
        found=(),
        maps=(),
        changes=(),
        levels=frozenset({"tilt_image", "extracted_stack"}),
    )


def request(versions):
    return Request(
        parent="0" * 40, branch="main", rounds=({},), species=(), sources=(), versions=versions
    )


def test_inputs_are_the_species_and_every_series_that_was_reconstructed_from(result):
    record = recorded(request(present_versions()), result, number=1)
    (species,) = result.plan.species
    states = {str(species.species.state), *(str(part.item.state) for part in species.parts)}
    assert len(states) == 4
    assert set(record["inputs"]) == states
    assert record["raw_level"] == "extracted_stack"


def test_versions_that_a_resumed_run_was_begun_with_are_kept(result):
    begun = {**present_versions(), "torch": "1.0"}
    assert recorded(request(begun), result, number=1)["settings"]["begun_with"] == begun
    assert "begun_with" not in recorded(request(present_versions()), result, number=1)["settings"]
