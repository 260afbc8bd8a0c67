"""Checkpoints: equal requests share one, results are whole, claims are exclusive."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidState, Refused
from mgit.maps.reference import HalfReferences
from mgit.refine.checkpoint import Checkpoint, Request
from mgit.refine.inputs import ReferenceSet
from mgit.refine.raw_stacks import BoundFile
from tests.refine.results import result
from tests.refine.test_result_files import bits

REQUEST = Request(
    parent="a" * 40,
    branch="main",
    rounds=({"image_warp": "3x3", "seed": "0"}, {"particles": "true"}),
    species=("made",),
    sources=(),
    versions={"mgit": "1"},
    message="Refine",
)
TEXT = st.text(max_size=5)
REQUESTS = st.builds(
    Request,
    parent=TEXT,
    branch=st.none() | TEXT,
    rounds=st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=3).map(tuple),
    species=st.lists(TEXT, max_size=3).map(tuple),
    sources=st.lists(TEXT, max_size=3).map(tuple),
    versions=st.dictionaries(TEXT, TEXT, max_size=2),
    message=st.none() | TEXT,
)


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written_and_keeps_its_id(request):
    again = Request.decode(request.encode(), file="run.json")
    assert again == request
    assert again.id == request.id
    assert len(request.id) == 16


@given(REQUESTS, REQUESTS)
def test_ids_are_equal_exactly_when_requests_are_but_for_the_message(one, other):
    assert (one.id == other.id) == (replace(one, message=None) == replace(other, message=None))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"parent": 1}'])
def test_a_damaged_request_is_named(text):
    with pytest.raises(InvalidState) as caught:
        Request.decode(text, file="somewhere/run.json")
    assert caught.value.fields["file"] == "somewhere/run.json"


def test_nothing_is_written_before_the_work_begins_and_nothing_is_left_after(tmp_path):
    checkpoint = Checkpoint.of(tmp_path / "refine", REQUEST)
    assert not list(tmp_path.iterdir())
    with checkpoint.under_way():
        assert [each.request for each in Checkpoint.present(tmp_path / "refine")] == [REQUEST]
    checkpoint.remove()
    checkpoint.remove()
    assert Checkpoint.present(tmp_path / "refine") == []


def test_an_error_before_the_first_item_leaves_nothing_to_resume(tmp_path):
    checkpoint = Checkpoint.of(tmp_path, REQUEST)
    with pytest.raises(Refused), checkpoint.under_way():
        raise Refused("no")
    assert Checkpoint.present(tmp_path) == []


@pytest.mark.parametrize("error", [Refused("no"), KeyboardInterrupt()])
def test_finished_items_outlive_errors_and_interruptions(tmp_path, error):
    checkpoint = Checkpoint.of(tmp_path, REQUEST)
    checkpoint.round(1).write("TS_01", result())
    with pytest.raises(type(error)), checkpoint.under_way():
        raise error
    (found,) = Checkpoint.present(tmp_path)
    assert found.has_results
    assert bits(found.round(1).read("TS_01")) == bits(result())


def test_an_interruption_before_the_first_item_can_be_resumed(tmp_path):
    with pytest.raises(KeyboardInterrupt), Checkpoint.of(tmp_path, REQUEST).under_way():
        raise KeyboardInterrupt
    (found,) = Checkpoint.present(tmp_path)
    assert not found.has_results


def test_the_one_that_was_worked_at_last_comes_first(tmp_path):
    for number, at in ((1, 30), (2, 10), (3, 20)):
        checkpoint = Checkpoint.of(tmp_path, replace(REQUEST, branch=f"b{number}"))
        with checkpoint.under_way():
            os.utime(checkpoint.directory / "run.json", (at, at))
    assert [each.request.branch for each in Checkpoint.present(tmp_path)] == ["b1", "b3", "b2"]


def test_a_claim_is_granted_once_for_every_run(tmp_path):
    files = Checkpoint.of(tmp_path, REQUEST).round(1)
    assert files.claim("TS_01", token="run-1")
    assert not files.claim("TS_01", token="run-1")
    assert files.claim("TS_02", token="run-1")
    assert files.claim("TS_01", token="run-2")


def test_a_result_is_done_when_it_is_whole(tmp_path):
    files = Checkpoint.of(tmp_path, REQUEST).round(2)
    assert not files.done("TS_01")
    (tmp_path / REQUEST.id / "round-2" / "results" / ".TS_01.npz.99").write_bytes(b"half")
    assert not files.done("TS_01")
    files.write("TS_01", result())
    assert files.done("TS_01")


def test_a_job_is_read_as_it_was_written(tmp_path):
    random = np.random.default_rng(0)
    volumes = [
        (random.normal(size=(8, 8, 5)) + 1j * random.normal(size=(8, 8, 5))).astype(np.complex64)
        for _ in range(2)
    ]
    references = tuple(
        ReferenceSet(
            species=name,
            references=HalfReferences(
                first=volumes[0], second=volumes[1], box=4, pixel_size_angstrom=0.1 * 3,
                oversampling=2,
            ),
            diameter_angstrom=100.0 / 3,
            ewald=name == "bent",
            ewald_reverse=name != "bent",
        )
        for name in ("made", "bent")
    )  # fmt: skip
    bound = {
        "sources/x": (
            BoundFile(role="tilt", path="a.mrc", place=Path("/data/a.mrc"), sections=(2, 1)),
        )
    }
    files = Checkpoint.of(tmp_path, REQUEST).round(1)
    files.write_job({"commit": "a" * 40, "threads": 2}, references, bound)
    job, again, files_again = files.read_job()
    assert job == {"commit": "a" * 40, "threads": 2}
    assert files_again == bound
    assert [bits(each) for each in again] == [bits(each) for each in references]
