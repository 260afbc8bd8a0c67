"""What a commit says of how it came about: `provenance.json` besides verb and parents."""

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from mgit.digest import canonical_bytes

__all__ = ["provenance"]


def provenance(
    settings: Mapping[str, Any],
    *,
    inputs: Iterable[str] = (),
    metrics: Mapping[str, Any] | None = None,
    raw_level: str | None = None,
    device: str | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """The provenance of one change; absent facts are absent, not null.

    settings: what the verb was asked to do; physical scalars as decimal strings.
    inputs: what went in beside the parents, e.g. digests of imported documents.
    raw_level: the lowest level of data that took part: 'movie', 'tilt_image' or 'extracted_stack'.

    Raises TypeError for floats: a hash must see one spelling of a number.
    """
    record: dict[str, Any] = {
        "settings": dict(settings),
        "versions": {
            "mgit": version("mgit"),
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
        "inputs": sorted(set(inputs)),
    }
    optional = {"metrics": metrics, "raw_level": raw_level, "device": device, "seed": seed}
    record.update({name: value for name, value in optional.items() if value is not None})
    canonical_bytes(record)
    return record
