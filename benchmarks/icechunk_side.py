"""Icechunk's side of the comparison: `python icechunk_side.py VERB REPOSITORY STATE [CHANGED...]`.

Runs as one fresh process per commit, as mgit's side does, in the interpreter that has icechunk.
Needs nothing of mgit. Maps lie in 64^3 chunks, each column is one chunk, all items are the rows of
one array with a chunk each; codec: byte-shuffle + zstd level 1. These were the fastest settings
tried that keep each item a unit of change.
"""

import re
import sys
from pathlib import Path
from typing import Any

import icechunk  # type: ignore[import-not-found,unused-ignore]
import numpy as np
import zarr
from zarr.codecs import BloscCodec

__all__ = ["main"]

MAP_CHUNK_PX = 64


def main(arguments: list[str]) -> int:
    """Carry out one verb: create, commit, verify or log."""
    verb, repository, state, *changed = arguments
    storage = icechunk.local_filesystem_storage(repository)
    if verb == "create":
        icechunk.Repository.create(storage)
        return 0
    opened = icechunk.Repository.open(storage)
    if verb == "commit":
        _commit(opened, Path(state), changed)
    elif verb == "verify":
        _read_everything(opened)
    elif verb == "log":
        for snapshot in opened.ancestry(branch="main"):
            sys.stdout.write(f"{snapshot.id} {snapshot.message}\n")
    else:
        raise ValueError(f"no such verb: {verb}")
    return 0


def _commit(repository: Any, state: Path, changed: list[str]) -> None:
    session = repository.writable_session("main")
    group = zarr.open_group(session.store, mode="a")
    items = [path for path in changed if path.startswith("items/")]
    for path in changed:
        if not path.startswith("items/"):
            _write(group, path.removesuffix(".npy"), np.load(state / path))
    if items:
        _write_items(group, state, items)
    session.commit("iteration")


def _write(group: Any, name: str, values: np.ndarray) -> None:
    if name in group:
        group[name][...] = values
        return
    chunks = values.shape if values.ndim < 3 else (MAP_CHUNK_PX,) * 3
    group.create_array(name, data=values, chunks=chunks, compressors=[_codec()])


def _write_items(group: Any, state: Path, paths: list[str]) -> None:
    rows = [_item_index(path) for path in paths]
    values = np.stack([np.load(state / path) for path in paths])
    if "items" not in group:
        chunks = (1, values.shape[1])
        group.create_array("items", data=values, chunks=chunks, compressors=[_codec()])
        return
    group["items"].oindex[rows] = values


def _item_index(path: str) -> int:
    found = re.search(r"(\d+)\.npy$", path)
    if found is None:
        raise ValueError(f"not an item file: {path}")
    return int(found[1])


def _codec() -> BloscCodec:
    return BloscCodec(cname="zstd", clevel=1, shuffle="shuffle")


def _read_everything(repository: Any) -> None:
    """Read each array of each snapshot that differs from the next newer snapshot's.

    Icechunk has no check of its own; reading decodes every chunk but compares no digest.
    """
    snapshots = list(repository.ancestry(branch="main"))
    for index, snapshot in enumerate(snapshots[:-1]):
        session = repository.readonly_session(snapshot_id=snapshot.id)
        group = zarr.open_group(session.store, mode="r")
        last = index == len(snapshots) - 2
        for name, array in group.members(max_depth=None):
            if isinstance(array, zarr.Array) and (last or _moves(name)):
                array[...]


def _moves(name: str) -> bool:
    fixed = ("detector", "magnification", "voltage", "optics", "half_set", "defocus", "origin")
    return not name.rsplit("/", 1)[-1].startswith((*fixed, "class"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
