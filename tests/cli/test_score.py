"""Simulated tables go through `source add` and `species add`, and come out as they went in."""

import numpy as np
import pytest

from mgit.cli.main import main
from mgit.simulate.commit_score import score_tree
from mgit.simulate.experiment import draw_experiment
from mgit.simulate.forward import Geometry, views
from mgit.simulate.score import score
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series
from mgit.simulate.truth import read_truth, views_of
from mgit.state.population import Population
from tests.cli.sessions import Session

TINY = PRESETS["tiny"]
SEED = 8
ROUTES = {
    "relion": ("--relion", "tomograms.star", "particles.star"),
    "warp": ("--warp", "warp_tiltseries.settings", "particles.star"),
    "true": ("--warp", "truth/warp_tiltseries.settings", "truth/particles.star"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("score") / "data"
    simulate_tilt_series(directory, TINY, seed=SEED)
    return directory


@pytest.fixture(scope="module")
def population(tmp_path_factory, data):
    """A population with one branch per route of import; the current one is 'true'."""
    directory = tmp_path_factory.mktemp("score") / "population"
    inside = ["-C", str(directory)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
        patch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
        patch.setenv("XDG_CONFIG_HOME", str(directory.parent / "config"))
        assert main(["init", str(directory)]) == 0
        assert main([*inside, "branch", "empty"]) == 0
        for name, (form, source, table) in ROUTES.items():
            add = ["source", "add", "sim", form, str(data / source), "--raw", str(data)]
            poses = ["--particles", str(data / table), "--diameter", "100"]
            assert main([*inside, "switch", "-c", name, "empty"]) == 0
            assert main([*inside, *add]) == 0
            assert main([*inside, "species", "add", "made", *poses]) == 0
    return directory


@pytest.fixture
def session(population, capsys):
    """Runs in the population; these tests only read it."""
    return Session(population, capsys)


def projected(session, branch, truth):
    """Views of the state of a branch, rows sorted."""
    population = Population(session.repository.snapshot(branch))
    (item,) = population.items()
    particles = population.one_species("made").particles.load()
    order = np.argsort(particles.source_row)
    geometry = Geometry(
        name=item.name,
        arrays={name: handle.read() for name, handle in item.arrays().items()},
        hand=item.attributes["hand"],
        image=truth.series[0].image,
        volume=truth.series[0].volume,
    )
    return views(
        geometry, particles.positions[order], particles.angles[order], rows=np.arange(len(order))
    )


def test_both_routes_import_the_state_that_was_written(session, data):
    truth = read_truth(data / "truth.json")
    seeds = np.random.SeedSequence(SEED).spawn(3)
    drawn = draw_experiment(TINY, np.random.default_rng(seeds[1]))
    wanted = {
        "relion": views_of(drawn.start_series, drawn.start_particles),
        "warp": views_of(drawn.start_series, drawn.start_particles),
        "true": truth.views(),
    }
    for branch, expected in wanted.items():
        found = projected(session, branch, truth)
        assert np.abs(found.xy - expected.xy).max() < 1e-3
        assert np.abs(found.rotation - expected.rotation).max() < 1e-9
        assert np.abs(found.defocus - expected.defocus).max() < 1e-3


def test_raw_images_are_bound_on_both_routes(session):
    for branch in ("relion", "warp"):
        (item,) = Population(session.repository.snapshot(branch)).items()
        assert item.binding == "full"
        assert len([entry for entry in item.raw if entry.path.endswith(".mrc")]) == TINY.tilts


def test_the_perturbation_that_was_put_in_comes_out(session, data):
    """The score of an imported start is that of the drawn experiment, for both routes."""
    truth = read_truth(data / "truth.json")
    seeds = np.random.SeedSequence(SEED).spawn(3)
    drawn = draw_experiment(TINY, np.random.default_rng(seeds[1]))
    start = views_of(drawn.start_series, drawn.start_particles)
    expected, _ = score(start, truth.views())
    # The stated errors of shifts, poses, warp and axis make about 7 A.
    assert 5 < expected.position_rms_angstrom < 9
    for branch in ("relion", "warp"):
        found = score_tree(session.repository.snapshot(branch), truth).poses
        for name in expected.__slots__:
            assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-6)


def test_one_column_is_printed_for_each_revision(session, data):
    lines = session.lines("score", "relion", "true", "--truth", str(data / "truth.json"))
    assert lines[0].split() == ["relion", "true"]
    rows = {line[:22].strip(): line[22:].split() for line in lines[1:]}
    assert rows["particles"] == ["8", "8"]
    start, unit, end, _ = rows["position RMS"]
    assert (float(start) > 4, unit, end) == (True, "A", "0.000")
    assert rows["orientation median"][2:] == ["0.000", "deg"]
    assert rows["half-maps, FSC 0.143"] == ["-", "-"]


def test_the_document_has_every_number(session, data):
    (found,) = session.json("score", "--truth", str(data / "truth.json"))["scores"]
    assert found["place"] == "HEAD"
    assert found["commit"] == session.tip()
    assert found["position_rms_angstrom"] < 1e-6
    assert found["fsc_truth_angstrom"] is None
    assert found["missing"] == 0


def test_a_directory_stands_for_its_head(session, data, capsys):
    outside = Session(data, capsys)
    (found,) = outside.json("score", session.directory, "--truth", "truth.json")["scores"]
    assert found["commit"] == session.tip()


def test_a_missing_truth_and_an_empty_revision_are_refused(session, data):
    assert session("score", "--truth", "none.json") == 5
    assert session("score", "empty", "--truth", str(data / "truth.json")) == 5
    assert "no species" in session.err
