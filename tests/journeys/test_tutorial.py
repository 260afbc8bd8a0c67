"""The tutorial works as it is printed: every command of every block succeeds, in order."""

import json
import re
import shlex

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "tutorial" / "first_population.md"


def commands() -> list[str]:
    """The commands of all blocks of the page."""
    blocks = re.findall(r"```\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_every_command_of_the_tutorial_succeeds(mgit_process, tmp_path):
    directory = tmp_path
    said = []
    for command in commands():
        program, *words = shlex.split(command)
        if program == "cd":
            directory = directory / words[0]
            continue
        assert program == "mgit", command
        done = mgit_process(*words, cwd=directory)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        said.append((command, done.stdout))
    # What the page says of the result.
    last = dict(said)
    assert "consistent: yes" in last["mgit verify --deep --provenance"]
    assert "120 particles moved" in last["mgit diff HEAD~1 HEAD"]
    original = tmp_path / "try/relion/Refine3D/job006/run_data.star"
    assert (tmp_path / "back/Refine3D/job006/run_data.star").read_bytes() == original.read_bytes()
    assert json.loads((tmp_path / "report.json").read_text())
    assert sorted(path.name for path in directory.iterdir()) == [".mgit"]
