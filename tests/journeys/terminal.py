"""mgit as a user types it, in this process, with its output in hand."""

import contextlib
import io
import json

from mgit.cli.main import main
from mgit.history.repository import Repository


class Terminal:
    """Runs `mgit WORDS...` in one directory. Works in fixtures of any scope, unlike capsys."""

    def __init__(self, directory):
        self.directory = directory
        self.err = ""

    def try_to(self, *words):
        """Run; exit code and standard output."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(["-C", str(self.directory), *map(str, words)])
            except SystemExit as end:  # argparse ends the run by itself
                code = end.code
        self.err = err.getvalue()
        return code, out.getvalue()

    def __call__(self, *words):
        """Run with --json, expect success; the document."""
        code, out = self.try_to(*words, "--json")
        assert code == 0, f"{words}: {out}{self.err}"
        return json.loads(out)

    @property
    def repository(self):
        """The population as another process would see it."""
        return Repository.open(str(self.directory))


def new_population(directory):
    """An empty population in a directory that is made."""
    directory.mkdir(parents=True)
    terminal = Terminal(directory)
    code, out = terminal.try_to("init")
    assert code == 0, out + terminal.err
    return terminal
