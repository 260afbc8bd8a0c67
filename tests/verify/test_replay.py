import pytest

from mgit.errors import Corrupt, DeviceFailed
from mgit.verify.audit import Request, verify
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Replayed
from mgit.verify.replay import check_replay
from tests.verify.populations import flip


def answering(**facts):
    """A replayer that gives one answer, and the commits that it was asked for."""
    asked = []

    def replay(commit):
        asked.append(commit.id)
        return Replayed(commit=commit.id, verb="refine", **facts)

    return replay, asked


def test_a_verdict_stands_in_the_report_beside_the_others(repository):
    replay, asked = answering(verdict="identical")
    report = verify(repository, Request(replayer=replay))
    assert asked == [repository.resolve("HEAD")]
    assert (report.replayed, report.clean) == ("identical", True)
    assert report.record()["replay"]["verdict"] == "identical"
    assert verify(repository, Request()).record()["replay"] is None


def test_the_revision_that_is_checked_is_the_one_that_is_run_again(repository):
    replay, asked = answering(verdict="equivalent", details=("a bit",))
    report = verify(repository, Request(revision="HEAD~1", replayer=replay))
    assert asked == [repository.resolve("HEAD~1")]
    assert (report.replayed, report.clean) == ("equivalent", True)


@pytest.mark.parametrize(
    ("facts", "kind", "words"),
    [
        ({"verdict": "different", "details": ("FSC 0.4", "more")}, "replay-different", "FSC 0.4"),
        ({"verdict": "not replayable", "reason": "no raw data"}, "not-replayable", "no raw data"),
        ({"verdict": "identical", "doubts": ("2 A claimed",)}, "replay-figures", "2 A claimed"),
    ],
)
def test_what_does_not_fit_is_suspect_and_not_corrupt(repository, facts, kind, words):
    replay, _ = answering(**facts)
    report = verify(repository, Request(replayer=replay))
    (finding,) = report.findings
    assert (finding.kind, finding.severity) == (kind, "suspect")
    assert words in finding.message
    assert finding.commit == repository.resolve("HEAD")
    assert report.consistent


def test_other_versions_are_named_as_a_reason(repository):
    replay, _ = answering(verdict="different", versions=("numpy 1 recorded, 2 here",))
    ledger = DamageLedger()
    check_replay(repository.commit("HEAD"), replay, ledger)
    (finding,) = ledger.findings()
    assert "versions" in finding.hint
    assert "another state" in finding.message


def test_damage_on_the_way_is_a_finding(repository):
    def damaged(_commit):
        raise Corrupt("a chunk does not decode", chunk="b3:00")

    report = verify(repository, Request(replayer=damaged))
    assert report.replayed == "not replayable"
    assert [each.kind for each in report.findings] == ["replay-unreadable"]
    assert not report.consistent


def test_a_machine_that_fails_is_no_finding_about_the_data(repository):
    def failing(_commit):
        raise DeviceFailed("the device is gone")

    with pytest.raises(DeviceFailed):
        verify(repository, Request(replayer=failing))


def test_where_no_commit_can_be_read_nothing_is_run(repository, folder):
    replay, asked = answering(verdict="identical")
    for name in (folder / "population/.mgit/git/objects/pack").glob("*.pack"):
        for offset in range(20, name.stat().st_size, 7):
            flip(str(name), offset)
    report = verify(repository, Request(replayer=replay))
    assert (asked, report.replayed) == ([], "not run")
    assert not report.consistent
