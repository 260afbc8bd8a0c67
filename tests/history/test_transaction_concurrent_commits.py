"""Two processes commit to one branch at once: one wins, the other is told, nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mgit.history.repository import Repository
from tests.history.histories import commit, value_at

ROOT = Path(__file__).resolve().parents[2]

# Each process prepares its change on the same tip, says that it is ready, waits for the word and
# commits; it reports the commit it made or the error it got.
WORKER = """
import json, sys
from mgit.errors import MgitError
from mgit.history.repository import Repository
from tests.history.histories import ADA
name, directory = sys.argv[1], sys.argv[2]
for line in sys.stdin:
    number = int(line)
    repository = Repository.open(directory)
    with repository.transaction(verb="race") as transaction:
        transaction.draft.set_attributes(f"rounds/r{number}-{name}", {"by": name})
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            made = transaction.commit(message=f"{number} {name}", who=ADA, provenance={})
            print(json.dumps({"made": made.id}), flush=True)
        except MgitError as error:
            report = {"kind": error.kind, "hint": error.hint, "lost": error.fields.get("commit")}
            print(json.dumps(report), flush=True)
"""


class Racer:
    """One of the two processes."""

    def __init__(self, name, directory):
        command = [sys.executable, "-c", WORKER, name, directory]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


@pytest.fixture
def racers(repository):
    pair = [Racer(name, repository.root) for name in ("a", "b")]
    yield pair
    for racer in pair:
        racer.stop()


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_of_two_commits_at_once_one_wins_and_the_other_is_told(repository, racers, rounds):
    won, lost = [], []
    for number in range(rounds):
        for racer in racers:
            racer.say(str(number))
        assert [racer.hear() for racer in racers] == ["ready", "ready"]
        for racer in racers:
            racer.say("go")
        reports = [json.loads(racer.hear()) for racer in racers]
        won += [report["made"] for report in reports if "made" in report]
        lost += [report for report in reports if "made" not in report]
        assert len(won) == len(lost) == number + 1, reports
    assert {report["kind"] for report in lost} == {"ref-moved"}
    for report in lost:
        assert f"mgit branch NAME {report['lost'][:12]}" in report["hint"]
        assert Repository.open(repository.root).snapshot(report["lost"]).exists("rounds")
    again = Repository.open(repository.root)
    assert [each.id for each in again.walk()][:-1] == won[::-1]
    assert len(again.snapshot("HEAD").children("rounds")) == rounds
    assert again.operations.check() == []


STORM = """
import sys
from mgit.errors import RefMoved
from mgit.history.repository import Repository
from tests.history.histories import commit
name, directory, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
repository = Repository.open(directory)
for number in range(count):
    while True:
        try:
            commit(repository, f"notes/{name}{number}", number + 1)
            break
        except RefMoved:
            pass
"""


def test_whoever_tries_again_gets_every_commit_in(repository):
    count = 6
    command = [sys.executable, "-c", STORM]
    workers = [
        subprocess.Popen([*command, name, repository.root, str(count)], cwd=ROOT)
        for name in ("a", "b", "c")
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    snapshot = repository.snapshot("HEAD")
    values = {name: value_at(snapshot, f"notes/{name}") for name in snapshot.children("notes")}
    assert values == {f"{name}{n}": n + 1 for name in "abc" for n in range(count)}
    assert len(list(repository.walk())) == 1 + 3 * count
    assert repository.operations.check() == []


def test_a_reader_sees_commits_of_another_process(repository):
    other = Repository.open(repository.root)
    made = commit(other, value=4)
    assert repository.resolve("HEAD") == made.id
    assert value_at(repository.snapshot("HEAD")) == 4
