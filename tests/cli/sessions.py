"""Runs of mgit in one population, in this process."""

import json

from mgit.cli.main import main
from mgit.history.repository import Repository


class Session:
    """Calls `mgit WORDS...` in a directory; keeps exit code and output of the last call."""

    def __init__(self, directory, capsys):
        self.directory = str(directory)
        self._capsys = capsys
        self.code, self.out, self.err = 0, "", ""

    def __call__(self, *words):
        """Run; returns the exit code."""
        self._capsys.readouterr()
        try:
            self.code = main(["-C", self.directory, *words])
        except SystemExit as end:  # argparse ends the run by itself
            self.code = end.code
        self.out, self.err = self._capsys.readouterr()
        return self.code

    def lines(self, *words):
        """Run, expect success; lines of the output."""
        assert self(*words) == 0, self.err
        return self.out.splitlines()

    def json(self, *words, code=0):
        """Run with --json; the document."""
        assert self(*words, "--json") == code, self.err
        return json.loads(self.out)

    @property
    def repository(self):
        """The population as another process would see it."""
        return Repository.open(self.directory)

    def tip(self, name="HEAD"):
        """Id of the commit that a revision names."""
        return self.repository.resolve(name)
