"""The wording of scores."""

from mgit.cli.render.scores import comparison_lines, counts_text
from mgit.survey.item_scores import ItemScoreChange, ScoreComparison, ScoreCounts


def change(name, before, after):
    return ItemScoreChange(
        item=name,
        source="grid",
        id=name,
        before=before,
        after=after,
        change=after - before,
        particles=3,
    )


def comparison(*items):
    return ScoreComparison(yardstick="refinement", items=items)


def test_series_are_aligned_worst_first():
    assert comparison_lines(
        comparison(change("TS_1", 12.5, 9.25), change("TS_long", 1, 1), change("b", 1, 3)),
        every_item=False,
    ) == [
        "scores: 1 series better, 1 worse, against the references of this refinement",
        "  TS_1     12.50 -> 9.25  -3.25  worse",
        "  TS_long   1.00 -> 1.00  +0.00  same",
        "  b         1.00 -> 3.00  +2.00  better",
    ]


def test_a_long_list_keeps_the_worst_and_the_best():
    items = comparison(*(change(f"TS_{n}", 5.0, n) for n in range(10)))
    lines = comparison_lines(items, every_item=False)
    assert [line.split()[0] for line in lines[1:]] == [
        *("TS_0", "TS_1", "TS_2", "TS_3", "TS_4", "and", "TS_7", "TS_8", "TS_9")
    ]
    assert "and 2 series between" in lines[6]
    assert len(comparison_lines(items, every_item=True)) == 11


def test_counts_are_one_line():
    counts = ScoreCounts(items=3, better=2, worse=1, median_before=10, median_after=12.345)
    assert counts_text(counts) == "of 3 series: 2 better, 1 worse; median 10.00 -> 12.35"
