"""Other people's programs on a population: plain Git on the history, Zarr readers on the arrays."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import zarr

import mgit
from tests.golden.make_v1 import EXPECTED
from tests.golden.thaw import git, thaw

EXPECTATION = json.loads(EXPECTED.read_text(encoding="utf-8"))
TIP = EXPECTATION["refs"]["refs/heads/main"]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "read_with_zarr.md"


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    """A directory that holds the frozen repository."""
    return thaw(tmp_path_factory.mktemp("population"))


@pytest.fixture(scope="module")
def species(population):
    """Path of the only species."""
    return mgit.open(population).population().species()[0].path


# --- plain Git -----------------------------------------------------------------------------------


def test_git_log_shows_the_history(population):
    subjects = git(population, "log", "--topo-order", "--format=%s").splitlines()
    assert subjects[0] == "Learn the raw data of the movie"
    assert subjects[-1] == "Begin the population golden ✓"
    assert len(subjects) == len(EXPECTATION["commits"])
    graph = git(population, "log", "--graph", "--all", "--oneline", "--decorate")
    assert "tag: v1.0" in graph


def test_git_log_of_a_path_shows_where_it_changed(population, species):
    subjects = git(population, "log", "--format=%s", "--", f"{species}/half_map_1").splitlines()
    assert sorted(subjects) == ["Add the ribosome", "Refine the poses"]


def test_git_finds_the_trailers(population):
    form = "--format=%(trailers:key=Mgit-State,valueonly)"
    assert git(population, "log", "-1", form).strip() == EXPECTATION["commits"][TIP]["state"]


def test_git_show_prints_a_small_file(population):
    root = json.loads(git(population, "show", "HEAD:zarr.json"))
    assert root["attributes"] == {"format": 1, "name": "golden ✓"}
    assert json.loads(git(population, "show", "v1.0:provenance.json"))["format"] == 1


def test_git_finds_nothing_to_complain_about(population):
    """Unreachable objects, which undo keeps, are no complaint."""
    assert git(population, "fsck", "--strict", "--full", "--no-dangling") == ""


def test_git_diff_names_the_arrays_that_differ(population, species):
    stat = git(population, "diff", "--stat=200", "v1.0", "poses")
    assert f"{species}/half_map_1/chunks" in stat
    assert f"{species}/particles/position/zarr.json" in stat
    assert "half_map_2" not in stat


def test_a_clone_by_git_has_the_same_refs_and_the_same_history(population, tmp_path):
    """It has the history without the chunks, which are not Git's."""
    source = Path(population, ".mgit", "git")
    copy = tmp_path / "copy.git"
    git(population, "clone", "--bare", "--quiet", "--no-local", source, copy)
    names = ("for-each-ref", "--format=%(objectname) %(refname)")
    refs = {
        name: value
        for value, name in (
            line.split(" ") for line in git(population, "--git-dir", copy, *names).splitlines()
        )
    }
    assert refs == EXPECTATION["refs"]
    assert git(population, "--git-dir", copy, "fsck", "--strict") == ""


def test_a_commit_of_plain_git_is_read_and_said_to_claim_nothing(tmp_path):
    root = thaw(tmp_path)
    person = ("-c", "user.name=Eve", "-c", "user.email=eve@example.org")
    tree = EXPECTATION["commits"][TIP]["tree"]
    made = git(root, *person, "commit-tree", "-p", TIP, "-m", "by hand", tree).strip()
    git(root, "branch", "by-hand", made)
    project = mgit.open(root)
    record = project.repository.commit("by-hand")
    assert (record.subject, record.state, record.root) == ("by hand", "", "")
    assert project.population("by-hand").counts() == project.population("main").counts()


# --- Zarr ----------------------------------------------------------------------------------------


def test_zarr_reads_every_array_of_a_commit(population):
    project = mgit.open(population)
    snapshot = project.snapshot("v1.0")
    root = zarr.open_group(project.zarr("v1.0"), mode="r")
    (commit,) = (
        each for each in EXPECTATION["commits"].values() if each["subject"] == "Add metrics"
    )
    for path, content in commit["arrays"].items():
        array = root[path]
        assert array.attrs["content"] == content
        wanted = snapshot.array(path).read()
        assert array.dtype == wanted.dtype
        assert np.asarray(array[...]).tobytes() == wanted.tobytes()


def test_zarr_refuses_to_write(population, species):
    root = zarr.open_group(mgit.open(population).zarr("HEAD"), mode="r")
    with pytest.raises(ValueError, match="read-only"):
        root[f"{species}/mask"][0, 0, 0] = 1.0


def test_dask_reads_a_map(population, species):
    dask_array = pytest.importorskip("dask.array", reason="dask is not installed")
    array = zarr.open_group(mgit.open(population).zarr("HEAD"), mode="r")[f"{species}/half_map_1"]
    lazy = dask_array.from_zarr(array)
    assert lazy.chunks[0] == (64, 2)
    assert float(lazy.max().compute()) == float(array[:].max())


# --- the page ------------------------------------------------------------------------------------


def run_page(folder, monkeypatch, *, without):
    """Run the page's code in a population; returns its names. The page's species is 'ribosome'."""
    monkeypatch.chdir(folder)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        if not re.search(without, block):
            exec(block.replace('"ribosome"', '"ribosome/70S"'), names)
    return names


def test_the_code_of_the_page_runs(population, monkeypatch):
    names = run_page(population, monkeypatch, without="dask|viewer")
    assert names["centre"].shape == (66, 66)
    assert (names["before"] == names["after"]).all()


def test_the_reader_function_of_the_page_offers_layers(population, tmp_path, monkeypatch):
    names = run_page(population, monkeypatch, without="dask|viewer")
    assert names["napari_get_reader"](tmp_path) is None
    path = f"{population}@v1.0"
    layers = names["napari_get_reader"](path)(path)
    assert [(each[1]["name"], each[2]) for each in layers] == [
        ("ribosome/70S half_map_1", "image"),
        ("ribosome/70S half_map_2", "image"),
        ("ribosome/70S mask", "image"),
    ]
    data, options, _ = layers[0]
    assert options["scale"] == (5.0, 5.0, 5.0)
    assert data.shape == (66, 66, 66)
    assert float(data[33, 33, 33]) == 1.0
