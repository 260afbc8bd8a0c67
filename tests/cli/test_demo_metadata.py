"""The journey on metadata: its commands, and what stands at its end."""

from mgit.cli.console import Console
from mgit.cli.demo_metadata import metadata_journey
from mgit.cli.demo_steps import Steps
from mgit.history.repository import Repository


def test_the_journey_imports_two_rounds_and_ends_with_an_audit(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    steps = Steps(Console())
    metadata_journey(tmp_path, steps, Console(), seed=3)
    assert [each["exit_code"] for each in steps.ran] == [0] * len(steps.ran)
    verbs = [each["command"][1] for each in steps.ran]
    assert verbs[0] == "init"
    assert verbs[-1] == "verify"
    subjects = [each.subject for each in Repository.open(str(tmp_path / "population")).walk()]
    assert any("blob" in each for each in subjects)
    assert (tmp_path / "exported").is_dir()
