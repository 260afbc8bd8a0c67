"""A worker takes items until none is left, and leaves its error where its parent looks."""

import json
import os

import pytest

from mgit.cli import refine_worker
from mgit.cli.refine_worker import main, work_through
from mgit.errors import InvalidState
from mgit.refine.checkpoint import RoundFiles
from mgit.refine.plan import bind
from mgit.refine.refine_items import refine_work
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.refine_run import references_of
from mgit.refine.settings import RefineSettings
from tests.refine.populations import Disk
from tests.refine.refinable import raw_directory, reconstructed
from tests.refine.test_result_files import bits

SETTINGS = RefineSettings(
    image_warp=(1, 1), particles=True, iterations=1, warp_steps=2, pose_steps=2
)


@pytest.fixture
def job(tmp_path, tmp_path_factory):
    """Files of a round with its job written; plan, references and raw files beside."""
    repository = reconstructed(tmp_path_factory, tmp_path)
    commit = repository.resolve("HEAD")
    plan = plan_refinement(repository.snapshot(commit), SETTINGS)
    references = references_of(plan.species, SETTINGS)
    bound = bind(plan.species, Disk(raw_directory(tmp_path_factory)), advance=lambda files: None)
    files = RoundFiles(tmp_path / "round-1")
    facts = {
        "repository": str(tmp_path / "population"),
        "commit": commit,
        "settings": SETTINGS.as_text(),
        "threads": 1,
        "species": [],
        "sources": [],
    }
    files.write_job(facts, references, bound)
    return files, plan, references, bound


def results(files):
    return sorted((files.directory / "results").glob("*.npz"))


def test_all_items_are_refined_as_they_are_without_workers(job):
    files, plan, references, bound = job
    work_through(files, token="t", parent=os.getppid())
    found = results(files)
    assert len(found) == 3
    wanted = [bits(refine_work(plan, work, references, bound)) for work in plan.works]
    names = [each.stem for each in found]
    read = {name: bits(files.read(name)) for name in names}
    assert sorted(read.values(), key=repr) == sorted(wanted, key=repr)


def test_items_that_others_took_are_left_to_them(job, monkeypatch):
    files = job[0]
    done = []
    monkeypatch.setattr(refine_worker, "refine_work", lambda *_words: done.append(1))
    monkeypatch.setattr(RoundFiles, "write", lambda *_words: None)
    work_through(files, token="t", parent=os.getppid())
    assert len(done) == 3
    work_through(files, token="t", parent=os.getppid())
    assert len(done) == 3
    work_through(files, token="later", parent=os.getppid())
    assert len(done) == 6


def test_a_worker_whose_parent_is_gone_takes_nothing_more(job):
    work_through(job[0], token="t", parent=os.getppid() + 1)
    assert results(job[0]) == []


def test_an_error_is_left_for_the_parent(job, monkeypatch):
    def fails(*_words):
        raise InvalidState("flat", item="TS_01")

    monkeypatch.setattr(refine_worker, "refine_work", fails)
    assert main([str(job[0].directory), "t", "4"]) == 1
    record = json.loads((job[0].directory / "error-4.json").read_text())
    assert (record["type"], record["fields"]) == ("InvalidState", {"item": "TS_01"})


def test_a_worker_that_did_its_part_says_nothing(job, monkeypatch):
    monkeypatch.setattr(refine_worker, "work_through", lambda *_words, **_options: None)
    assert main([str(job[0].directory), "t", "0"]) == 0
    assert not list(job[0].directory.glob("error-*"))
