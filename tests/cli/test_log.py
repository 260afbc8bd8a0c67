"""`mgit log`: order, limits, paths, drawing."""

import json
import subprocess

import pytest

from mgit.cli.main import main
from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.state.names import species_path


def who(minute):
    return Signature(
        name="Ada", email="ada@example.org", time_s=1_750_000_000 + 60 * minute, zone_s=0
    )


class History:
    """Commits one species per commit, a minute apart."""

    def __init__(self, directory):
        self.repository = Repository.init(directory, name="test", who=who(0))
        self.minute = 0

    def commit(self, species, *, branch="main", parents=None, message=None):
        self.minute += 1
        with self.repository.transaction(
            verb="test", branch=branch, parents=parents
        ) as transaction:
            path = species_path(species)
            transaction.draft.set_attributes(
                path, {"name": species, "diameter_angstrom": f"{self.minute}.0"}
            )
            record = transaction.commit(
                message=message or f"change {species}", who=who(self.minute), provenance={}
            )
        return record.id


#   m   merge
#   |\
#   | b change beta   (side)
#   a | change alpha
#   |/
#   r   the empty population
@pytest.fixture
def forked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    history = History(str(tmp_path))
    root = history.repository.resolve("HEAD")
    history.commit("alpha")
    history.commit("beta", branch="side", parents=(root,))
    tips = tuple(history.repository.resolve(name) for name in ("main", "side"))
    history.commit("gamma", parents=tips, message="merge")
    return history


def log(capsys, *words):
    capsys.readouterr()
    assert main(["log", *words]) == 0
    return capsys.readouterr().out.splitlines()


def subjects(lines):
    return [line.split(" ", 1)[1] for line in lines]


def test_the_newest_commit_comes_first_with_its_names(forked, capsys):
    first, second, third, last = subjects(log(capsys, "--oneline"))
    assert first == "(HEAD -> main) merge"
    assert second == "(side) change beta"
    assert third == "change alpha"
    assert "test" in last


def test_the_number_of_commits_is_limited(forked, capsys):
    assert len(log(capsys, "--oneline", "-n", "2")) == 2
    assert log(capsys, "-n", "0") == []
    assert main(["log", "-n", "-1"]) == 1


def test_a_revision_says_where_to_start(forked, capsys):
    assert subjects(log(capsys, "--oneline", "side"))[0] == "(side) change beta"
    assert len(log(capsys, "--oneline", "HEAD~1")) == 2


def test_a_path_leaves_only_commits_that_changed_it(forked, capsys):
    assert subjects(log(capsys, "--oneline", "species/alpha")) == ["change alpha"]
    assert subjects(log(capsys, "--oneline", "side", "species/beta")) == ["(side) change beta"]
    assert log(capsys, "--oneline", "species/delta") == []


def test_a_path_that_no_commit_changed_is_said_so(forked, capsys):
    assert main(["log", "species/delta"]) == 0
    assert capsys.readouterr().err == "no commit changed species/delta\n"


def test_the_drawing_shows_the_fork(forked, capsys):
    lines = log(capsys, "--oneline", "--graph")
    digits = [line.rstrip(line.lstrip("*|/\\ ")).rstrip() for line in lines]
    assert digits == ["*", "|\\", "| *", "* |", "|/", "*"]


def test_the_drawing_of_the_long_form_runs_down_its_side(forked, capsys):
    lines = log(capsys, "--graph")
    assert lines[0].startswith("*   commit ")
    assert lines[1].startswith("|\\  Merge:")
    assert all(line[0] in "*|" for line in lines[:-9])


def test_all_starts_from_every_branch(forked, capsys):
    forked.commit("delta", branch="other", parents=(forked.repository.resolve("side"),))
    assert not any("delta" in line for line in log(capsys, "--oneline"))
    assert any("delta" in line for line in log(capsys, "--oneline", "--all"))


def test_a_drawing_of_some_commits_has_no_gaps(forked, capsys):
    lines = log(capsys, "--oneline", "--graph", "species/alpha", "species/gamma")
    assert [line.split(" ")[0] for line in lines] == ["*", "*"]


def test_the_document_lists_commits_with_full_digests(forked, capsys):
    capsys.readouterr()
    assert main(["log", "--json", "-n", "1"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    record = forked.repository.commit("HEAD")
    assert document["id"] == record.id
    assert document["state"] == record.state
    assert len(document["parents"]) == 2


def test_an_unknown_revision_is_not_found(forked, capsys):
    assert main(["log", "mian"]) == 5
    assert "main" in capsys.readouterr().err


def test_plain_git_lists_the_same_commits(forked, capsys):
    listing = subprocess.run(
        ["git", "--git-dir", forked.repository.layout.git, "log", "--format=%H", "--date-order"],
        capture_output=True,
        text=True,
        check=True,
    )
    main(["log", "--json"])
    ours = [each["id"] for each in json.loads(capsys.readouterr().out)]
    assert ours == listing.stdout.split()
