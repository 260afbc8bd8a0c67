"""Tilts in messages are those that `mgit source exclude` means."""

import numpy as np

from mgit.cli.main import main
from mgit.history.repository import Repository
from mgit.refine.tilt_numbers import exclusion, tilt_number
from mgit.state.population import Population
from tests.refine.refinable import AUTHOR, reconstructed


def test_the_command_of_a_hint_takes_out_the_tilt_that_the_message_names(
    tmp_path, tmp_path_factory, monkeypatch
):
    reconstructed(tmp_path_factory, tmp_path)
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    directory = str(tmp_path / "population")
    words = exclusion("TS_02", 3).strip("'").replace("SOURCE", "sim").split()
    assert words[-1] == str(tilt_number(3))
    assert main(["-C", directory, *words[1:]]) == 0
    population = Population(Repository.open(directory).snapshot("HEAD"))
    (item,) = (each for each in population.items_by_id().values() if each.name == "TS_02")
    assert np.flatnonzero(~item.arrays()["use"].read()).tolist() == [3]
