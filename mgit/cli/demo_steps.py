"""Steps of a demonstration: each command is printed and run; the first failure ends it."""

import contextlib
import io
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

__all__ = ["StepFailed", "Steps"]


class StepFailed(Exception):
    """A command of the demonstration did not succeed; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a command ended with exit code {code}")
        self.code = code


class Steps:
    """Runs commands of mgit in this process and keeps what was run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.ran: list[dict[str, Any]] = []

    def run(self, words: Sequence[str], *, directory: Path | None = None) -> None:
        """Print and run one command, in a population's directory. Raises StepFailed."""
        line = shlex.join(["mgit", *words])
        self._console.out(
            f"\n{self._console.styled('$', 'dim')} {self._console.styled(line, 'bold')}"
        )
        inside = [] if directory is None else ["-C", str(directory)]
        options = ["--quiet", *(["--json"] if self._console.wants_json else [])]
        sys.stdout.flush()
        # In JSON mode the step's own document is dropped: the demonstration prints one.
        sink = io.StringIO() if self._console.wants_json else sys.stdout
        with contextlib.redirect_stdout(sink):
            code = _main([*inside, *words, *options])
        self.ran.append({"command": ["mgit", *words], "exit_code": int(code)})
        if code != ExitCode.OK:
            raise StepFailed(code)

    def asked(self, words: Sequence[str], *, directory: Path) -> Any:
        """The JSON document of a command that only looks; nothing is printed."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = _main(["-C", str(directory), *words, "--quiet", "--json"])
        if code != ExitCode.OK:
            raise StepFailed(code)
        return json.loads(said.getvalue())


def _main(words: list[str]) -> int:
    from mgit.cli.main import main

    return main(words)
