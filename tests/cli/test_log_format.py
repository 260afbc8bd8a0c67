"""A commit in the log: like Git's, with the state digest."""

import io

import pytest

from mgit.cli.console import Console
from mgit.cli.log_format import as_json, as_lines, as_one_line, date_text, decorations, short
from mgit.history.commits import CommitRecord, Signature, format_commit
from mgit.history.refs import Head

STATE = "b3:" + "12ab" * 16


def commit(message="Import the ribosome\n\nFrom round three.", parents=(), trailers=None):
    ada = Signature(name="Ada Test", email="ada@example.org", time_s=1_750_000_000, zone_s=7200)
    if trailers is None:
        trailers = {"Mgit-State": STATE, "Mgit-Root": STATE}
    raw = format_commit(
        tree="1" * 40,
        parents=parents,
        author=ada,
        committer=ada,
        message=message,
        trailers=trailers,
    )
    return CommitRecord.parse(raw)


CONSOLE = Console(io.StringIO(), io.StringIO())


def test_the_long_form_shows_author_date_state_and_message():
    record = commit()
    assert as_lines(record, ("HEAD -> main", "tag: v1"), CONSOLE) == [
        f"commit {record.id} (HEAD -> main, tag: v1)",
        "Author: Ada Test <ada@example.org>",
        "Date:   Sun Jun 15 17:06:40 2025 +0200",
        "State:  b3:12ab12ab12ab",
        "",
        "    Import the ribosome",
        "",
        "    From round three.",
    ]


def test_a_merge_names_its_parents():
    lines = as_lines(commit(parents=("a" * 40, "b" * 40)), (), CONSOLE)
    assert lines[1] == "Merge:  aaaaaaaaaa bbbbbbbbbb"


def test_a_commit_of_another_program_has_no_state():
    assert not any(line.startswith("State") for line in as_lines(commit(trailers={}), (), CONSOLE))


def test_one_line_has_id_names_and_subject():
    record = commit()
    assert as_one_line(record, ("main",), CONSOLE) == f"{record.id[:10]} (main) Import the ribosome"
    assert as_one_line(record, (), CONSOLE) == f"{record.id[:10]} Import the ribosome"


def test_the_record_has_full_identifiers():
    record = commit(parents=("a" * 40,))
    document = as_json(record, ("main",))
    assert document["id"] == record.id
    assert document["parents"] == ["a" * 40]
    assert document["state"] == STATE
    assert document["author"] == {
        "name": "Ada Test",
        "email": "ada@example.org",
        "time": 1_750_000_000,
        "zone": 7200,
    }


@pytest.mark.parametrize(
    ("time_s", "zone_s", "text"),
    [
        (0, 0, "Thu Jan 1 00:00:00 1970 +0000"),
        (1_750_000_000, -12600, "Sun Jun 15 11:36:40 2025 -0330"),
    ],
)
def test_dates_are_in_the_zone_of_the_author(time_s, zone_s, text):
    assert date_text(time_s, zone_s) == text


def test_short_forms_keep_the_prefix_of_a_digest():
    assert short("a" * 40) == "a" * 10
    assert short(STATE) == "b3:12ab12ab12ab"


class Refs:
    def __init__(self, head, named):
        self._head, self._named = head, named

    def head(self):
        return self._head

    def all(self, prefix):
        return {name: each for name, each in self._named.items() if name.startswith(prefix)}


def test_the_current_branch_is_named_first():
    refs = Refs(
        Head(branch="main", commit="1"),
        {"refs/heads/a": "1", "refs/heads/main": "1", "refs/tags/v1": "tag"},
    )
    assert decorations(refs, {"refs/tags/v1": "2"}.__getitem__) == {
        "1": ("HEAD -> main", "a"),
        "2": ("tag: v1",),
    }


def test_a_detached_head_is_named_alone():
    refs = Refs(Head(branch=None, commit="1"), {"refs/heads/main": "1"})
    assert decorations(refs, str) == {"1": ("HEAD", "main")}
