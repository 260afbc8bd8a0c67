"""The report of an audit in the terminal."""

from mgit.cli.console import Console
from mgit.cli.render.audit import tell_report
from mgit.verify.findings import Coverage, Finding, Level, Replayed, VerifyReport


def told(capsys, **facts):
    report = VerifyReport(level=Level.CONTENT, coverage=Coverage(commits=3), **facts)
    tell_report(report, Console())
    return capsys.readouterr().out.splitlines()


def finding(**changes):
    facts = {"level": Level.GRAPH, "kind": "pack", "subject": "pack-1", "message": "it is wrong"}
    return Finding(**{**facts, **changes})


def test_the_three_verdicts_stand_at_the_end(capsys):
    assert told(capsys) == [
        "checked 3 commits, 0 objects, 0 arrays, 0 chunks",
        "consistent: yes",
        "signed: unsigned",
        "replayed: not run",
    ]


def test_a_finding_names_subject_consequences_and_remedy(capsys):
    many = tuple(f"thing {n}" for n in range(8))
    lines = told(capsys, findings=[finding(consequences=many, hint="mend it")])
    assert lines[:4] == [
        "corrupt: pack  pack-1",
        "  it is wrong",
        "    affects thing 0",
        *lines[3:4],
    ]
    assert "    and 3 more (--json lists all)" in lines
    assert "  hint: mend it" in lines
    assert "consistent: no" in lines


def test_a_replay_tells_what_differs_and_what_else_is_not_as_it_was(capsys):
    replay = Replayed(
        commit="8904af9e62f5314d",
        verb="refine",
        verdict="different",
        details=tuple(f"series 'TS_{n:02d}': apart" for n in range(14)),
        versions=("numpy 2.3 recorded, 2.4 here",),
    )
    lines = told(capsys, replay=replay)
    assert lines[1:3] == ["ran 8904af9e62 (refine) again: different", "  series 'TS_00': apart"]
    assert "  and 2 more (--json lists all)" in lines
    assert "  numpy 2.3 recorded, 2.4 here" in lines
    assert lines[-1] == "replayed: different"


def test_coverage_is_told_where_there_is_any(capsys):
    report = VerifyReport(
        level=Level.DOMAIN,
        coverage=Coverage(
            commits=1, bytes_read=2_500_000, arrays_decoded=7, particles=1234, items_unbound=2
        ),
    )
    tell_report(report, Console())
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == [
        "  read 2.5 MB, decoded 7 arrays",
        "  1,234 particles",
        "  0 raw files re-read, 0 not on this machine, 2 items unverified",
    ]
