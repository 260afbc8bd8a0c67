"""What keeps a step from being run again, and what a replay says of versions and devices."""

import pytest

from mgit.cli.console import Console
from mgit.cli.replay import replayer_of
from mgit.errors import InvalidInput
from mgit.history.commits import Signature, commit_id, format_commit
from mgit.refine.settings import RefineSettings
from tests.verify.populations import begin, later

ADA = Signature("Ada Test", "ada@example.org", 1_800_000_000, 0)
OPTIONS = RefineSettings(particles=True, iterations=1).as_text()
SETTINGS = {"options": OPTIONS, "species": [], "sources": []}


@pytest.fixture
def repository(tmp_path):
    return begin(str(tmp_path))


def told(repository, settings, *, verb="refine", **facts):
    """A commit over HEAD with one more species and this provenance."""
    with repository.transaction(verb=verb) as transaction:
        transaction.draft.set_attributes("notes", {"seen": len(str(settings))})
        record = {"settings": settings, **facts}
        return transaction.commit(message="made up", who=later(9), provenance=record)


def replay(repository, commit, **options):
    return replayer_of(repository, Console(), **options)(repository.commit(commit))


def reason(repository, commit):
    found = replay(repository, commit)
    assert found.verdict == "not replayable"
    return found.reason


def test_other_verbs_are_named(repository):
    found = replay(repository, "HEAD")
    assert (found.verdict, found.verb) == ("not replayable", "test")
    assert "(verb 'test')" in found.reason
    assert "mgit log" in found.hint


def test_a_first_commit_and_a_merge_are_no_computations(repository):
    first = list(repository.walk())[-1].id
    assert "first commit" in reason(repository, first)
    parents = (repository.resolve("HEAD"), repository.resolve("side"))
    with repository.transaction(verb="refine", parents=parents) as transaction:
        transaction.draft.set_attributes("notes", {"seen": 1})
        merge = transaction.commit(message="m", who=later(8), provenance={"settings": SETTINGS})
    assert "a merge" in reason(repository, merge.id)


def test_a_commit_made_without_mgit_records_no_state(repository):
    honest = told(repository, SETTINGS)
    raw = format_commit(
        tree=honest.tree,
        parents=honest.parents,
        author=ADA,
        committer=ADA,
        message="by hand",
        trailers={},
    )
    repository.objects.write_pack([("commit", raw)])
    assert "records no state" in reason(repository, commit_id(raw))


@pytest.mark.parametrize(
    ("verb", "settings", "words"),
    [
        ("refine", {"species": [], "sources": []}, "setting 'options'"),
        ("refine", {**SETTINGS, "options": "all"}, "setting 'options'"),
        ("refine", {"options": OPTIONS, "sources": []}, "setting 'species'"),
        ("refine", {**SETTINGS, "options": {**OPTIONS, "fudge": "1"}}, "no such option"),
        ("refine", {**SETTINGS, "options": {**OPTIONS, "holdout": "99%"}}, "out of range"),
        ("refine", {**SETTINGS, "species": ["nobody"]}, "nobody"),
        ("refine", None, "setting 'options'"),
        ("reconstruct", {"species": [], "batch": 8}, "setting 'ewald'"),
        ("reconstruct", {"species": [], "ewald": "maybe", "batch": 8}, "ewald 'maybe'"),
        ("reconstruct", {"species": [], "ewald": "on", "batch": 0}, "batch '0'"),
        ("reconstruct", {"species": ["nobody"], "ewald": "on", "batch": 8}, "nobody"),
    ],
)
def test_provenance_that_does_not_say_how_is_the_reason(repository, verb, settings, words):
    assert words in reason(repository, told(repository, settings, verb=verb).id)


@pytest.mark.parametrize("changes", [["nonsense"], [], [{"verb": "refine"}, {"verb": "set"}]])
def test_a_commit_of_other_than_one_staged_change_is_not_run_again(repository, changes):
    commit = told(repository, {}, verb="commit", changes=changes)
    assert "(verb 'commit')" in reason(repository, commit.id)


def test_one_change_that_was_staged_is_looked_at_itself(repository):
    change = {"verb": "refine", "settings": {"species": []}}
    commit = told(repository, {}, verb="commit", changes=[change])
    assert "setting 'options'" in reason(repository, commit.id)


@pytest.mark.parametrize("options", [{"workers": 0}, {"threads": 0}])
def test_less_than_one_worker_or_thread_is_refused(repository, options):
    with pytest.raises(InvalidInput, match="at least one"):
        replayer_of(repository, Console(), **options)
