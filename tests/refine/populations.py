"""A simulated tilt series, imported into a population on disk."""

from pathlib import Path

from mgit.cli.main import main
from mgit.curate.raw_digests import digest_file
from mgit.history.repository import Repository
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series
from mgit.state.names import item_path, species_path

ITEM, SPECIES = item_path("sim", "TS_01"), species_path("made")


class Disk:
    """Raw files below one directory."""

    def __init__(self, directory):
        self.directory = directory

    def locate(self, source, path):
        place = Path(self.directory, path)
        return place if place.is_file() else None

    def digests(self, place, *, complete):
        return digest_file(place, complete=complete)


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
