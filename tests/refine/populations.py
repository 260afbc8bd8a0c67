"""A simulated tilt series, imported into a population on disk."""

from mgit.cli.main import main
from mgit.history.repository import Repository
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series
from mgit.state.names import item_path, species_path

ITEM, SPECIES = item_path("sim", "TS_01"), species_path("made")


def populated(directory):
    """The repository in `directory`; its raw data lie in `directory / "data"`."""
    data, population = directory / "data", directory / "population"
    simulate_tilt_series(data, PRESETS["tiny"], seed=1)
    population.mkdir()
    for words in (
        ["init", "--name", "toy"],
        ["source", "add", "sim", "--relion", str(data / "tomograms.star"), "--raw", str(data)],
        ["species", "add", "made", "--particles", str(data / "particles.star"), "--diameter=100"],
    ):
        assert main(["-C", str(population), "--quiet", *words]) == 0
    return Repository.open(str(population))
