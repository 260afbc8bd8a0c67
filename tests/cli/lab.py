"""A directory that is shared, and two people's populations beside it."""

from tests.cli.sessions import Session


class Lab:
    """`hub` is an empty remote; `ada` has a population and knows it as origin."""

    def __init__(self, toy, capsys):
        self.capsys = capsys
        self.ada = toy
        self.folder = toy.repository.root.rpartition("/")[0]
        self.hub = f"{self.folder}/hub"
        self.outside = Session(self.folder, capsys)
        self.outside.lines("init", "--bare", self.hub)
        self.ada.lines("remote", "add", "origin", self.hub)

    def clone(self, name="ben"):
        """A session in a clone of the hub."""
        self.outside.lines("clone", self.hub, name)
        return Session(f"{self.folder}/{name}", self.capsys)
