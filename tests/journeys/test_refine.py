"""From a simulated experiment to a refined, verified history, by the command line alone."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from mgit.cli import refinement
from mgit.refine.checkpoint import RoundFiles
from mgit.simulate.settings import PRESETS
from tests.conftest import ROOT
from tests.journeys.terminal import Terminal
from tests.refine.refinable import AUTHOR, QUICK, made, raw_directory, reconstructed

MOMENTS = 20
TWO_ROUNDS = (*QUICK, "--rounds", "2")
OVERFITTED = replace(PRESETS["tiny"], particles=20, snr=0.05)
OVERFIT = """
[[round]]
image-warp = "12x12"
priors = "off"
iterations = 10
"""


@pytest.fixture(autouse=True)
def author(tmp_path, monkeypatch):
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def terminal(tmp_path, tmp_path_factory):
    """A terminal in a fresh copy of the reconstructed population."""
    reconstructed(tmp_path_factory, tmp_path)
    return Terminal(tmp_path / "population")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """State digest that two rounds end with when nobody disturbs them."""
    directory = tmp_path_factory.mktemp("undisturbed")
    reconstructed(tmp_path_factory, directory)
    return Terminal(directory / "population")("refine", *TWO_ROUNDS)["rounds"][-1]["state"]


@pytest.fixture(scope="module")
def run_time(tmp_path_factory, undisturbed):
    """Seconds that the same takes as a process of its own, which ends in the same state."""
    directory = tmp_path_factory.mktemp("timed")
    reconstructed(tmp_path_factory, directory)
    began = time.monotonic()
    out, err = started(directory / "population", *TWO_ROUNDS).communicate()
    assert json.loads(out)["rounds"][-1]["state"] == undisturbed, err
    return time.monotonic() - began


def started(directory, *words):
    """`mgit refine WORDS... --json` as a process in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mgit.cli.main", "-C", str(directory), "refine", *words, "--json"],
        env={**os.environ, **AUTHOR, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def is_clean(terminal):
    code, out = terminal.try_to("verify")
    return code == 0 and "consistent: yes" in out


def under_way(terminal):
    """Whether a checkpoint is there."""
    return any((terminal.directory / ".mgit/local/refine").glob("*/run.json"))


def wait_until(condition, *, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def tip_state(terminal):
    return terminal.repository.commit(terminal.repository.resolve("HEAD")).state


def rounds_done(terminal):
    code, out = terminal.try_to("log", "--oneline")
    assert code == 0
    return sum("Refine, round" in line for line in out.splitlines())


def resumed(terminal, *words):
    """Go on until both rounds are commits; a run that never began is begun."""
    for _ in range(3):
        if rounds_done(terminal) == 2 and not under_way(terminal):
            return
        words = ("--resume", "--threads", "1") if under_way(terminal) else TWO_ROUNDS
        code, out = terminal.try_to("refine", *words)
        assert code == 0, out + terminal.err
    raise AssertionError("the refinement does not end")


def killed(terminal, seconds):
    """Two rounds, killed after so many seconds; whether the kill met a process."""
    process = started(terminal.directory, *TWO_ROUNDS)
    try:
        process.communicate(timeout=max(0.0, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode == -signal.SIGKILL


def test_two_rounds_make_a_better_verified_history(tmp_path):
    terminal = Terminal(made(tmp_path, replace(PRESETS["tiny"], particles=24, tilts=9)))
    before = terminal.repository.resolve("HEAD")
    found = terminal("refine", "--rounds", "2")["rounds"]
    assert [each["aside"] for each in found] == [None, None]
    assert terminal.repository.resolve("HEAD~2") == before
    assert [each["commit"] for each in found] == [
        terminal.repository.resolve(each) for each in ("HEAD~1", "HEAD")
    ]
    code, out = terminal.try_to("log", "--oneline")
    assert code == 0
    assert "Refine, round 2 of 2: made" in out.splitlines()[0]
    (species,) = terminal("show", "HEAD")["difference"]["species"]
    assert species["name"] == "made"
    code, out = terminal.try_to("diff", "HEAD~1")
    assert "particles moved" in out
    truth = str(tmp_path / "data" / "truth.json")
    scores = terminal("score", "HEAD~2", "HEAD", "--truth", truth)["scores"]
    assert scores[1]["position_rms_angstrom"] < 0.8 * scores[0]["position_rms_angstrom"]
    assert scores[1]["fsc_truth_angstrom"] < scores[0]["fsc_truth_angstrom"]
    assert is_clean(terminal)
    record = terminal("show", "HEAD")["provenance"]
    assert record["settings"]["round"] == 2
    assert record["raw_level"] == "tilt_image"
    assert not under_way(terminal)


def test_workers_and_threads_change_no_bit(terminal, tmp_path, tmp_path_factory):
    states = {}
    for number, words in enumerate((["--threads", "1"], ["--threads", "2"], ["--workers", "2"])):
        reconstructed(tmp_path_factory, tmp_path / str(number))
        other = Terminal(tmp_path / str(number) / "population")
        found = other("refine", *QUICK, *words)
        states[tuple(words)] = found["rounds"][0]["state"]
    assert len(set(states.values())) == 1, states


def disturbed(terminal, seconds, expected):
    """Kill two rounds at a moment, look around, go on, and compare the end."""
    met = killed(terminal, seconds)
    assert is_clean(terminal)
    resumed(terminal)
    assert tip_state(terminal) == expected
    assert is_clean(terminal)
    assert rounds_done(terminal) == 2
    assert not under_way(terminal)
    return met


class Gone(BaseException):
    """Stands for the end of the process: nothing in mgit catches it."""


@pytest.mark.parametrize("written", [0, 2, 4])
def test_a_run_that_ended_after_some_series_goes_on_to_the_same_end(
    terminal, undisturbed, monkeypatch, written
):
    write, count = RoundFiles.write, [0]

    def ending(*arguments):
        if count[0] == written:
            raise Gone
        count[0] += 1
        write(*arguments)

    monkeypatch.setattr(RoundFiles, "write", ending)
    with pytest.raises(Gone):
        terminal.try_to("refine", *TWO_ROUNDS)
    monkeypatch.undo()
    assert is_clean(terminal)
    resumed(terminal)
    assert tip_state(terminal) == undisturbed
    assert rounds_done(terminal) == 2


@pytest.mark.slow
def test_killed_at_twenty_moments_ends_where_an_undisturbed_run_does(
    tmp_path, tmp_path_factory, undisturbed, run_time
):
    met = 0
    for number in range(MOMENTS):
        reconstructed(tmp_path_factory, tmp_path / str(number))
        terminal = Terminal(tmp_path / str(number) / "population")
        met += disturbed(terminal, (number + 0.5) / MOMENTS * run_time, undisturbed)
    # A run on a busy machine may be faster or slower than the first; most kills must meet it.
    assert met > MOMENTS // 2


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_workers_are_killed_with_their_parent_and_the_end_is_the_same(
    terminal, undisturbed, run_time, share
):
    process = started(terminal.directory, *TWO_ROUNDS, "--workers", "2")
    try:
        process.communicate(timeout=share * run_time)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    assert is_clean(terminal)
    resumed(terminal)
    assert tip_state(terminal) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_stop_the_run_in_order_and_it_can_be_resumed(terminal, monkeypatch, number):
    write = RoundFiles.write

    def and_signal(*arguments):
        write(*arguments)
        signal.raise_signal(number)

    monkeypatch.setattr(RoundFiles, "write", and_signal)
    before = terminal.repository.resolve("HEAD")
    for done in (1, 2):
        code, out = terminal.try_to("refine", *(QUICK if done == 1 else ["--resume"]))
        assert code == 130, out + terminal.err
        assert "'mgit refine --resume' goes on" in terminal.err
        assert terminal.repository.resolve("HEAD") == before
    assert "going on with 1 of 3 series" in terminal.err
    monkeypatch.undo()
    assert is_clean(terminal)
    assert terminal.try_to("refine", "--resume")[0] == 0
    assert "going on with 2 of 3 series" in terminal.err
    assert terminal.repository.resolve("HEAD~1") == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_signals_stop_a_process_and_its_workers(terminal, undisturbed, number, workers):
    process = started(terminal.directory, *TWO_ROUNDS, "--workers", workers)
    wait_until(lambda: under_way(terminal) or process.poll() is not None)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "mgit refine --resume" in err
    assert is_clean(terminal)
    resumed(terminal)
    assert tip_state(terminal) == undisturbed


def test_a_branch_that_moved_meanwhile_is_not_touched_and_the_result_is_kept(
    terminal, monkeypatch, tmp_path_factory
):
    particles = str(raw_directory(tmp_path_factory) / "particles.star")
    finish = refinement.finished

    def with_a_commit_beside(*arguments, **options):
        result = finish(*arguments, **options)
        beside = subprocess.run(
            [sys.executable, "-m", "mgit.cli.main", "-C", str(terminal.directory),
             "species", "add", "beside", "--diameter", "90", "--particles", particles],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
        )  # fmt: skip
        assert beside.returncode == 0, beside.stderr
        return result

    monkeypatch.setattr(refinement, "finished", with_a_commit_beside)
    code, out = terminal.try_to("refine", *QUICK)
    assert code == 3, out + terminal.err
    (kept,) = terminal.repository.refs.all("refs/mgit/refine/").items()
    assert f"mgit merge {kept[0]}" in terminal.err
    assert terminal.repository.commit("HEAD").subject.startswith("Add species beside")
    assert terminal.repository.commit("HEAD").parents == terminal.repository.commit(kept[1]).parents
    monkeypatch.undo()
    assert is_clean(terminal)
    code, out = terminal.try_to("merge", kept[0])
    assert code == 0, out + terminal.err


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Twenty particles in noise that a fine grid can follow."""
    return made(tmp_path_factory.mktemp("overfitted"), OVERFITTED)


def test_a_recipe_made_to_overfit_is_kept_aside_unless_it_is_forced(few, tmp_path):
    terminal, truth = Terminal(few), str(few.parent / "data" / "truth.json")
    recipe = tmp_path / "overfit.toml"
    recipe.write_text(OVERFIT)
    before = terminal.repository.resolve("HEAD")
    code, _ = terminal.try_to("refine", "--recipe", recipe)
    assert code == 7, terminal.err
    assert "12x12 nodes fits noise" in terminal.err
    assert "held-out correlation of made fell beyond its noise" in terminal.err
    assert terminal.repository.resolve("HEAD") == before
    ((ref, kept),) = terminal.repository.refs.all("refs/mgit/refine/").items()
    scores = terminal("score", "HEAD", kept, "--truth", truth)["scores"]
    assert scores[1]["position_rms_angstrom"] > 1.1 * scores[0]["position_rms_angstrom"]
    code, _ = terminal.try_to("diff", "main", ref)
    assert code == 0, terminal.err
    assert is_clean(terminal)
    (forced,) = terminal("refine", "--recipe", recipe, "--force")["rounds"]
    assert forced["aside"] is None
    assert terminal.repository.resolve("HEAD") == forced["commit"]
    assert any(each["worse"] for each in forced["changes"])
