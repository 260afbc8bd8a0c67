"""A file system that dies, fills up or turns read-only at a chosen primitive.

A test runs an operation once over a counting `FaultyFiles` and then once for every primitive, each
time on a fresh directory, and looks at what is left:

    for faults in crash_points(lambda files: run(fresh_directory(), files)):
        ...
"""

import errno
import os
import random
import threading
from collections.abc import Callable, Iterator
from typing import Literal

from mgit.store.files import Files

__all__ = ["Fault", "FaultyFiles", "SimulatedCrash", "count_primitives", "crash_points"]

Fault = Literal["crash", "torn", "full", "read-only"]
"""'crash': the process dies before the primitive. 'torn': a write leaves its first half, then the
process dies; any other primitive dies before. 'full': from here on nothing can be added (ENOSPC),
removing works. 'read-only': from here on nothing can be changed (EROFS)."""

_RELEASING = frozenset({"unlink", "fsync_directory"})


class SimulatedCrash(BaseException):
    """The process died here. Not an Exception: no handler may survive it."""


class FaultyFiles(Files):
    """Files whose primitive number `at` (from 0) meets a fault; None lets all succeed.

    After a crash every further primitive raises SimulatedCrash again and changes nothing: a dead
    process does not clean up. `performed` names the primitives that were asked for, in order.
    """

    def __init__(self, fault: Fault = "crash", *, at: int | None = None) -> None:
        self.fault = fault
        self.at = at
        self.performed: list[str] = []
        self._lock = threading.Lock()

    @property
    def struck(self) -> bool:
        """Whether the fault has happened."""
        return self.at is not None and len(self.performed) > self.at

    def _meet(self, primitive: str, path: str = "") -> bool:
        """Count a primitive and raise what it meets; True if a write is to be torn."""
        with self._lock:
            number = len(self.performed)
            self.performed.append(primitive)
        if self.at is None or number < self.at:
            return False
        if self.fault == "torn" and number == self.at and primitive == "write":
            return True
        if self.fault in ("crash", "torn"):
            raise SimulatedCrash(f"died before primitive {number} ({primitive} {path})")
        if self.fault == "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        if primitive not in _RELEASING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return False

    def _create(self, path: str) -> int:
        self._meet("create", path)
        return super()._create(path)

    def _write(self, descriptor: int, data: memoryview) -> int:
        if self._meet("write"):
            super()._write(descriptor, data[: len(data) // 2])
            raise SimulatedCrash("died in the middle of a write")
        return super()._write(descriptor, data)

    def _fsync(self, descriptor: int) -> None:
        self._meet("fsync")
        super()._fsync(descriptor)

    def _make_directory(self, path: str) -> None:
        self._meet("make_directory", path)
        super()._make_directory(path)

    def _rename(self, old: str, new: str) -> None:
        self._meet("rename", new)
        super()._rename(old, new)

    def _link(self, old: str, new: str) -> None:
        self._meet("link", new)
        super()._link(old, new)

    def _unlink(self, path: str) -> None:
        self._meet("unlink", path)
        super()._unlink(path)

    def _fsync_directory(self, path: str) -> None:
        self._meet("fsync_directory", path)
        super()._fsync_directory(path)


def count_primitives(operation: Callable[[Files], object]) -> int:
    """How many primitives an undisturbed run of `operation` asks for."""
    files = FaultyFiles()
    operation(files)
    return len(files.performed)


def crash_points(
    operation: Callable[[Files], object],
    *,
    faults: tuple[Fault, ...] = ("crash", "torn"),
    sample: int | None = None,
    seed: int = 0,
) -> Iterator[FaultyFiles]:
    """Run `operation` once per primitive and fault; yields after each run for the checks.

    operation: does everything, preparing a fresh directory with undisturbed Files of its own
    included, and uses the given Files for what is under test. It must be deterministic. A run
    that meets a crash ends by SimulatedCrash; one that meets 'full' or 'read-only' by an error
    of mgit or, if it could do without, not at all; anything else is raised to the test.
    sample: so many points of each fault, drawn by `seed`, instead of all.
    """
    from mgit.errors import StorageFailed

    points = range(count_primitives(operation))
    draw = random.Random(seed)
    for fault in faults:
        chosen = points if sample is None else sorted(draw.sample(points, min(sample, len(points))))
        for at in chosen:
            files = FaultyFiles(fault, at=at)
            try:
                operation(files)
            except (SimulatedCrash, StorageFailed):
                assert files.struck, "the operation failed before the fault"
            yield files
