"""What refinement refuses: by name, with an exit code, without a commit."""

import errno
import os
import shutil
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest

from mgit.cli import refinement
from mgit.cli.context import signature
from mgit.refine import record_files
from mgit.refine.checkpoint import RoundFiles
from mgit.refine.record_files import read_record
from mgit.simulate.tilt_series import simulate_tilt_series
from mgit.state.population import Population
from mgit.state.species import set_particles
from mgit.store.files import Files
from tests.journeys.terminal import Terminal, new_population
from tests.refine.refinable import AUTHOR, QUICK, SMALL, made, raw_directory, reconstructed


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


def refused(terminal, code, *parts, words=QUICK):
    """Refine, expect the exit code and the parts in the message, and nothing changed."""
    before = everything(terminal)
    found, out = terminal.try_to("refine", *words)
    assert found == code, out + terminal.err
    for part in parts:
        assert part in terminal.err
    assert everything(terminal) == before
    clean, out = terminal.try_to("verify")
    assert clean == 0, out + terminal.err
    # Series that were finished before are kept; without any there is nothing to resume.
    for each in (terminal.directory / ".mgit/local/refine").glob("*"):
        assert list(each.glob("round-*/results/*.npz"))


def everything(terminal):
    """Refs, HEAD, stage and number of operations."""
    repository = terminal.repository
    return (
        repository.refs.all("refs/"),
        repository.refs.head(),
        repository.stage.read(),
        len(list((terminal.directory / ".mgit/operations").iterdir())),
    )


def copied_raw(terminal, tmp_path, tmp_path_factory):
    """Raw files of this test alone, linked to the population."""
    data = tmp_path / "own"
    shutil.copytree(raw_directory(tmp_path_factory), data)
    code, out = terminal.try_to("source", "link", "sim", data)
    assert code == 0, out + terminal.err
    return data / "images"


def test_a_truncated_image_is_named(terminal, tmp_path, tmp_path_factory):
    images = copied_raw(terminal, tmp_path, tmp_path_factory)
    file = images / "TS_02_003.mrc"
    file.write_bytes(file.read_bytes()[:-100])
    refused(terminal, 1, "TS_02_003.mrc", "item: TS_02")


def test_a_missing_image_is_named(terminal, tmp_path, tmp_path_factory):
    images = copied_raw(terminal, tmp_path, tmp_path_factory)
    (images / "TS_02_003.mrc").unlink()
    refused(terminal, 5, "TS_02_003.mrc")


def moved_away(terminal):
    """A commit in which one particle lies far from every image."""
    repository = terminal.repository
    with repository.transaction(verb="test") as change:
        (species,) = Population(change.draft).species()
        table = species.particles.load()
        positions = table.positions.copy()
        positions[3] += 5000.0
        set_particles(change.draft, species.path, replace(table, positions=positions))
        change.commit(message="Move", who=signature(None), provenance={})
    return Population(repository.snapshot(repository.resolve("HEAD")))


def test_a_particle_outside_every_tilt_is_named(terminal):
    moved_away(terminal)
    refused(terminal, 1, "particle", "item: TS_")


def test_a_number_that_is_not_finite_is_refused_where_it_would_come_in(tmp_path):
    simulate_tilt_series(tmp_path / "data", SMALL, seed=1)
    xml = tmp_path / "data" / "warp_tiltseries" / "TS_02.xml"
    text = xml.read_text()
    at = text.index("Value=", text.index("<GridMovementX"))
    xml.write_text(text[:at] + 'Value="NaN"' + text[text.index('"', at + 7) + 1 :])
    terminal = new_population(tmp_path / "population")
    before = terminal.repository.resolve("HEAD")
    settings = tmp_path / "data" / "warp_tiltseries.settings"
    code, _ = terminal.try_to("source", "add", "sim", "--warp", settings)
    assert code == 1
    assert "TS_02.xml" in terminal.err
    assert "GridMovementX" in terminal.err
    assert terminal.repository.resolve("HEAD") == before


@pytest.fixture
def flat(tmp_path):
    """A population whose second series has images of one value, and an imported reference."""
    data = tmp_path / "data"
    simulate_tilt_series(data, SMALL, seed=1)
    for file in (data / "images").glob("TS_02_*.mrc"):
        content = file.read_bytes()
        file.write_bytes(content[:1024] + bytes(len(content) - 1024))
    return referred(tmp_path, data)


def referred(tmp_path, data):
    terminal = new_population(tmp_path / "population")
    for words in (
        ["source", "add", "sim", "--relion", data / "tomograms.star", "--raw", data],
        ["species", "add", "made", "--particles", data / "particles.star", "--diameter", "100",
         "--reference", data / "truth_map.mrc", "--no-check"],
    ):  # fmt: skip
        code, out = terminal.try_to(*words)
        assert code == 0, out + terminal.err
    return terminal


def test_images_without_contrast_are_named(flat):
    refused(flat, 1, "item: TS_02")


@pytest.mark.parametrize("words", [["--defocus"], ["--defocus", "--defocus-exhaustive"]])
def test_flat_scores_of_the_defocus_are_named(flat, words):
    refused(flat, 1, "item: TS_02", words=[*words, "--ctf-min-resolution", "60", "--iter", "1"])


def test_halves_of_one_imported_reference_are_not_called_independent(tmp_path):
    simulate_tilt_series(tmp_path / "data", SMALL, seed=1)
    terminal = referred(tmp_path, tmp_path / "data")
    code, out = terminal.try_to("refine", *QUICK)
    assert code == 0, out + terminal.err
    assert "references to 40.0 A" in out
    assert "aligned to one imported reference: not independent" in out


def test_a_full_disk_is_noticed_before_the_work(terminal, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(refinement.shutil, "disk_usage", lambda _place: usage(9, 9, 1000))
    refused(terminal, 6, "the disk is too full", "needed mb")


def full(*_arguments, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_while_series_are_kept_is_named(terminal, monkeypatch):
    monkeypatch.setattr(record_files.np, "savez", full)
    refused(terminal, 6, "a checkpoint cannot be written", "No space left")


def test_a_disk_that_fills_while_the_commit_is_made_leaves_what_can_be_resumed(
    terminal, monkeypatch
):
    before = terminal.repository.refs.all("refs/")
    finish = refinement.finished

    def and_full(*arguments, **options):
        result = finish(*arguments, **options)
        monkeypatch.setattr(Files, "_write", full)
        return result

    monkeypatch.setattr(refinement, "finished", and_full)
    code, out = terminal.try_to("refine", *QUICK)
    assert code == 6, out + terminal.err
    assert "disk" in terminal.err
    monkeypatch.undo()
    assert terminal.repository.refs.all("refs/") == before
    assert terminal.try_to("verify")[0] == 0
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    code, out = terminal.try_to("refine", "--resume")
    assert code == 0, out + terminal.err
    assert "going on with 3 of 3 series" in terminal.err


def test_a_damaged_checkpoint_is_named_and_mended_by_its_hint(terminal, monkeypatch):
    code, _ = interrupted_after(terminal, monkeypatch, 2)
    assert code == 130
    first, _ = sorted((terminal.directory / ".mgit/local/refine").glob("*/round-1/results/*.npz"))
    first.write_bytes(first.read_bytes()[:-50])
    code, _ = terminal.try_to("refine", "--resume")
    assert code == 1
    assert str(first) in terminal.err
    first.unlink()
    code, out = terminal.try_to("refine", "--resume")
    assert code == 0, out + terminal.err


def interrupted_after(terminal, monkeypatch, series):
    """Refine until so many series are kept; exit code and output."""
    write, count = RoundFiles.write, [0]

    def and_stop(*arguments):
        write(*arguments)
        count[0] += 1
        if count[0] == series:
            raise KeyboardInterrupt

    monkeypatch.setattr(RoundFiles, "write", and_stop)
    found = terminal.try_to("refine", *QUICK)
    monkeypatch.setattr(RoundFiles, "write", write)
    return found


def test_an_earlier_commit_goes_on_in_a_branch_of_its_own(terminal):
    assert terminal.try_to("species", "set", "made", "--mass", "50")[0] == 0
    tip = terminal.repository.resolve("HEAD")
    refused(terminal, 1, "--branch NEW", words=["HEAD~1", *QUICK])
    refused(terminal, 1, "exists", words=["HEAD~1", *QUICK, "--branch", "main"])
    code, out = terminal.try_to("refine", "HEAD~1", *QUICK, "--branch", "again")
    assert code == 0, out + terminal.err
    repository = terminal.repository
    assert repository.resolve("HEAD") == repository.resolve("main") == tip
    assert repository.resolve("again~1") == repository.resolve("HEAD~1")


def test_a_dirty_stage_is_refused(terminal):
    assert terminal.try_to("species", "set", "made", "--mass", "50", "--no-commit")[0] == 0
    refused(terminal, 1, "staged changes")


def test_a_detached_head_moves_on(terminal):
    assert terminal.try_to("switch", "--detach", "HEAD")[0] == 0
    before = terminal.repository.refs.all("refs/")
    code, out = terminal.try_to("refine", *QUICK)
    assert code == 0, out + terminal.err
    assert "[(detached HEAD) " in out
    assert terminal.repository.refs.all("refs/") == before
    assert terminal.repository.resolve("HEAD~1") == terminal.repository.resolve("main")


def test_a_species_without_maps_is_told_to_be_reconstructed_first(tmp_path):
    terminal = Terminal(made(tmp_path, maps=False))
    refused(terminal, 1, "no maps to refine against", "mgit reconstruct", "species: made")


def test_filters_choose_what_is_refined(terminal):
    refused(terminal, 5, "species", "'made'", words=[*QUICK, "--species", "nobody"])
    refused(terminal, 5, "source: nowhere", "'sim'", words=[*QUICK, "--source", "nowhere"])
    refused(terminal, 1, "--min-particles", words=[*QUICK, "--min-particles", "99"])
    words = ["--min-particles", "5", "--species", "made", "--source", "sim"]
    (found,) = terminal("refine", *QUICK, *words)["rounds"]
    assert sorted(each["name"] for each in found["items"]) == ["TS_01", "TS_02"]
    changed = terminal("show", "HEAD")["difference"]["sources"][0]["items"]
    assert sorted(each["name"] for each in changed) == ["TS_01", "TS_02"]


def test_results_of_an_interrupted_run_are_readable_records(terminal, monkeypatch):
    interrupted_after(terminal, monkeypatch, 1)
    (file,) = (terminal.directory / ".mgit/local/refine").glob("*/round-1/results/*.npz")
    facts, arrays = read_record(file)
    assert facts["species"] == ["made"]
    assert np.isfinite(arrays["item/image_warp_x"]).all()
