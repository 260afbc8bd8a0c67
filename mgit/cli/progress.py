"""Progress of long work on standard error: a rich bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from typing import Any, Self, TextIO

from mgit.cli.render.numbers import byte_count

__all__ = ["Progress", "start"]

PLAIN_INTERVAL_S = 10.0
BYTES = "B"
"""The unit whose counts are shown as kB, MB, ... with their rate."""


class Progress:
    """A count of finished steps; a context manager that tidies up the display."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.done = 0

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more."""
        self.done += steps
        self._show()

    def finish(self) -> None:
        """End the display; further calls do nothing."""

    def _show(self) -> None:
        """Silent by itself; the displays override it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.finish()


class _Lines(Progress):
    """At most one line every ten seconds, and one at the end: for logs and batch systems."""

    def __init__(
        self,
        stream: TextIO,
        title: str,
        total: int | None,
        unit: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(title, total, unit)
        self._stream = stream
        self._clock = clock
        self._last = clock()
        self._open = True

    def _show(self) -> None:
        now = self._clock()
        if now - self._last >= PLAIN_INTERVAL_S:
            self._last = now
            self._write()

    def finish(self) -> None:
        """Write the final count, unless there was nothing to do."""
        if self._open:
            self._open = False
            if self.done or self.total:
                self._write()

    def _write(self) -> None:
        counts = [f"{each}" for each in (self.done, self.total) if each is not None]
        text = f"{'/'.join(counts)} {self.unit}"
        if self.unit == BYTES:
            text = " of ".join(byte_count(int(each)) for each in counts)
        self._stream.write(f"{self.title}: {text}".rstrip() + "\n")
        self._stream.flush()


class _Bar(Progress):
    """A bar with rate and time left."""

    def __init__(self, stream: TextIO, title: str, total: int | None, unit: str) -> None:
        super().__init__(title, total, unit)
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        counts: tuple[Any, ...] = (MofNCompleteColumn(), TextColumn("{task.fields[unit]}"))
        if unit == BYTES:
            counts = (DownloadColumn(), TransferSpeedColumn())
        self._bar: Any = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *counts,
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._bar.add_task(title, total=total, unit=unit)
        self._bar.start()

    def _show(self) -> None:
        self._bar.update(self._task, completed=self.done)

    def finish(self) -> None:
        """Remove the bar."""
        self._bar.stop()


def start(
    stream: TextIO, title: str, *, total: int | None = None, unit: str = "", silent: bool = False
) -> Progress:
    """The display that fits `stream`; `silent` counts without showing anything."""
    if silent:
        return Progress(title, total, unit)
    if stream.isatty():
        return _Bar(stream, title, total, unit)
    return _Lines(stream, title, total, unit)
