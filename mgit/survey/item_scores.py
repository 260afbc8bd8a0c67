"""Scores of items for people: by item and species, and what became of them between two trees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mgit.state.item_scores import ItemScore, read_item_scores
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.species import Species

__all__ = [
    "ItemScoreChange",
    "ScoreComparison",
    "ScoreCounts",
    "Yardstick",
    "score_comparison",
    "score_counts",
    "scores_by_item",
    "standing",
]

Yardstick = Literal["refinement", "revisions"]
"""Against what two scores were measured: the references of one refinement, or each its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScoreChange:
    """What became of the score of one item. change: negative where it got worse."""

    item: str
    source: str
    id: str
    before: float
    after: float
    change: float
    particles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreComparison:
    """Scores of one species' items in two trees, the worst change first."""

    yardstick: Yardstick
    items: tuple[ItemScoreChange, ...]

    @property
    def better(self) -> int:
        """Items whose score rose."""
        return sum(each.change > 0 for each in self.items)

    @property
    def worse(self) -> int:
        """Items whose score fell."""
        return sum(each.change < 0 for each in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCounts:
    """The scores of a species' items at a glance."""

    items: int
    better: int
    worse: int
    median_before: float
    median_after: float


def scores_by_item(reader: Reader) -> dict[str, dict[str, ItemScore]]:
    """Scores of a tree by item id and name of the species."""
    found: dict[str, dict[str, ItemScore]] = {}
    for species in Population(reader).species():
        for identity, score in read_item_scores(reader, species.path).items():
            found.setdefault(identity, {})[species.name] = score
    return found


def standing(scores: Mapping[str, Mapping[str, ItemScore]]) -> dict[str, float]:
    """Where each item stands by its worst species, from 0 (the worst) to 1; by item id.

    Scores of different species cannot be compared; ranks among the items of a species can.
    """
    names = sorted({name for own in scores.values() for name in own})
    found: dict[str, float] = {}
    for name in names:
        values = {identity: own[name].after for identity, own in scores.items() if name in own}
        ordered = np.sort(np.array(list(values.values())))
        for identity, value in values.items():
            rank = float(np.searchsorted(ordered, value)) / len(ordered)
            found[identity] = min(rank, found.get(identity, 1.0))
    return found


def score_counts(species: Species) -> ScoreCounts | None:
    """How the items of a species fared in its last refinement; None without scores."""
    scores = read_item_scores(species.reader, species.path).values()
    if not scores:
        return None
    return ScoreCounts(
        items=len(scores),
        better=sum(each.change > 0 for each in scores),
        worse=sum(each.change < 0 for each in scores),
        median_before=float(np.median([each.before for each in scores])),
        median_after=float(np.median([each.after for each in scores])),
    )


def score_comparison(
    old: Species | None, new: Species, *, yardstick: Yardstick
) -> ScoreComparison | None:
    """Scores of the items of `new` against `old`; None if `new` has none or both have the same.

    yardstick: 'refinement' compares what the last refinement of `new` found with what it started
    from, which is fair where `old` is its start. 'revisions' compares what both trees recorded,
    each against references of its own; where `old` has no scores it means the former.
    """
    after = read_item_scores(new.reader, new.path)
    before = {} if old is None else read_item_scores(old.reader, old.path)
    if not after or before == after:
        return None
    known = {
        identity: (item.name, source.name)
        for source in Population(new.reader).sources()
        for item in source.items()
        if (identity := item.id) in after
    }
    chosen: Yardstick = yardstick if before else "refinement"
    items = []
    for identity, score in after.items():
        if chosen == "revisions" and identity not in before:
            continue
        start = before[identity].after if chosen == "revisions" else score.before
        name, source = known.get(identity, (identity, ""))
        items.append(
            ItemScoreChange(
                item=name,
                source=source,
                id=identity,
                before=start,
                after=score.after,
                change=score.after - start,
                particles=score.particles,
            )
        )
    items.sort(key=lambda each: (each.change, each.item, each.id))
    return ScoreComparison(yardstick=chosen, items=tuple(items))
