"""Where a refinement goes on: after the rounds that are commits, whatever came after these."""

import pytest

from mgit.cli import refinement
from mgit.cli.exit_codes import ExitCode
from mgit.cli.main import main
from mgit.history.repository import Repository
from tests.refine.refinable import AUTHOR, QUICK, reconstructed


@pytest.fixture
def directory(tmp_path, tmp_path_factory, monkeypatch):
    """A population whose refinement was interrupted before its second round became a commit."""
    reconstructed(tmp_path_factory, tmp_path)
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    committed = refinement._committed

    def interrupted(*words, number, **options):
        if number == 2:
            raise KeyboardInterrupt
        return committed(*words, number=number, **options)

    with monkeypatch.context() as patched:
        patched.setattr(refinement, "_committed", interrupted)
        code = main(["-C", str(tmp_path / "population"), "refine", *QUICK, "--rounds", "2"])
    assert code == ExitCode.INTERRUPTED
    return str(tmp_path / "population")


def tip(directory):
    return Repository.open(directory).resolve("HEAD")


def test_a_round_that_is_a_commit_is_not_done_again_when_others_committed_after_it(
    directory, capfd
):
    first = tip(directory)
    assert main(["-C", directory, "source", "exclude", "sim", "TS_03"]) == 0
    others = tip(directory)
    assert main(["-C", directory, "refine", "--resume", "--threads", "1"]) == ExitCode.CONFLICT
    assert "going on with 3 of 3 series" in capfd.readouterr().err
    repository = Repository.open(directory)
    assert repository.resolve("HEAD") == others
    (aside,) = repository.refs.all("refs/mgit/refine/").values()
    assert repository.commit(aside).parents == (first,)
    assert "round 2 of 2" in repository.commit(aside).subject
