"""The README's tour works word for word: every command of its block is run as it is printed."""

import re
import shlex

from tests.conftest import ROOT


def tour() -> list[str]:
    """The commands of the block below 'Five minutes', comments removed."""
    section = (ROOT / "README.md").read_text().split("## Five minutes")[1].split("\n## ")[0]
    block = re.findall(r"```\n(.*?)```", section, flags=re.DOTALL)[0]
    return [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]


def test_every_command_of_the_tour_succeeds(mgit_process, tmp_path):
    directory = tmp_path
    said = {}
    for command in tour():
        program, *words = shlex.split(command)
        if program == "cd":
            directory = directory / words[0]
            continue
        assert program == "mgit"
        done = mgit_process(*words, cwd=directory)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        said[command] = done.stdout
    assert "Exclude" not in said["mgit undo"].splitlines()[-1]
    assert "consistent: yes" in said["mgit verify --deep --provenance"]
    assert (tmp_path / "back").is_dir()
    assert not (tmp_path / "mine" / "day1").exists()
