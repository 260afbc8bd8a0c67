"""Results of items that nobody computed, for tests of what is done with them."""

import numpy as np

from mgit.geometry.poses import ParticlePoses
from mgit.refine.holdout import HeldOut
from mgit.refine.item import ItemResult
from mgit.refine.stages import StageReport


def poses(count, *, points=1, seed=0, displaced=False):
    """Random poses of `count` particles."""
    random = np.random.default_rng(seed)
    shape = (count, points, 3)
    return ParticlePoses(
        position=random.normal(size=shape),
        angles=random.normal(size=shape),
        displacement=random.normal(size=(count, 4, 3)) if displaced else None,
    )


def held_out(species, rows, *, before, after, tilts=3):
    """Held-out terms with correlations `before` and `after` in every image, B^2 of one."""
    rows = np.asarray(rows)

    def terms(rho):
        return np.broadcast_to([rho, 1.0, 1.0], (len(rows), tilts, 3)).copy()

    return HeldOut(species=species, rows=rows, before=terms(before), after=terms(after))


def result(item="TS_01", *, species=("made",), count=4, tilts=3, seed=0, arrays=None, held=()):
    """A result with random numbers in it."""
    random = np.random.default_rng(seed)
    report = StageReport(
        stage="poses",
        resolution_angstrom=0.1 + 20,
        parameters=24,
        outcome="step limit",
        steps=3,
        evaluations=5,
        score_before=10.1,
        score_after=12.3,
    )
    return ItemResult(
        item=item,
        arrays={} if arrays is None else arrays,
        margins={name: (0.0, 0.5, 0.0) for name in arrays or {} if "warp" in name},
        poses={name: poses(count, seed=seed + at) for at, name in enumerate(species)},
        correlations={name: random.normal(size=count) for name in species},
        tilt_correlations=random.normal(size=tilts),
        score_before=100.0 / 3,
        score_after=40.0,
        images=count * tilts,
        stages=(report,),
        held_out=tuple(held),
    )
