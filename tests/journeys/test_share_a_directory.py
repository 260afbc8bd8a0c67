"""The how-to on sharing, executed: two people, one directory."""

import os
import re
import shutil

import pytest

from mgit.cli.main import main
from mgit.history.repository import Repository
from tests.conftest import ROOT
from tests.survey.populations import populate

PAGE = ROOT / "docs" / "howto" / "share_a_directory.md"
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Shell:
    """Runs the page's command lines in this process; only `mgit` and `cd` are understood."""

    def __init__(self, directory, shared):
        self.directory = str(directory)
        self.shared = shared

    def __call__(self, line):
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line.partition(" #")[0])]
        words = [word.replace("/shared", self.shared) for word in words]
        if words[0] == "cd":
            self.directory = os.path.join(self.directory, words[1])
            return
        assert words[0] == "mgit", line
        assert main(["-C", self.directory, *words[1:]]) == 0, line


@pytest.fixture
def people(tmp_path, monkeypatch):
    """Ada, who has a population, and Ben, who has nothing."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("shared", "ada", "ben"):
        (tmp_path / name).mkdir()
    populate(tmp_path / "made" / "population")
    shutil.move(tmp_path / "made" / "population", tmp_path / "ada" / "lamella")
    return [Shell(tmp_path / name, str(tmp_path / "shared")) for name in ("ada", "ben")]


def test_every_command_of_the_page_works(people, capsys):
    ada, ben = people
    once, copy, daily, looking = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    for line in once.splitlines():
        ada(line)
    for line in copy.splitlines():
        ben(line)
    ada("mgit species set ribosome --diameter 310")
    ada("mgit push")
    ben("mgit source exclude grid TS_01")
    for line in [*daily.splitlines(), *looking.splitlines()]:
        ben(line)
    ada("mgit pull")
    tips = {Repository.open(each.directory).resolve("HEAD") for each in people}
    hub = Repository.open(os.path.join(ada.shared, "lamella"))
    assert tips == {hub.resolve("main")}
    assert len(hub.commit("main").parents) == 2
    assert "refs/tags/before-trial" in hub.refs.all()
    assert "dry run: would push" in capsys.readouterr().out
    assert main(["-C", hub.root, "verify", "--deep"]) == 0
