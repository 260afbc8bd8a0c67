"""Long work is seen on a terminal, in a log file, and not at all when quiet."""

import io

from mgit.cli import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_file_gets_few_lines_and_a_last_one():
    stream, now = io.StringIO(), [0.0]
    lines = progress._Lines(stream, "hashing", 30, "files", clock=lambda: now[0])
    with lines:
        for _ in range(30):
            now[0] += 1.0
            lines.advance()
    assert stream.getvalue().splitlines() == [
        "hashing: 10/30 files",
        "hashing: 20/30 files",
        "hashing: 30/30 files",
        "hashing: 30/30 files",
    ]


def test_the_last_line_is_written_once():
    stream = io.StringIO()
    lines = progress.start(stream, "reading", unit="MB")
    lines.advance(7)
    lines.finish()
    lines.finish()
    assert stream.getvalue() == "reading: 7 MB\n"


def test_work_that_was_none_leaves_no_line():
    stream = io.StringIO()
    for total in (None, 0):
        with progress.start(stream, "reading", total=total, unit="B"):
            pass
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar():
    stream = Terminal()
    with progress.start(stream, "hashing", total=3, unit="files") as bar:
        bar.advance()
        bar.advance(2)
    assert "hashing" in stream.getvalue()
    assert bar.done == 3


def test_silent_progress_still_counts():
    stream = Terminal()
    with progress.start(stream, "hashing", total=3, silent=True) as bar:
        bar.advance(2)
    assert stream.getvalue() == ""
    assert bar.done == 2


def test_bytes_are_told_in_their_units():
    stream = io.StringIO()
    with progress.start(stream, "sending", total=2_500_000, unit="B") as bar:
        bar.advance(1_000_000)
    assert stream.getvalue() == "sending: 1 MB of 2.5 MB\n"


def test_a_terminal_sees_bytes_with_their_rate():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    with progress.start(Terminal(), "sending", total=2_500_000, unit="B") as bar:
        bar.advance(1_000_000)
        names = {type(column).__name__ for column in bar._bar.columns}
    assert {"DownloadColumn", "TransferSpeedColumn", "TimeRemainingColumn"} <= names
