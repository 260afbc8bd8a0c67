"""Scores of the items among a species' metrics: how well its particles agree with each series.

Three arrays of one length below `metrics/`, in the order of the item ids that the attribute `items`
of `item_score` lists. As metrics they are outside every state digest. `set_metrics` replaces all
metrics of a species, so scores are written after curves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np

from mgit.errors import Corrupt, InvalidState
from mgit.state.protocol import ArrayHandle, Reader, Writer
from mgit.state.series import ArrayAndAttributes
from mgit.state.species import read_species, set_metrics

__all__ = [
    "ITEM_SCORE_ARRAYS",
    "ItemScore",
    "item_scores_record",
    "read_item_scores",
    "write_item_scores",
]

SCORE, SCORE_BEFORE, PARTICLES = "item_score", "item_score_before", "item_particles"
ITEM_SCORE_ARRAYS = (SCORE, SCORE_BEFORE, PARTICLES)
"""The metrics that hold scores of items."""
IDS = "items"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """Agreement of one item's images with the projections of one species; higher is better.

    before, after: 100 times the normalised correlation of the given and of the found state, at the
    same resolution and with the same weights, so that they can be compared with each other and,
    within a species, among items. particles: of the species in the item.

    Raises InvalidState for scores that are not finite and a negative number of particles.
    """

    before: float
    after: float
    particles: int

    def __post_init__(self) -> None:
        if not (isfinite(self.before) and isfinite(self.after)):
            raise InvalidState(
                "the score of an item is not finite", before=self.before, after=self.after
            )
        if self.particles < 0:
            raise InvalidState("a number of particles is negative", particles=self.particles)

    @property
    def change(self) -> float:
        """By how much the score rose; negative where the item got worse."""
        return self.after - self.before


def write_item_scores(writer: Writer, path: str, scores: Mapping[str, ItemScore]) -> None:
    """Replace the item scores of the species at `path`; its other metrics stay.

    scores: by the permanent id of the item; none removes those that are there.
    Raises NotFound without such a species.
    """
    metrics: dict[str, ArrayAndAttributes] = {
        name: (handle.read(), handle.attributes)
        for name, handle in read_species(writer, path).metrics().items()
        if name not in ITEM_SCORE_ARRAYS
    }
    if scores:
        ids = sorted(scores)
        ordered = [scores[each] for each in ids]
        metrics[SCORE] = (np.array([each.after for each in ordered], np.float64), {IDS: ids})
        metrics[SCORE_BEFORE] = (np.array([each.before for each in ordered], np.float64), {})
        metrics[PARTICLES] = (np.array([each.particles for each in ordered], np.int64), {})
    set_metrics(writer, path, metrics)


def read_item_scores(reader: Reader, path: str) -> dict[str, ItemScore]:
    """Scores by item id of the species at `path`, sorted by id; empty where none were kept.

    Raises NotFound without such a species, Corrupt if the arrays do not fit each other.
    """
    metrics = read_species(reader, path).metrics()
    found = {name: metrics[name] for name in ITEM_SCORE_ARRAYS if name in metrics}
    if not found:
        return {}
    ids = _ids(found, path)
    before, after = (_numbers(found[name], "f") for name in (SCORE_BEFORE, SCORE))
    particles = _numbers(found[PARTICLES], "iu")
    if {len(before), len(after), len(particles)} != {len(ids)}:
        raise Corrupt("the scores of a species' items differ in number", path=path)
    try:
        return {
            each: ItemScore(before=float(old), after=float(new), particles=int(count))
            for each, old, new, count in zip(ids, before, after, particles, strict=True)
        }
    except InvalidState as error:
        raise Corrupt("the score of an item is malformed", path=path) from error


def item_scores_record(scores: Mapping[str, ItemScore]) -> dict[str, dict[str, str | int]]:
    """Scores as provenance holds them (`metrics` -> species -> `items`): decimals, sorted by id."""
    return {
        each: {
            "before": repr(float(scores[each].before)),
            "after": repr(float(scores[each].after)),
            "particles": int(scores[each].particles),
        }
        for each in sorted(scores)
    }


def _ids(found: Mapping[str, ArrayHandle], path: str) -> list[str]:
    if len(found) != len(ITEM_SCORE_ARRAYS):
        missing = next(name for name in ITEM_SCORE_ARRAYS if name not in found)
        raise Corrupt("the scores of a species' items lack an array", path=path, array=missing)
    ids = found[SCORE].attributes.get(IDS)
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise Corrupt("the scores of a species' items do not name them", path=path)
    if ids != sorted(set(ids)):
        raise Corrupt("the items that scores name are not sorted or repeat", path=path)
    return ids


def _numbers(handle: ArrayHandle, kinds: str) -> np.ndarray:
    if len(handle.shape) != 1 or handle.dtype.kind not in kinds:
        raise Corrupt("the scores of a species' items have another form", shape=handle.shape)
    return handle.read()
