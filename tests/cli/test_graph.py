"""Lanes: the drawing beside the log. Expected drawings are written out in full."""

from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.graph import Lanes


def drawing(commits):
    lanes, rows = Lanes(), []
    for name, parents in commits:
        node, bends, _ = lanes.draw(name, parents)
        rows += [f"{node} {name}", *bends]
    return rows


def test_a_line_is_straight():
    assert drawing([("b", ["a"]), ("a", [])]) == ["* b", "* a"]


def test_a_merge_opens_a_lane_and_the_fork_closes_it():
    assert drawing([("m", ["a", "b"]), ("b", ["r"]), ("a", ["r"]), ("r", [])]) == [
        "* m",
        "|\\",
        "| * b",
        "* | a",
        "|/",
        "* r",
    ]


def test_three_parents_open_two_lanes():
    commits = [("m", ["a", "b", "c"]), ("c", ["r"]), ("b", ["r"]), ("a", ["r"]), ("r", [])]
    assert drawing(commits) == [
        "* m",
        "|\\",
        "| |\\",
        "| | * c",
        "| * | b",
        "| |/",
        "* | a",
        "|/",
        "* r",
    ]


def test_unrelated_histories_follow_each_other():
    assert drawing([("b", []), ("a", [])]) == ["* b", "* a"]


def test_text_below_a_commit_stands_beside_the_open_lanes():
    lanes = Lanes()
    lanes.draw("m", ["a", "b"])
    assert lanes.draw("b", ["r"])[2] == "| |"


@st.composite
def histories(draw):
    """Commits 0..n-1, children first; the parents of commit i are among i+1..n-1."""
    count = draw(st.integers(1, 12))
    return [
        (
            str(each),
            [
                str(parent)
                for parent in draw(
                    st.lists(st.integers(each + 1, count - 1), unique=True, max_size=3)
                    if each + 1 < count
                    else st.just([])
                )
            ],
        )
        for each in range(count)
    ]


@given(histories())
def test_every_commit_is_drawn_once_and_all_lanes_end(history):
    rows = drawing(history)
    assert sum(row.split(" ")[-1] in dict(history) and "*" in row for row in rows) == len(history)
    lanes = Lanes()
    for name, parents in history:
        lanes.draw(name, parents)
    assert lanes._lanes == []
