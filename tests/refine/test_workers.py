"""Worker processes: watched, stopped together, and heard when they fail."""

import os
import sys

import pytest

from mgit import errors
from mgit.errors import DiskFull, InvalidState, StorageFailed
from mgit.refine import workers
from mgit.refine.checkpoint import RoundFiles
from mgit.refine.workers import describe_error, run_workers
from tests.refine.results import result

ITEMS = ("a", "b", "c")
FINISHES = "import sys, shutil; [shutil.copy({source!r}, {place!r} + f'/{{i}}.npz') for i in 'abc']"


@pytest.fixture
def files(tmp_path):
    return RoundFiles(tmp_path / "round-1")


def run(files, script, *, count=2, advance=None):
    told = []
    run_workers(
        files,
        ITEMS,
        command=[sys.executable, "-c", script],
        environment={"PATH": "/usr/bin:/bin"},
        count=count,
        advance=told.append if advance is None else advance,
    )
    return told


def finishing(files, tmp_path):
    """A worker that finishes every item: it copies a result that there is."""
    other = RoundFiles(tmp_path / "other")
    other.write("x", result())
    source, place = (tmp_path / "other/results/x.npz", files.directory / "results")
    return FINISHES.format(source=str(source), place=str(place))


def test_every_finished_item_is_told_once(files, tmp_path):
    assert sorted(run(files, finishing(files, tmp_path))) == ["a", "b", "c"]


def test_finished_items_are_not_told_again(files, tmp_path):
    files.write("b", result())
    assert sorted(run(files, finishing(files, tmp_path))) == ["a", "c"]


def test_the_error_of_a_worker_is_raised_here_with_kind_and_fields(files):
    text = describe_error(InvalidState("flat", hint="look at it", item="TS_09"))
    place = files.directory / "error-"
    script = (
        "import sys, pathlib, time; n = sys.argv[-1]\n"
        "if n == '0': time.sleep(60)\n"
        f"pathlib.Path({str(place)!r} + n + '.json').write_text({text!r}); sys.exit(1)"
    )
    with pytest.raises(InvalidState, match="flat") as caught:
        run(files, script)
    assert caught.value.fields == {"item": "TS_09"}
    assert caught.value.hint == "look at it"


def test_a_worker_that_dies_silently_is_named_with_the_end_of_its_log(files):
    script = "import os, sys; print('about to go', flush=True); os.kill(os.getpid(), 9)"
    with pytest.raises(StorageFailed) as caught:
        run(files, script, count=1)
    assert caught.value.fields["exit_code"] == -9
    assert caught.value.fields["log"] == "about to go"
    assert "memory" in caught.value.hint


def test_workers_that_end_early_are_noticed(files):
    with pytest.raises(StorageFailed) as caught:
        run(files, "pass")
    assert caught.value.fields["items"] == 3


def test_an_interruption_stops_all_workers(files, tmp_path):
    files_of = tmp_path / "pids"
    files_of.mkdir()
    script = (
        "import os, sys, time, pathlib\n"
        f"pathlib.Path({str(files_of)!r}, str(os.getpid())).touch()\n"
        f"if sys.argv[-1] == '1':\n    {finishing(files, tmp_path)}\n"
        "time.sleep(60)"
    )

    def interrupted(_item):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(files, script, advance=interrupted)
    # Reaped by run_workers, they are gone and not zombies.
    assert all(not alive(int(each.name)) for each in files_of.iterdir())


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_there_are_no_more_workers_than_items(files, tmp_path):
    for item in ("a", "b"):
        files.write(item, result())
    run(files, finishing(files, tmp_path), count=8)
    assert len(list(files.directory.glob("worker-*.log"))) == 1


@pytest.mark.parametrize("name", ["DiskFull", "Unsupported", "NotFound", "InvalidInput"])
def test_every_kind_of_error_crosses_over(files, name):
    error = getattr(errors, name)("what", field="x")
    (files.directory / "error-0.json").write_text(describe_error(error))
    found = workers._failure(files, 0, 1)
    assert type(found) is type(error)
    assert isinstance(found, DiskFull) == (name == "DiskFull")
    assert found.hint == error.hint


@pytest.mark.parametrize("text", ["", '{"type": "DiskFull", "mess', "[]"])
def test_half_an_error_on_a_full_disk_counts_as_none(files, text):
    (files.directory / "error-0.json").write_text(text)
    (files.directory / "worker-0.log").write_text("no space left on device")
    found = workers._failure(files, 0, 1)
    assert type(found) is StorageFailed
    assert found.fields["log"] == "no space left on device"
