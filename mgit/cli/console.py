"""What a verb writes to: aligned text for people, one JSON document for programs.

Text methods are silent in JSON mode and `json` is silent in text mode, so a verb may call both;
standard output then holds either text or exactly one document. No rich here: it costs 60 ms.
"""

import json
import sys

from mgit.errors import MgitError

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO

    from mgit.cli.progress import Progress

__all__ = ["Console"]

COLOURS = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
}
COLUMN_GAP = "  "


class Console:
    """Standard output and standard error of one run.

    wants_json: the caller asked for one JSON document instead of text.
    quiet: no notes and no progress.
    colour: whether text may carry terminal colours (a terminal, and nobody said no).
    width: columns of the terminal, or None when the output is not a terminal.
    """

    __slots__ = ("_stderr", "_stdout", "colour", "quiet", "wants_json", "width")

    def __init__(
        self,
        stdout: "TextIO | None" = None,
        stderr: "TextIO | None" = None,
        *,
        wants_json: bool = False,
        quiet: bool = False,
        colour: bool = False,
        width: int | None = None,
    ) -> None:
        self._stdout = sys.stdout if stdout is None else stdout
        self._stderr = sys.stderr if stderr is None else stderr
        self.wants_json = wants_json
        self.quiet = quiet
        self.colour = colour
        self.width = width

    def out(self, text: str = "") -> None:
        """Write a line of text to standard output."""
        if not self.wants_json:
            self._stdout.write(text + "\n")

    def json(self, document: "Any") -> None:
        """Write the run's one JSON document; numbers that JSON cannot spell become null."""
        if self.wants_json:
            text = json.dumps(_finite(document), indent=2, ensure_ascii=False)
            self._stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """Write a line beside the result, to standard error; silent with --quiet."""
        if not self.quiet:
            self._stderr.write(text + "\n")

    def warning(self, text: str) -> None:
        """Write a warning to standard error; --quiet does not silence it."""
        self._stderr.write(f"{self.styled('warning:', 'yellow')} {text}\n")

    def styled(self, text: str, colour: str) -> str:
        """The text in a colour of `COLOURS`, or as it is where colour is off."""
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.colour and text else text

    def table(
        self, columns: "Sequence[str]", rows: "Sequence[Sequence[object]]", align: str = ""
    ) -> None:
        """Write rows below a header in aligned columns.

        align: one letter per column, 'l' or 'r'; missing letters mean 'l'. Cells are never cut or
        wrapped: an identifier that lost its end would still look like one.
        """
        if self.wants_json:
            return
        cells = [[_cell(value) for value in row] for row in rows]
        widths = [len(name) for name in columns]
        for row in cells:
            for position, text in enumerate(row):
                widths[position] = max(widths[position], len(text))
        align = align.ljust(len(columns), "l")
        if any(columns):
            self.out(self.styled(_line(columns, widths, align), "bold"))
        for row in cells:
            self.out(_line(row, widths, align))

    def error(self, error: MgitError) -> None:
        """Tell what failed, on which object and what to do about it."""
        if self.wants_json:
            fields = {name: str(value) for name, value in error.fields.items()}
            self._error_document(error.kind, error.message, fields, error.hint)
            return
        self._stderr.write(f"{self.styled('error:', 'red')} {error.message}\n")
        for name, value in error.fields.items():
            self._stderr.write(f"  {name.replace('_', ' ')}: {value}\n")
        if error.hint:
            self._stderr.write(f"{self.styled('hint:', 'cyan')} {error.hint}\n")

    def usage(self, message: str, hint: str) -> None:
        """Tell that the command line is not understood."""
        if self.wants_json:
            self._error_document("usage", message, {}, hint)
            return
        self._stderr.write(f"error: {message}\nhint: {hint}\n")

    def bug(self, error: Exception) -> None:
        """Tell that an unexpected exception ended the run; the traceback stands above."""
        summary = f"{type(error).__name__}: {error}"
        advice = "please report it with the traceback"
        if self.wants_json:
            self._error_document("bug", summary, {}, advice)
        self._stderr.write(f"{self.styled('error:', 'red')} this is a bug in mgit: {summary}\n")
        self._stderr.write(f"{self.styled('hint:', 'cyan')} {advice}\n")

    def _error_document(
        self, kind: str, message: str, fields: dict[str, str], hint: str | None
    ) -> None:
        record = {"kind": kind, "message": message, "fields": fields, "hint": hint}
        text = json.dumps({"error": record}, indent=2, ensure_ascii=False)
        self._stdout.write(text + "\n")

    def progress(self, title: str, *, total: int | None = None, unit: str = "") -> "Progress":
        """A bar for long work on standard error: `with console.progress(...) as bar`."""
        from mgit.cli.progress import start

        return start(self._stderr, title, total=total, unit=unit, silent=self.quiet)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return str(value)


def _line(cells: "Sequence[str]", widths: "Sequence[int]", align: str) -> str:
    parts = [
        text.rjust(width) if side == "r" else text.ljust(width)
        for text, width, side in zip(cells, widths, align, strict=False)
    ]
    return COLUMN_GAP.join(parts).rstrip()


def _finite(value: "Any") -> "Any":
    """Replace NaN and infinities by None: JSON has no spelling for them."""
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value
