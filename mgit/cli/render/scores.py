"""Scores of series in the terminal."""

from collections.abc import Sequence

from mgit.survey.item_scores import ItemScoreChange, ScoreComparison, ScoreCounts

__all__ = ["comparison_lines", "counts_text", "score_text"]

WORST_SHOWN = 5
BEST_SHOWN = 3
_YARDSTICKS = {
    "refinement": "against the references of this refinement",
    "revisions": "each against the references of its own revision",
}


def score_text(score: float) -> str:
    """A score, 100 times a correlation, with the digits that mean something."""
    return f"{score:.2f}"


def counts_text(counts: ScoreCounts) -> str:
    """How the series of a species fared."""
    before, after = score_text(counts.median_before), score_text(counts.median_after)
    return (
        f"of {counts.items} series: {counts.better} better, {counts.worse} worse; "
        f"median {before} -> {after}"
    )


def comparison_lines(found: ScoreComparison, *, every_item: bool) -> list[str]:
    """A line of counts, then the worst and the best series, or all of them."""
    lines = [
        f"scores: {found.better} series better, {found.worse} worse, {_YARDSTICKS[found.yardstick]}"
    ]
    items = found.items
    if every_item or len(items) <= WORST_SHOWN + BEST_SHOWN:
        return lines + [f"  {line}" for line in _rows(items)]
    rows = _rows([*items[:WORST_SHOWN], *items[-BEST_SHOWN:]])
    rest = f"and {len(items) - len(rows)} series between: '--all' lists every one"
    return lines + [f"  {line}" for line in (*rows[:WORST_SHOWN], rest, *rows[WORST_SHOWN:])]


def _rows(items: Sequence[ItemScoreChange]) -> list[str]:
    cells = [
        (each.item, score_text(each.before), score_text(each.after), f"{each.change:+.2f}")
        for each in items
    ]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(4)]
    return [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}} -> {row[2]:>{widths[2]}}"
        f"  {row[3]:>{widths[3]}}  {_verdict(each)}"
        for row, each in zip(cells, items, strict=True)
    ]


def _verdict(change: ItemScoreChange) -> str:
    if change.change == 0:
        return "same"
    return "better" if change.change > 0 else "worse"
