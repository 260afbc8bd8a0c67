"""A population whose only species has particles, images and the map that they show."""

from dataclasses import fields, replace

from mgit.cli.main import main
from mgit.cli.raw_files import DigestedFiles
from mgit.history.repository import Repository
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series

EXACT = {each.name: 0.0 for each in fields(PRESETS["tiny"]) if "_error_" in each.name}
SETTINGS = replace(PRESETS["tiny"], particles=30, tilts=9, image_size_px=160, snr=2.0, **EXACT)


def checked_population(directory, *, settings=SETTINGS):
    """The repository in `directory`; data in `directory / "data"`, the species unchecked."""
    data, population = directory / "data", directory / "population"
    simulate_tilt_series(data, settings, seed=2)
    population.mkdir()
    for words in (
        ["init", "--name", "toy"],
        ["source", "add", "sim", "--relion", str(data / "tomograms.star"), "--raw", str(data)],
        ["species", "add", "made", "--particles", str(data / "particles.star"), "--no-check",
         "--diameter", "100", "--reference", str(data / "truth_map.mrc")],
    ):  # fmt: skip
        assert main(["-C", str(population), "--quiet", *words]) == 0
    return Repository.open(str(population))


def digested(repository):
    """The raw files of a repository with their digests."""
    return DigestedFiles(repository)
