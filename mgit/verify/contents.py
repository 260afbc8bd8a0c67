"""Level 3: every array decodes to what its manifest, its ids and the schema say."""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mgit.errors import InvalidState
from mgit.history.repository import Repository
from mgit.state.names import owner_of
from mgit.state.schema import (
    ITEM_ARRAYS,
    PARTICLE_COLUMNS,
    SPECIES_ARRAYS,
    ArraySchema,
    array_schema,
    validate_array,
)
from mgit.store.arrays import ArrayManifest, content_digest, read_array
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage, Finding, Level
from mgit.verify.graph import Place

__all__ = ["check_arrays"]

BATCH_BYTES = 1 << 20
BATCH_ARRAYS = 128


def check_arrays(
    repository: Repository,
    arrays: Mapping[str, tuple[ArrayManifest, Place]],
    ledger: DamageLedger,
    coverage: Coverage,
    *,
    advance: Callable[[int], None],
) -> None:
    """Decode every distinct array once, several at a time.

    The store checks stored digests and logical ids; here come the lengths, the content digest,
    and type, axes and finite values where the schema knows the array.
    """
    lock = threading.Lock()

    def check(batch: list[tuple[ArrayManifest, Place]]) -> int:
        decoded = read_bytes = 0
        for manifest, place in batch:
            with ledger.watch(
                ("path", place.path),
                level=Level.CONTENT,
                kind="array-content",
                subject=place.subject,
            ):
                values = read_array(repository.chunks.get, manifest, threads=1)
                decoded += 1
                read_bytes += values.nbytes
                _check_values(values, manifest, place, ledger)
        with lock:
            coverage.arrays_decoded += decoded
            coverage.bytes_read += read_bytes
        return len(batch)

    with ThreadPoolExecutor(repository.chunks.threads) as pool:
        for done in pool.map(check, _batches(arrays.values())):
            advance(done)


def _batches(
    arrays: Iterable[tuple[ArrayManifest, Place]],
) -> Iterator[list[tuple[ArrayManifest, Place]]]:
    """Small arrays together: handing one to a thread costs more than decoding it."""
    batch: list[tuple[ArrayManifest, Place]] = []
    waiting_bytes = 0
    for manifest, place in arrays:
        batch.append((manifest, place))
        waiting_bytes += math.prod(manifest.shape) * manifest.dtype.itemsize
        if waiting_bytes >= BATCH_BYTES or len(batch) == BATCH_ARRAYS:
            yield batch
            batch, waiting_bytes = [], 0
    if batch:
        yield batch


def _check_values(
    values: np.ndarray, manifest: ArrayManifest, place: Place, ledger: DamageLedger
) -> None:
    if content_digest(values) != manifest.content:
        finding = Finding(
            level=Level.CONTENT,
            kind="content-digest",
            subject=place.subject,
            message="the values do not have the content digest that the manifest records",
            commit=place.commit,
        )
        ledger.add(finding, ("path", place.path))
    schema = _schema(place.path)
    if schema is None:
        return
    try:
        validate_array(schema, values, owner=owner_of(place.path) or "", array=schema.name)
    except InvalidState as error:
        finding = Finding(
            level=Level.CONTENT,
            kind="array-form",
            subject=place.subject,
            message=str(error),
            severity="suspect",
            commit=place.commit,
        )
        ledger.add(finding)


def _schema(path: str) -> ArraySchema | None:
    """The description of the array at `path`; None where any array may stand."""
    owner = owner_of(path)
    if owner is None:
        return None
    rest = path[len(owner) + 1 :].split("/")
    of_item = owner.startswith("sources/")
    if len(rest) == 1:
        return array_schema(ITEM_ARRAYS if of_item else SPECIES_ARRAYS, rest[0])
    if len(rest) == 2 and rest[0] == "particles" and not of_item:
        return array_schema(PARTICLE_COLUMNS, rest[1])
    return None
