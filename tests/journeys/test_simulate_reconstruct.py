"""From simulated and real images to maps, by the command line alone."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series
from mgit.state.population import Population
from tests.cli.sessions import Session

EXPERIMENT = replace(PRESETS["tiny"], particles=60, tilts=11, image_size_px=256)
NO_ERRORS = dict.fromkeys(
    (
        "position_error_angstrom",
        "angle_error_degree",
        "shift_error_angstrom",
        "axis_angle_error_degree",
        "stage_angle_error_degree",
        "warp_error_angstrom",
        "defocus_error_angstrom",
        "astigmatism_error_angstrom",
    ),
    0.0,
)
NYQUIST = 10.0


@pytest.fixture(autouse=True)
def author(tmp_path, monkeypatch):
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Directories with and without errors in the starting state."""
    root = tmp_path_factory.mktemp("simulated")
    simulate_tilt_series(root / "true", replace(EXPERIMENT, **NO_ERRORS), seed=1)
    simulate_tilt_series(root / "wrong", EXPERIMENT, seed=1)
    return root


def scored(directory, capsys, data, source):
    """Reconstruct in a new population and score its tip."""
    directory.mkdir()
    session = Session(directory, capsys)
    table = str(data / "particles.star")
    for words in (
        ["init", "--name", "toy"],
        ["source", "add", "sim", *source],
        ["source", "link", "sim", str(data)],
        ["species", "add", "made", "--particles", table, "--diameter", "100"],
        ["reconstruct", "--threads", "2"],
    ):
        assert session(*words) == 0, session.err
    (found,) = session.json("score", "--truth", str(data / "truth.json"))["scores"]
    return found


def relion(data):
    return ["--relion", str(data / "tomograms.star")]


def warp(data):
    return ["--warp", str(data / "warp_tiltseries.settings")]


def test_the_true_geometry_reaches_nyquist_and_errors_cost_resolution(tmp_path, capsys, data):
    good = scored(tmp_path / "true", capsys, data / "true", relion(data / "true"))
    bad = scored(tmp_path / "wrong", capsys, data / "wrong", relion(data / "wrong"))
    assert good["fsc_truth_angstrom"] < 1.15 * NYQUIST
    assert good["fsc_half_maps_angstrom"] < 1.15 * NYQUIST
    assert bad["fsc_truth_angstrom"] > 1.2 * good["fsc_truth_angstrom"]
    assert bad["fsc_half_maps_angstrom"] > 1.2 * good["fsc_half_maps_angstrom"]


def test_metadata_of_warp_give_the_map_that_metadata_of_relion_give(tmp_path, capsys, data):
    found = scored(tmp_path / "warp", capsys, data / "true", warp(data / "true"))
    assert found["fsc_truth_angstrom"] < 1.15 * NYQUIST


def test_real_ribosomes_correlate_between_halves_as_their_authors_poses_let_them(
    tmp_path, capsys, shared_data
):
    folder = shared_data / "ribosome_warptools_particles"
    session = Session(tmp_path, capsys)
    table = str(folder / "particles.star")
    for words in (
        ["init", "--name", "ribosome"],
        ["source", "add", "rib", "--relion", str(folder / "optimisation_set.star"), "--raw",
         str(folder)],
        ["species", "add", "rib", "--particles", table, "--coordinate-pixel-size", "12",
         "--new-split", "--diameter", "300"],
        ["reconstruct"],
    ):  # fmt: skip
        assert session(*words) == 0, session.err
    tip = session.repository.snapshot(session.tip())
    curves = {
        name: handle.read() for name, handle in Population(tip).one_species("rib").metrics().items()
    }
    at = [1 / 96, 1 / 64, 1 / 48]
    masked = np.interp(at, curves["fsc_frequency"], curves["fsc_masked"])
    unmasked = np.interp(at, curves["fsc_frequency"], curves["fsc_unmasked"])
    np.testing.assert_allclose(masked, [0.68, 0.47, 0.22], atol=0.1)
    np.testing.assert_allclose(unmasked, [0.56, 0.28, 0.09], atol=0.1)
    assert session.json("show", "HEAD")["provenance"]["raw_level"] == "extracted_stack"
