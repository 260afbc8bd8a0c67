"""Steps are printed as they can be repeated, and the first failure ends a demonstration."""

import io
import json

import pytest

from mgit.cli.console import Console
from mgit.cli.demo_steps import StepFailed, Steps


@pytest.fixture
def said():
    return io.StringIO()


def test_a_step_is_printed_as_a_shell_takes_it_and_kept(capsys, tmp_path):
    steps = Steps(Console())
    steps.run(["init", str(tmp_path / "a b"), "--name", "try"])
    assert f"$ mgit init '{tmp_path}/a b' --name try" in capsys.readouterr().out
    assert steps.ran == [
        {"command": ["mgit", "init", f"{tmp_path}/a b", "--name", "try"], "exit_code": 0}
    ]


def test_a_failing_step_ends_the_demonstration_with_its_code(capsys, tmp_path):
    steps = Steps(Console())
    with pytest.raises(StepFailed) as failed:
        steps.run(["log"], directory=tmp_path)
    assert failed.value.code == steps.ran[-1]["exit_code"] != 0


def test_in_json_mode_a_step_prints_nothing(capsys, said, tmp_path):
    steps = Steps(Console(said, wants_json=True))
    steps.run(["init", str(tmp_path / "p")])
    assert said.getvalue() == capsys.readouterr().out == ""


def test_a_question_gives_its_document_and_prints_nothing(capsys, said, tmp_path):
    steps = Steps(Console(said))
    steps.run(["init", str(tmp_path)])
    capsys.readouterr()
    document = steps.asked(["log"], directory=tmp_path)
    assert json.dumps(document)
    assert capsys.readouterr().out == ""
    with pytest.raises(StepFailed):
        steps.asked(["show", "no-such-branch"], directory=tmp_path)
