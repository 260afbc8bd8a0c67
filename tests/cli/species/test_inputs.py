"""Options that verbs of species share: what they record, and what a set gives beside them."""

import argparse
from pathlib import Path

import pytest

from mgit.cli.species.inputs import (
    fact_options,
    facts_of,
    map_options,
    path_of,
    read_given_maps,
    settings_of,
    table_files,
    table_options,
)
from mgit.curate.particle_files import ParticleFiles
from mgit.errors import NotFound
from tests.curate.species_tables import cube, write_map


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    map_options(made)
    table_options(made, required=False)
    fact_options(made, adding=False)
    return made


def test_settings_hold_what_is_given_files_by_name_numbers_as_text(parser):
    given = parser.parse_args(
        ["--particles", "/a/b/run_data.star", "--pixel-size", "1.5", "--source", "grid"]
    )
    names = ("particles", "half1", "coordinate_pixel_size", "source", "mirror_map")
    assert settings_of(given, names) == {
        "particles": "run_data.star",
        "coordinate_pixel_size": "1.5",
        "source": ["grid"],
    }


def test_facts_that_are_not_stated_are_none(parser):
    facts = facts_of(parser.parse_args(["--ewald", "on"]))
    assert (facts.ewald, facts.ewald_reverse) == (True, True)
    other = facts_of(parser.parse_args(["--ewald", "reverse"]))
    assert (other.ewald, other.ewald_reverse) == (True, False)
    assert facts.diameter_angstrom is None
    assert facts.symmetry is None


def test_maps_that_are_given_win_over_those_of_the_set(parser, tmp_path):
    paths = {
        name: write_map(tmp_path / f"{name}.mrc", cube(8, seed))
        for seed, name in enumerate(("a", "b", "c"))
    }
    files = ParticleFiles(
        table=Path("t"), table_path="t", half_map_1=paths["a"], half_map_2=paths["b"]
    )
    assert read_given_maps(parser.parse_args([]), files).names == ("half-maps",)
    given = parser.parse_args(["--reference", str(paths["c"])])
    assert read_given_maps(given, files).names == ("reference",)


def test_absent_options_are_no_paths(parser):
    assert path_of(None) is None
    assert path_of("x") == Path("x")
    with pytest.raises(NotFound):
        table_files(parser.parse_args(["--particles", "nowhere.star"]))
