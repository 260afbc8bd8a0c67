"""Populations that refinement can begin with: three small simulated series, reconstructed."""

import os
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock

from mgit.cli.main import main
from mgit.history.repository import Repository
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series

SMALL = replace(PRESETS["tiny"], series=3, particles=14)
"""Series of 5, 5 and 4 particles, 70 images of them."""
QUICK = ("--image-warp", "1x1", "--particles", "--iter", "1", "--holdout", "30%", "--threads", "1")
"""One round of a second or less."""
AUTHOR = {"MGIT_AUTHOR_NAME": "Ada Test", "MGIT_AUTHOR_EMAIL": "ada@example.org"}


def made(directory, settings=SMALL, *, seed=1, maps=True):
    """A population in `directory / "population"`, its raw data beside it in `data`."""
    data, population = directory / "data", directory / "population"
    simulate_tilt_series(data, settings, seed=seed)
    population.mkdir()
    table = str(data / "particles.star")
    words = [
        ["init", "--name", "toy"],
        ["source", "add", "sim", "--relion", str(data / "tomograms.star"), "--raw", str(data)],
        ["species", "add", "made", "--particles", table, "--diameter=100"],
    ]
    with mock.patch.dict(os.environ, AUTHOR):
        for each in [*words, ["reconstruct"]] if maps else words:
            assert main(["-C", str(population), "--quiet", *each]) == 0
    return population


@cache
def _template(base):
    return made(Path(base))


def _base(tmp_path_factory):
    base = tmp_path_factory.getbasetemp() / "refinable"
    base.mkdir(exist_ok=True)
    return str(base)


def raw_directory(tmp_path_factory):
    """Where the raw files of the population of `reconstructed` lie."""
    return _template(_base(tmp_path_factory)).parent / "data"


def reconstructed(tmp_path_factory, directory):
    """A copy, in `directory / "population"`, of one reconstructed population of this test run.

    Raw files are linked where the first copy has them.
    """
    copy = directory / "population"
    shutil.copytree(_template(_base(tmp_path_factory)), copy)
    return Repository.open(str(copy))
