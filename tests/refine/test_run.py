"""Plans of a tree, raw files against it, and what a reconstruction writes."""

from pathlib import Path

import pytest

from mgit.curate.raw_digests import digest_file
from mgit.refine.plan import bind, plan_reconstruction
from mgit.refine.reconstruct_item import Budget
from mgit.refine.run import reconstruct_species, write_reconstruction
from tests.refine.populations import populated


class Disk:
    """Raw files below one directory."""

    def __init__(self, directory):
        self.directory = directory

    def locate(self, source, path):
        place = Path(self.directory, path)
        return place if place.is_file() else None

    def digests(self, place, *, complete):
        return digest_file(place, complete=complete)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A draft of the population, which may be changed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with populated(tmp_path).transaction(verb="test") as transaction:
        yield transaction.draft


def bound(plans, directory):
    return bind(plans, Disk(directory / "data"), advance=lambda files: None)


def test_maps_curves_and_inputs_are_written(tree, tmp_path):
    (plan,) = plan_reconstruction(tree)
    result, levels = reconstruct_species(plan, bound([plan], tmp_path), budget=Budget())
    assert levels == {"tilt_image"}
    write_reconstruction(tree, plan, result)
    (after,) = plan_reconstruction(tree)
    species = after.species
    assert species.map("half_map_1").shape == (40, 40, 40)
    assert not species.flag("needs_reconstruction")
    assert species.number("resolution_angstrom") == result.resolution_angstrom
    assert species.inputs == (plan.parts[0].item.state,)
    assert set(species.metrics()) == set(result.metrics())
