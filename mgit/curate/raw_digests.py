"""Digests of raw files: quick at once, full in its own time (docs/format/v1.md, section 7).

A full digest is plain BLAKE3 of the file, as `b3sum` prints it. A quick digest covers the size, the
first and last MiB and 64 sampled MiB, so that ten terabytes do not block an import; it identifies a
file but does not prove it. Files of at most 66 MiB are read whole and get a full digest at once.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from mgit.digest import Hasher, RawDigest, canonical_bytes
from mgit.errors import InvalidInput, NotFound, StorageFailed
from mgit.store.files import Files

__all__ = ["DigestCache", "FileDigest", "digest_file", "digest_files"]

MEBIBYTE = 1 << 20
SAMPLED_BLOCKS = 64
QUICK_BYTES_MIN = (SAMPLED_BLOCKS + 2) * MEBIBYTE
READ_BYTES = 8 * MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """What is known of one raw file's content."""

    size_bytes: int
    quick: str
    """`b3:<hex>` of the quick digest; of a small file, the full digest again."""
    full: str | None
    """`b3:<hex>` of the whole file, or None when only the quick digest was computed."""
    stamp: str = field(default="", compare=False)
    """Size, mtime and inode of the file when it was read; empty if it was not read here."""


class DigestCache:
    """Digests already computed on this machine, keyed by path, size, mtime and inode.

    It may be deleted at any time; `source hash --again` and `verify --raw` ignore it.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self._entries: dict[str, dict[str, str | int]] = {}
        self._changed = False
        if path.exists():
            self._entries = _checked_entries(path.read_bytes())

    def find(self, path: Path) -> FileDigest | None:
        """The digest of `path` if the file has not changed since it was computed."""
        entry = self._entries.get(str(path.resolve()))
        if entry is None or entry.get("stamp") != _stamp(path.stat()):
            return None
        full = entry.get("full")
        return FileDigest(
            size_bytes=int(entry["size"]),
            quick=str(entry["quick"]),
            full=str(full) if full else None,
        )

    def remember(self, path: Path, digest: FileDigest) -> None:
        """Keep the digest for the file as it was read: one that changed since is read again."""
        entry: dict[str, str | int] = {
            "stamp": digest.stamp,
            "size": digest.size_bytes,
            "quick": digest.quick,
        }
        if digest.full is not None:
            entry["full"] = digest.full
        self._entries[str(path.resolve())] = entry
        self._changed = True

    def save(self) -> None:
        """Write the cache if anything was added."""
        if self._changed:
            entries = canonical_bytes(self._entries)
            self._files.replace(str(self._path), entries + b"\n" + _checksum(entries))
            self._changed = False


def _checked_entries(content: bytes) -> dict[str, dict[str, str | int]]:
    """The entries of a cache file; none if its checksum or form is wrong.

    A digest from here is recorded in commits, so a flipped bit must not pass. Losing the cache
    costs a second reading of the files and nothing else.
    """
    entries, _, checksum = content.rpartition(b"\n")
    if checksum != _checksum(entries):
        return {}
    loaded: dict[str, dict[str, str | int]] = json.loads(entries)
    return loaded


def _checksum(entries: bytes) -> bytes:
    return str(RawDigest.of(entries)).encode()


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def digest_file(
    path: Path, *, complete: bool, advance: Callable[[int], None] = lambda _size_bytes: None
) -> FileDigest:
    """Digest one file; `complete` asks for the full digest whatever the size.

    `advance` is called with the number of bytes just read. Raises InvalidInput when the file
    changes while it is read, NotFound when it is absent, StorageFailed when it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            before = os.fstat(stream.fileno())
            small = before.st_size <= QUICK_BYTES_MIN
            full: str | None = None
            if complete or small:
                hasher = Hasher(RawDigest)
                while block := stream.read(READ_BYTES):
                    hasher.update(block)
                    advance(len(block))
                full = str(hasher.finish())
            quick = (
                full
                if small and full is not None
                else _quick_digest(stream, before.st_size, advance)
            )
            after = os.fstat(stream.fileno())
    except FileNotFoundError as error:
        raise NotFound(
            "raw file is missing", file=path, hint="link the source to the directory that holds it"
        ) from error
    except OSError as error:
        raise StorageFailed(
            "a raw file cannot be read",
            file=path,
            reason=error.strerror,
            hint="check its permissions and its disk",
        ) from error
    if _stamp(before) != _stamp(after):
        raise InvalidInput(
            "raw file changed while it was read", file=path, hint="repeat when it is at rest"
        )
    return FileDigest(size_bytes=before.st_size, quick=quick, full=full, stamp=_stamp(after))


def _quick_digest(
    stream: "os.PathLike[str] | object", size_bytes: int, advance: Callable[[int], None]
) -> str:
    import io

    import blake3

    assert isinstance(stream, io.BufferedReader)
    hasher = blake3.blake3(derive_key_context="mgit quick v1")
    hasher.update(size_bytes.to_bytes(8, "little"))
    last_start = max(0, size_bytes - MEBIBYTE)
    starts = [
        0,
        *(index * last_start // (SAMPLED_BLOCKS + 1) for index in range(1, SAMPLED_BLOCKS + 1)),
        last_start,
    ]
    for start in starts:
        stream.seek(start)
        block = stream.read(MEBIBYTE)
        hasher.update(block)
        advance(len(block))
    return f"b3:{hasher.hexdigest()}"


class _GivenUp(Exception):
    """Ends the reading of a file whose digest nobody waits for any more."""


def digest_files(
    paths: Iterable[Path],
    cache: DigestCache,
    *,
    complete: bool,
    threads: int = 2,
    again: bool = False,
    advance: Callable[[int], None] = lambda _size_bytes: None,
) -> Mapping[Path, FileDigest]:
    """Digest many files in parallel, taking from the cache what has not changed.

    `again` ignores the cache. The cache is saved also when a file fails, so that an interrupted
    run goes on where it stopped; files that are being read then are given up at their next block.
    """
    stop = Event()

    def count(size_bytes: int) -> None:
        if stop.is_set():
            raise _GivenUp
        advance(size_bytes)

    found: dict[Path, FileDigest] = {}
    pending: list[Path] = []
    for path in dict.fromkeys(paths):
        known = None if again or not path.exists() else cache.find(path)
        if known is not None and (known.full is not None or not complete):
            found[path] = known
        else:
            pending.append(path)
    try:
        with ThreadPoolExecutor(max_workers=threads) as pool:
            running = {
                pool.submit(digest_file, path, complete=complete, advance=count): path
                for path in pending
            }
            try:
                for done in as_completed(running):
                    found[running[done]] = done.result()
            finally:
                stop.set()  # nobody reads any more unless a file failed or the user interrupted
                pool.shutdown(wait=True, cancel_futures=True)
                for done, path in running.items():
                    if not done.cancelled() and done.exception() is None:
                        cache.remember(path, done.result())
    finally:
        cache.save()
    return found
