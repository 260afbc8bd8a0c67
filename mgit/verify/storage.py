"""Levels 1 and 2: segments, index files, the presence of every chunk, the stored bytes."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from mgit.digest import ChunkId, SegmentId
from mgit.store.arrays import ArrayManifest
from mgit.store.checks import StoreFinding, check_index, check_segment_structure, check_stored
from mgit.store.chunks import ChunkStore
from mgit.verify.damage import ANY_CHUNK, DamageLedger, Key
from mgit.verify.findings import Coverage, Finding, Level
from mgit.verify.graph import Place

__all__ = ["check_presence", "check_stored_bytes", "check_structure"]

REINDEX = "'mgit fsck --repair' makes the index again; nothing is lost"


def check_structure(store: ChunkStore, ledger: DamageLedger) -> None:
    """Level 1: footers, gaps and headers of all segments; every index file against the footers."""
    with ledger.watch(ANY_CHUNK, level=Level.PRESENCE, kind="store", subject="store"):
        for segment in store.segments():
            _report(ledger, check_segment_structure(store, segment), Level.PRESENCE)
        for name in store.catalogue.index_names():
            _report(ledger, check_index(store, name), Level.PRESENCE)


def check_presence(
    store: ChunkStore,
    arrays: Iterable[tuple[ArrayManifest, Place]],
    ledger: DamageLedger,
    coverage: Coverage,
) -> None:
    """Level 1: some segment holds every chunk that an array names; each is looked for once."""
    known: dict[ChunkId, bool] = {}
    for manifest, place in arrays:
        for _, chunk in manifest.stored():
            if chunk not in known:
                known[chunk] = chunk in store
                coverage.chunks += 1
            if known[chunk] or ledger.blame(("chunk", str(chunk)), place.subject):
                continue
            if not ledger.blame(ANY_CHUNK, f"{place.subject}: {chunk} is not found"):
                finding = Finding(
                    level=Level.PRESENCE,
                    kind="chunk-missing",
                    subject=f"chunk {chunk}",
                    message=f"no segment holds a chunk of {place.subject}",
                    commit=place.commit,
                )
                ledger.add(finding, ("chunk", str(chunk)))


def check_stored_bytes(
    store: ChunkStore,
    ledger: DamageLedger,
    coverage: Coverage,
    *,
    advance: Callable[[int], None],
) -> None:
    """Level 2: hash every stored byte of every segment, several segments at once."""

    def check(segment: SegmentId) -> tuple[list[StoreFinding], int]:
        path = store.catalogue.segment_path(segment)
        size = os.path.getsize(path) if os.path.exists(path) else 0
        return list(check_stored(store, segment)), size

    with ThreadPoolExecutor(store.threads) as pool:
        for found, size in pool.map(check, store.segments()):
            _report(ledger, found, Level.STORED)
            coverage.bytes_read += size
            advance(size)


def _report(ledger: DamageLedger, found: Iterable[StoreFinding], level: Level) -> None:
    for each in found:
        of_index = each.kind.startswith("index-")
        of_segment = each.kind in ("segment-unreadable", "segment-footer")
        keys: list[Key] = []
        if each.chunk is not None and not of_index:
            keys.append(("chunk", str(each.chunk)))
        if of_segment:
            keys.append(ANY_CHUNK)
        finding = Finding(
            level=Level.PRESENCE if of_segment else level,
            kind=each.kind,
            subject=_subject(each),
            message=each.message,
            severity="suspect" if of_index else "corrupt",
            hint=REINDEX if of_index else None,
        )
        ledger.add(finding, *keys)


def _subject(found: StoreFinding) -> str:
    if found.segment is None:
        return f"store/index/{found.message.partition(':')[0]}"
    segment = f"store/segments/{found.segment.hex}.seg"
    return segment if found.chunk is None else f"{found.chunk} in {segment}"
