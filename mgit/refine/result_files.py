"""The result of an item as a record on disk, and back, bit for bit."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from mgit.geometry.poses import ParticlePoses
from mgit.refine.holdout import HeldOut
from mgit.refine.item import ItemResult
from mgit.refine.record_files import read_record, write_record
from mgit.refine.stages import StageReport

__all__ = ["read_result", "write_result"]


def write_result(path: Path, result: ItemResult) -> None:
    """Write a result; the file appears when it is complete. Raises DiskFull, StorageFailed."""
    species = list(result.poses)
    arrays = {f"item/{name}": values for name, values in result.arrays.items()}
    arrays["tilt_correlations"] = result.tilt_correlations
    for number, name in enumerate(species):
        poses = result.poses[name]
        arrays[f"{number}/position"] = poses.position
        arrays[f"{number}/angles"] = poses.angles
        if poses.displacement is not None:
            arrays[f"{number}/displacement"] = poses.displacement
        arrays[f"{number}/correlations"] = result.correlations[name]
    for each in result.held_out:
        number = species.index(each.species)
        for part in ("rows", "before", "after"):
            arrays[f"{number}/held/{part}"] = getattr(each, part)
    facts = {
        "item": result.item,
        "species": species,
        "margins": {name: list(values) for name, values in result.margins.items()},
        "scores": [result.score_before, result.score_after],
        "images": result.images,
        "stages": [asdict(each) for each in result.stages],
    }
    write_record(path, facts, arrays)


def read_result(path: Path) -> ItemResult:
    """The result that was written. Raises InvalidState for a damaged file."""
    facts, arrays = read_record(path)
    species = facts["species"]
    return ItemResult(
        item=facts["item"],
        arrays={
            name.removeprefix("item/"): values
            for name, values in arrays.items()
            if name.startswith("item/")
        },
        margins={name: (x, y, z) for name, (x, y, z) in facts["margins"].items()},
        poses={
            name: ParticlePoses(
                position=arrays[f"{number}/position"],
                angles=arrays[f"{number}/angles"],
                displacement=arrays.get(f"{number}/displacement"),
            )
            for number, name in enumerate(species)
        },
        correlations={
            name: arrays[f"{number}/correlations"] for number, name in enumerate(species)
        },
        tilt_correlations=arrays["tilt_correlations"],
        score_before=facts["scores"][0],
        score_after=facts["scores"][1],
        images=facts["images"],
        stages=tuple(StageReport(**each) for each in facts["stages"]),
        held_out=_held_out(species, arrays),
    )


def _held_out(species: list[str], arrays: dict[str, np.ndarray]) -> tuple[HeldOut, ...]:
    return tuple(
        HeldOut(
            species=name,
            rows=arrays[f"{number}/held/rows"],
            before=arrays[f"{number}/held/before"],
            after=arrays[f"{number}/held/after"],
        )
        for number, name in enumerate(species)
        if f"{number}/held/rows" in arrays
    )
