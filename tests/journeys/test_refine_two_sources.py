"""Two sources whose series have the same names, refined in one round."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.cli.main import main
from mgit.history.repository import Repository
from mgit.simulate.tilt_series import simulate_tilt_series
from mgit.state.population import Population
from tests.refine.refinable import AUTHOR, QUICK, SMALL

SMALLER = replace(SMALL, series=1, particles=6)


def imported(directory, source, *, seed):
    """Verbs that import a simulated series TS_01 and its particles as a source of its own."""
    data = directory / source
    simulate_tilt_series(data, SMALLER, seed=seed)
    # What identifies a series is its document: equal ones would be one series, twice.
    for table in (data / "tilt_series").iterdir():
        table.write_text(f"# {source}\n{table.read_text()}")
    return [
        ["source", "add", source, "--relion", str(data / "tomograms.star"), "--raw", str(data)],
        ["species", "add", f"of_{source}", "--particles", str(data / "particles.star"),
         "--diameter=100", "--source", source, "--no-check"],
    ]  # fmt: skip


@pytest.mark.parametrize("workers", ["1", "2"])
def test_series_of_one_name_in_two_sources_are_refined_each_by_its_own_images(
    tmp_path, monkeypatch, workers
):
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    population = tmp_path / "population"
    population.mkdir()
    verbs = [["init", "--name", "toy"]]
    verbs += [
        verb for seed, name in enumerate("ab") for verb in imported(tmp_path, name, seed=seed)
    ]
    verbs += [["reconstruct"], ["refine", *QUICK, "--force", "--workers", workers]]
    for words in verbs:
        assert main(["-C", str(population), "--quiet", *words]) == 0
    repository = Repository.open(str(population))
    tree = Population(repository.snapshot(repository.resolve("HEAD")))
    first, second = (tree.item(name, "TS_01").array("image_warp_x").read() for name in "ab")
    assert first.any()
    assert second.any()
    assert not np.array_equal(first, second)
