"""Push: bytes as planned, one winner of a race, three clones that converge."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgit.errors import NotFound, RefMoved, StorageFailed
from mgit.history import tags
from mgit.history.repository import Repository
from mgit.history.undo import undo
from mgit.merge.join import course_of, fast_forward, merge_into
from mgit.sync.path_remote import PathRemote
from mgit.sync.push import plan_push
from tests.history.histories import ADA
from tests.sync.exchanges import (
    MAIN,
    bare,
    begin,
    check_graph,
    check_whole,
    cloned,
    commit,
    fetched,
    pushed,
    sent,
)
from tests.sync.test_fetch import big

ROOT = Path(__file__).resolve().parents[2]


def plan(repository, there, refs=MAIN, **options):
    return plan_push(repository, PathRemote(there), refs, name="origin", **options)


def test_a_plan_tells_the_bytes_and_changes_nothing(tmp_path):
    _, there, clone = sent(tmp_path)
    made = big(clone, "more", 3)
    before = sorted(os.walk(there))
    told = plan(clone, there).traffic
    assert sorted(os.walk(there)) == before
    assert (told.commits, told.segments, told.chunks) == (1, 1, 4)
    assert told.segment_bytes >= 4 << 16
    done = pushed(clone, there)
    assert done.traffic == told
    assert Repository.open(there).resolve("main") == made.id
    assert clone.resolve("origin/main") == made.id
    assert dict(plan(clone, there).changes) == {}


def test_chunks_that_the_remote_has_are_not_sent_again(tmp_path):
    _, there, clone = sent(tmp_path)
    big(clone, "more", 3)
    pushed(clone, there)
    big(clone, "more", 4)
    pushed(clone, there)
    big(clone, "more", 3)
    told = plan(clone, there).traffic
    assert (told.segments, told.chunks) == (0, 4)
    pushed(clone, there)
    check_whole(Repository.open(there))


def test_somebody_elses_commits_are_never_lost(tmp_path):
    ours, there, clone = sent(tmp_path)
    made = commit(clone, "notes/theirs", 5)
    pushed(clone, there)
    commit(ours, "notes/mine", 6)
    for lease in ("fast-forward", "with-lease"):
        with pytest.raises(RefMoved) as caught:
            pushed(ours, there, lease=lease)
    assert "'mgit fetch' first" in caught.value.hint
    assert Repository.open(there).resolve("main") == made.id


def test_a_lease_lets_a_branch_lose_what_was_seen(tmp_path):
    ours, there, _ = sent(tmp_path)
    undo(ours, who=ADA)
    with pytest.raises(RefMoved, match="yours has not"):
        pushed(ours, there)
    pushed(ours, there, lease="with-lease")
    hub = Repository.open(there)
    assert hub.resolve("main") == ours.resolve("HEAD")
    undo(hub, who=ADA, branch="main")
    check_whole(hub)


def test_a_tag_of_the_remote_does_not_move(tmp_path):
    ours, there, clone = sent(tmp_path)
    refs = {"refs/tags/v": "refs/tags/v"}
    for repository, text in ((ours, "one"), (clone, "two")):
        tags.create(repository, "v", message=text, who=ADA)
    pushed(ours, there, refs)
    with pytest.raises(RefMoved, match="another"):
        pushed(clone, there, refs)


def test_only_what_is_asked_for_is_pushed(tmp_path):
    _, there, clone = sent(tmp_path)
    aside = commit(clone, "notes/aside", 5, branch="refs/mgit/refine/1")
    clone.files.replace(os.path.join(clone.layout.local, "links.json"), b"{}")
    commit(clone, "notes/more", 6)
    pushed(clone, there)
    hub = Repository.open(there)
    assert aside.id not in hub.objects
    assert list(hub.refs.all()) == ["refs/heads/main"]
    assert os.listdir(hub.layout.local) == []
    pushed(clone, there, {"refs/mgit/refine/1": "refs/mgit/refine/1"})
    assert Repository.open(there).refs.get("refs/mgit/refine/1") == aside.id
    check_whole(Repository.open(there))


def test_a_ref_that_is_not_here_cannot_be_pushed(tmp_path):
    _, there, clone = sent(tmp_path)
    with pytest.raises(NotFound):
        plan(clone, there, {"refs/heads/x": "refs/heads/x"})


def test_our_own_damage_is_not_pushed(tmp_path):
    _, there, clone = sent(tmp_path)
    commit(clone, "notes/more", 6)
    catalogue = clone.chunks.catalogue
    shutil.rmtree(catalogue.segment_directory)
    shutil.rmtree(catalogue.index_directory)
    with pytest.raises(NotFound, match="missing"):
        plan(Repository.open(clone.root), there)


class Interrupted(PathRemote):
    """The connection breaks after so many uploads."""

    left = 0

    def upload(self, kind, name, parts):
        if self.left == 0:
            raise StorageFailed("the connection broke")
        self.left -= 1
        super().upload(kind, name, parts)


class LosesReply(PathRemote):
    """Does as asked, and the reply is lost."""

    def propose(self, proposal):
        super().propose(proposal)
        raise StorageFailed("the connection broke")


def test_segments_that_had_arrived_are_not_sent_again(tmp_path, monkeypatch):
    _, there, clone = sent(tmp_path)
    for number in range(3):
        big(clone, f"part{number}", number)
    monkeypatch.setattr("tests.sync.exchanges.PathRemote", Interrupted)
    Interrupted.left = 2
    with pytest.raises(StorageFailed):
        pushed(clone, there)
    monkeypatch.undo()
    done = pushed(clone, there).traffic
    assert done.segments == 1
    assert done.skipped_bytes >= 2 << 18
    check_whole(Repository.open(there))
    assert os.listdir(Repository.open(there).layout.incoming) == []


def test_a_push_whose_reply_was_lost_is_finished_by_the_next(tmp_path, monkeypatch):
    _, there, clone = sent(tmp_path)
    made = commit(clone, "notes/more", 6)
    monkeypatch.setattr("tests.sync.exchanges.PathRemote", LosesReply)
    with pytest.raises(StorageFailed):
        pushed(clone, there)
    monkeypatch.undo()
    assert dict(pushed(clone, there).changes) == {}
    assert clone.resolve("origin/main") == made.id
    check_whole(clone)


# --- several at once -----------------------------------------------------------------------------

WORKER = """
import json, sys
from mgit.errors import MgitError
from mgit.history.repository import Repository
from mgit.sync.path_remote import PathRemote
from mgit.sync.push import plan_push, push
from tests.history.histories import ADA
directory, there = sys.argv[1:]
main = {"refs/heads/main": "refs/heads/main"}
for line in sys.stdin:
    repository, remote = Repository.open(directory), PathRemote(there)
    plan = plan_push(repository, remote, main, name="origin")
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        push(repository, remote, plan, name="origin", who=ADA)
        print(json.dumps({"won": repository.resolve("HEAD")}), flush=True)
    except MgitError as error:
        print(json.dumps({"kind": error.kind, "hint": error.hint}), flush=True)
"""


class Racer:
    """A process with a clone of its own."""

    def __init__(self, repository, there):
        self.repository = repository
        command = [sys.executable, "-c", WORKER, repository.root, there]
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


def pull(repository, there):
    """Fetch and join, as the verb does."""
    fetched(repository, there)
    course = course_of(repository, "origin/main")
    if course.kind == "fast-forward":
        fast_forward(repository, course, who=ADA, message="pull")
    elif course.kind == "merge":
        parents = (course.ours, course.theirs)
        with repository.transaction(verb="merge", parents=parents) as transaction:
            transaction._seal = lambda draft, paths: None
            merge_into(transaction, repository, course)
            transaction.commit(message="merge", who=ADA, provenance={})


def species(repository, name, value):
    """A change that merges with those of other names."""
    with repository.transaction(verb="test") as transaction:
        path = f"species/{name}"
        state = f"b3:{value:064x}"
        transaction.draft.set_attributes(path, {"name": name, "state": state, "n": value})
        transaction._seal = lambda draft, paths: None
        return transaction.commit(message=f"{name} {value}", who=ADA, provenance={})


@pytest.mark.parametrize("rounds", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_of_two_pushes_at_once_one_wins_and_no_commit_is_lost(tmp_path, rounds):
    ours, there, clone = sent(tmp_path)
    racers = [Racer(each, there) for each in (ours, clone)]
    made = []
    try:
        for number in range(rounds):
            for letter, racer in zip("ab", racers, strict=True):
                repository = Repository.open(racer.repository.root)
                made.append(species(repository, f"{letter}{number}", number + 1).id)
                racer.say("plan")
            assert [racer.hear() for racer in racers] == ["ready", "ready"]
            for racer in racers:
                racer.say("go")
            reports = [json.loads(racer.hear()) for racer in racers]
            assert sum("won" in report for report in reports) == 1, reports
            (lost,) = [report for report in reports if "won" not in report]
            assert lost["kind"] == "ref-moved"
            assert "pull first" in lost["hint"]
            for racer, report in zip(racers, reports, strict=True):
                if "won" not in report:
                    repository = Repository.open(racer.repository.root)
                    pull(repository, there)
                    pushed(repository, there)
            for racer in racers:
                pull(Repository.open(racer.repository.root), there)
    finally:
        for racer in racers:
            racer.stop()
    hub = Repository.open(there)
    reached = {record.id for record in hub.walk("main")}
    assert set(made) <= reached
    assert len(hub.snapshot("main").children("species")) == 2 * rounds
    check_graph(hub)
    assert os.listdir(hub.layout.locks) == []


STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["commit", "push", "pull"])), max_size=14
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_three_clones_converge_whatever_they_did(steps, tmp_path_factory):
    converge(steps, tmp_path_factory.mktemp("clones"))


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_three_clones_converge_whatever_they_did_often(steps, tmp_path_factory):
    converge(steps, tmp_path_factory.mktemp("clones"))


def converge(steps, folder):
    """Do the steps, then let everybody pull and push until nothing is new."""
    origin = begin(folder / "origin")
    there = bare(folder / "hub")
    pushed(origin, there)
    clones = {name: cloned(there, folder / name) for name in "abc"}
    made, count = {}, 0
    for name, step in steps:
        if step == "commit":
            count += 1
            species(clones[name], f"{name}{count}", count)
            made[f"{name}{count}"] = count
        elif step == "pull":
            pull(clones[name], there)
        else:
            before = Repository.open(there).resolve("main")
            try:
                pushed(clones[name], there)
            except RefMoved:
                assert Repository.open(there).resolve("main") == before
    for name in "abcab":
        pull(clones[name], there)
        pushed(clones[name], there)
    pull(clones["c"], there)
    roots = {each.commit("HEAD").root for each in clones.values()}
    assert roots == {Repository.open(there).commit("main").root}
    tree = Repository.open(there).snapshot("main")
    found = tree.children("species") if tree.exists("species") else ()
    assert {name: tree.attributes(f"species/{name}")["n"] for name in found} == made
    for each in (*clones.values(), Repository.open(there)):
        check_graph(each)
