import json

import pytest

from mgit.verify.findings import Coverage, Finding, Level, VerifyReport


def finding(severity="corrupt"):
    return Finding(
        level=Level.GRAPH,
        kind="k",
        subject="s",
        message="m",
        severity=severity,
        consequences=("c",),
    )


@pytest.mark.parametrize(
    ("severity", "clean", "consistent"),
    [("corrupt", False, False), ("suspect", False, True), ("note", True, True)],
)
def test_notes_are_clean_and_suspicion_is_consistent(severity, clean, consistent):
    report = VerifyReport(level=Level.GRAPH, findings=[finding(), finding(severity)][1:])
    assert (report.clean, report.consistent) == (clean, consistent)


@pytest.mark.parametrize(
    ("signed", "failures", "word"),
    [(0, 0, "unsigned"), (1, 0, "partly"), (2, 0, "all"), (1, 1, "failed")],
)
def test_signatures_have_one_word(signed, failures, word):
    report = VerifyReport(
        level=Level.CONTENT,
        coverage=Coverage(commits=2),
        signed_commits=signed,
        signature_failures=failures,
    )
    assert report.signed == word


def test_the_record_is_json_with_everything_in_it():
    report = VerifyReport(level=Level.STORED, findings=[finding()])
    record = json.loads(json.dumps(report.record()))
    assert record["consistent"] == "no"
    assert record["level"] == 2
    assert record["findings"][0]["consequences"] == ["c"]
    assert record["coverage"]["commits"] == 0
