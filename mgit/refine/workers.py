"""Worker processes of a round: started here, watched, and stopped when one of them fails.

A worker is a command that takes items of a round's directory until none is left. How many there
are changes no result: an item's result is a function of the item alone.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mgit import errors
from mgit.errors import MgitError, StorageFailed
from mgit.refine.checkpoint import RoundFiles

__all__ = ["describe_error", "run_workers"]

POLL_S = 0.1
STOP_WAIT_S = 10.0
TAIL_BYTES = 2000


def describe_error(error: MgitError) -> str:
    """JSON text from which `run_workers` makes an equal error in the parent process."""
    return json.dumps(
        {
            "type": type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "fields": {name: str(value) for name, value in error.fields.items()},
        }
    )


def run_workers(
    files: RoundFiles,
    items: Sequence[str],
    *,
    command: Sequence[str],
    environment: Mapping[str, str],
    count: int,
    advance: Callable[[str], None],
) -> None:
    """Run `count` workers until every item has a result; `advance` is told each finished item.

    command: of one worker, to which a number is added; it writes an error that it stops with to
    `error-<number>.json` in the round's directory.

    Raises the first worker's error; StorageFailed, with the end of its log, for one that died
    without saying why. All workers are gone when this returns or raises.
    """
    waiting = [item for item in items if not files.done(item)]
    workers = []
    try:
        for number in range(min(count, max(1, len(waiting)))):
            workers.append(_start(files, number, command, environment))
        while waiting:
            finished = [item for item in waiting if files.done(item)]
            waiting = [item for item in waiting if item not in finished]
            for item in finished:
                advance(item)
            codes = [worker.poll() for worker in workers]
            for number, code in enumerate(codes):
                if code not in (None, 0):
                    raise _failure(files, number, code)
            if waiting and all(code == 0 for code in codes):
                still = [item for item in waiting if not files.done(item)]
                if still:
                    raise StorageFailed(
                        "workers ended and left items undone",
                        hint="run the command again: finished items are kept",
                        items=len(still),
                    )
            elif waiting:
                time.sleep(POLL_S)
    finally:
        _stop(workers)


def _start(
    files: RoundFiles, number: int, command: Sequence[str], environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    _error_file(files, number).unlink(missing_ok=True)
    # The log outlives the worker: it is what there is to say about one that was killed.
    with _log_file(files, number).open("wb") as log:
        return subprocess.Popen(
            [*command, str(number)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )


def _stop(workers: "Sequence[subprocess.Popen[bytes]]") -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
    deadline = time.monotonic() + STOP_WAIT_S
    for worker in workers:
        try:
            worker.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()


def _failure(files: RoundFiles, number: int, code: int) -> MgitError:
    said = _said(_error_file(files, number))
    if said is not None:
        return said
    log = _log_file(files, number).read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()
    return StorageFailed(
        "a worker died",
        hint="it may have run out of memory; use fewer '--workers'; finished items are kept",
        worker=number,
        exit_code=code,
        log=log or None,
    )


def _said(place: Path) -> MgitError | None:
    """The error in a worker's file; None where it left none, or not all of it on a full disk."""
    if not place.is_file():
        return None
    try:
        record = json.loads(place.read_text(encoding="utf-8"))
        kind: type[MgitError] = getattr(errors, record["type"], MgitError)
        return kind(record["message"], hint=record["hint"], **record["fields"])
    except (ValueError, KeyError, TypeError):
        return None


def _error_file(files: RoundFiles, number: int) -> Path:
    return files.directory / f"error-{number}.json"


def _log_file(files: RoundFiles, number: int) -> Path:
    return files.directory / f"worker-{number}.log"
