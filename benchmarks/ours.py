"""mgit's side of the comparison: `python -m benchmarks.ours VERB ...` in the working folder.

Every commit is a fresh process, as for the peers: it reads the changed files below `state/` and
records them with the calls that refine and the importers make, in mgit's real layout: some twenty
arrays per item, particle columns sorted by permanent id, one array per layer of the network.
"""

import json
import os
import re
import sys
import time
from collections.abc import Sequence

# Nothing here calls BLAS, whose threads would spin while numpy is being imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.workload import (
    FIXED_COLUMNS,
    NEVER_REFINED,
    item_arrays,
    network_arrays,
)
from mgit.digest import RawDigest
from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.state.names import component, fan_out, find_species, item_path
from mgit.state.particles import ParticleColumns, build_particles
from mgit.state.protocol import Layout, Writer
from mgit.state.series import update_item_arrays, write_item
from mgit.state.source import write_source
from mgit.state.species import set_maps, set_network, write_species
from mgit.store.checks import check_stored
from mgit.store.chunks import ChunkStore
from mgit.store.codec import Codec

__all__ = ["main"]

SOURCE, SPECIES = "grid", "ribosome"
BEGIN_S = 1_700_000_000
TABLE = RawDigest(bytes(32))
BLOCK_BYTES = 1 << 20


def main(arguments: Sequence[str]) -> int:
    """Carry out one verb: create, commit, commit-flat or rates."""
    verb, *rest = arguments
    if verb == "create":
        Repository.init(".", name="benchmark", who=_signature())
    elif verb == "commit":
        _commit(_codec(rest[0]), rest[1:])
    elif verb == "commit-flat":
        _commit_flat(_codec(rest[0]), rest[1:])
    elif verb == "rates":
        sys.stdout.write(json.dumps(_rates(Repository.open("."))))
    else:
        raise ValueError(f"no such verb: {verb}")
    return 0


def _codec(name: str) -> Codec:
    if name == "raw":
        return "raw"
    if name == "zstd":
        return "zstd"
    raise ValueError(f"no such codec: {name}")


def _signature() -> Signature:
    return Signature("Benchmark", "benchmark@example.org", int(time.time()), 0)


def _commit(codec: Codec, changed: Sequence[str]) -> None:
    repository, state = _open(codec, changed)
    with repository.transaction(verb="benchmark") as transaction:
        draft = transaction.draft
        items = {path: values for path, values in state.items() if path.startswith("items/")}
        if "species/columns/class.npy" in state:
            _first(draft, state, items)
        else:
            _next(draft, state, items)
        transaction.commit(message="Refine", who=_signature(), provenance={})


def _open(codec: Codec, changed: Sequence[str]) -> tuple[Repository, dict[str, np.ndarray]]:
    repository = Repository.open(".")
    repository.chunks = ChunkStore(repository.layout.store, repository.files, codec=codec)
    return repository, {path: np.load(os.path.join("state", path)) for path in changed}


def _commit_flat(codec: Codec, changed: Sequence[str]) -> None:
    """One array per file, below a group without scientific meaning: storage and history alone."""
    repository, state = _open(codec, changed)
    with repository.transaction(verb="benchmark") as transaction:
        for path, values in state.items():
            leaf = component(path)
            layout: Layout = "volume" if values.ndim == 3 else "table"
            transaction.draft.set_array(f"plain/{fan_out(leaf)}/{leaf}", values, layout=layout)
        transaction.commit(message="Refine", who=_signature(), provenance={})


def _first(draft: Writer, state: dict[str, np.ndarray], items: dict[str, np.ndarray]) -> None:
    write_source(draft, SOURCE, kind="tilt_series")
    for path, values in items.items():
        arrays = {name: (array, _attributes(array)) for name, array in item_arrays(values)}
        write_item(
            draft, SOURCE, name=_item_name(path), kind="tilt_series", attributes={}, arrays=arrays
        )
    path = write_species(
        draft,
        SPECIES,
        attributes={"diameter_angstrom": "250.0", "pixel_size_angstrom": "1.5"},
        particles=_particles(state, [_item_name(path) for path in items]),
        half_maps=_half_maps(state),
    )
    set_network(draft, path, dict(network_arrays(state["species/network.npy"])))


def _next(draft: Writer, state: dict[str, np.ndarray], items: dict[str, np.ndarray]) -> None:
    for path, values in items.items():
        refined = {
            name: (array, _attributes(array))
            for name, array in item_arrays(values)
            if name not in NEVER_REFINED
        }
        update_item_arrays(draft, item_path(SOURCE, _item_name(path)), refined)
    if "species/network.npy" not in state:
        return
    path = find_species(draft, SPECIES)
    set_maps(draft, path, half_maps=_half_maps(state))
    set_network(draft, path, dict(network_arrays(state["species/network.npy"])))
    rows = draft.array(f"{path}/particles/source_row").read()
    for name, values in (("position", _vectors(state, "xyz")), ("angles", _angles(state))):
        draft.set_array(f"{path}/particles/{name}", values[rows])
    for name in ("score", "weight"):
        node = f"{path}/particles/columns/{component(name)}"
        values = state[f"species/columns/{name}.npy"][rows]
        draft.set_array(node, values, attributes={"name": name})


def _attributes(array: np.ndarray) -> dict[str, object]:
    return {"margins": ["0", "0", "0"]} if array.ndim > 2 else {}


def _item_name(path: str) -> str:
    return re.sub(r"^items/|\.npy$", "", path)


def _half_maps(state: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return state["species/half_map_1.npy"], state["species/half_map_2.npy"]


def _vectors(state: dict[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Three columns as `(n, 1, 3)`."""
    return np.stack([state[f"species/columns/{name}.npy"] for name in names], axis=-1)[:, None]


def _angles(state: dict[str, np.ndarray]) -> np.ndarray:
    return _vectors(state, ("rot", "tilt", "psi"))


def _particles(state: dict[str, np.ndarray], items: Sequence[str]) -> ParticleColumns:
    columns = {name: state[f"species/columns/{name}.npy"] for name in ("score", "weight")}
    fixed = {name: state[f"species/columns/{name}.npy"] for name in FIXED_COLUMNS}
    half_sets = fixed.pop("half_set").astype(np.uint8)
    return build_particles(
        TABLE,
        positions=_vectors(state, "xyz"),
        angles=_angles(state),
        half_sets=half_sets,
        item_ids=[items[row % len(items)] for row in range(len(half_sets))],
        passthrough={**columns, **fixed},
    )


def _rates(repository: Repository) -> dict[str, float]:
    """GB per CPU second: level 2 over the segments, and BLAKE3 alone over the same files."""
    names = repository.chunks.segments()
    paths = [repository.chunks.catalogue.segment_path(name) for name in names]
    total = sum(os.path.getsize(path) for path in paths)
    begin = time.process_time()
    findings = [each for name in names for each in check_stored(repository.chunks, name)]
    level_2 = time.process_time() - begin
    if findings:
        raise SystemExit(f"damaged: {findings[0]}")
    buffer = memoryview(bytearray(BLOCK_BYTES))
    begin = time.process_time()
    for path in paths:
        with open(path, "rb", buffering=0) as stream:
            while length := stream.readinto(buffer):
                RawDigest.of(buffer[:length])
    alone = time.process_time() - begin
    return {"level_2_gb_per_s": total / level_2 / 1e9, "blake3_gb_per_s": total / alone / 1e9}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
