"""The digests that a commit's trailers claim: the root over every file, the state over every item.

Definitions: docs/format/graph.md, section 6. Both are BLAKE3 over content, so trust in a commit
does not rest on Git's SHA-1. A cache makes a small change to a large population cheap: it says
what was computed before for a Git tree; `verify` computes without it.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Protocol

from mgit.digest import BlobDigest, RootDigest, StateDigest
from mgit.errors import Corrupt, InvalidState
from mgit.history.cache_file import append, entries
from mgit.history.git_tree import Entry
from mgit.history.objects import ObjectReader
from mgit.history.paths import ARRAY_CHUNKS, MAX_DEPTH, METADATA, join
from mgit.history.tree_view import parse_metadata

__all__ = [
    "DigestMemo",
    "DigestTable",
    "MerkleCache",
    "item_states",
    "population_state",
    "root_digest",
    "species_states",
    "state_digest",
    "tree_digest",
]

_KEY_BYTES = 20
_DIGEST_BYTES = 32
_NEWEST_BYTES = 4 * 1024 * 1024
"""How much of a cache file is read: some 60,000 directories; what is older is computed again."""

_FILE_BYTES_MAX = 64 * 1024 * 1024


class DigestTable(Protocol):
    """What was computed for a Git tree."""

    def get(self, tree: str) -> bytes | None:
        """The value for a tree id, or None."""
        ...

    def put(self, tree: str, value: bytes) -> None:
        """Keep the value for a tree id."""
        ...


class DigestMemo(Protocol):
    """Digests by Git tree id: a cache on disk, or what one run has computed itself.

    `roots`: the root digest of a directory. `states`: of a fan-out directory of items, their
    state digests, concatenated.
    """

    @property
    def roots(self) -> DigestTable:
        """Root digests of directories."""
        ...

    @property
    def states(self) -> DigestTable:
        """State digests of the items below fan-out directories."""
        ...


class MerkleCache:
    """Digests by Git tree id, kept in two throw-away files of a directory.

    `roots`: tree id -> root digest of that directory. `states`: id of a fan-out directory of
    items -> the items' state digests, concatenated. New values are written by `flush`.
    """

    def __init__(self, directory: str) -> None:
        self.roots = _CacheFile(os.path.join(directory, "roots"))
        self.states = _CacheFile(os.path.join(directory, "states"))

    def flush(self) -> None:
        """Append what was computed since the last call. Storage that refuses is left as it is."""
        self.roots.flush()
        self.states.flush()


class _CacheFile:
    def __init__(self, path: str) -> None:
        self._path = path
        self._known: dict[bytes, bytes] | None = None
        self._new: list[bytes] = []

    def get(self, tree: str) -> bytes | None:
        if self._known is None:
            self._known = {
                payload[:_KEY_BYTES]: payload[_KEY_BYTES:]
                for payload in entries(self._path, newest_bytes=_NEWEST_BYTES)
                if len(payload) % _DIGEST_BYTES == _KEY_BYTES
            }
        return self._known.get(bytes.fromhex(tree))

    def put(self, tree: str, value: bytes) -> None:
        key = bytes.fromhex(tree)
        if self._known is not None:
            self._known[key] = value
        self._new.append(key + value)

    def flush(self) -> None:
        new, self._new = self._new, []
        try:
            if os.stat(self._path).st_size > _FILE_BYTES_MAX:
                os.unlink(self._path)
        except OSError:
            pass  # No file yet, or storage that cannot be written: `append` finds out.
        append(self._path, new)


def tree_digest(objects: ObjectReader, tree: str, *, cache: DigestMemo | None = None) -> RootDigest:
    """Merkle digest over every name and every byte of a stored tree.

    With a cache only directories that it does not know are read. Raises NotFound or Corrupt.
    """
    return _directory_digest(objects, tree, cache, 0)


def root_digest(tree: RootDigest, parents: Iterable[RootDigest]) -> RootDigest:
    """Digest of a commit's tree and of its parents' roots, in the order of the parents."""
    roots = [str(parent) for parent in parents]
    return RootDigest.of_record({"format": 1, "parents": roots, "tree": str(tree)})


def state_digest(
    objects: ObjectReader, tree: str, *, cache: DigestMemo | None = None
) -> StateDigest:
    """Scientific identity of the population in a stored tree, from the recorded item states.

    Raises InvalidState if an item or a species records no state, NotFound or Corrupt.
    """
    return population_state(item_states(objects, tree, cache=cache), species_states(objects, tree))


def population_state(items: Iterable[StateDigest], species: Iterable[StateDigest]) -> StateDigest:
    """Digest of the state digests of all items and of all species; their order does not matter."""
    record = {
        "format": 1,
        "items": sorted(str(state) for state in items),
        "species": sorted(str(state) for state in species),
    }
    return StateDigest.of_record(record)


def item_states(
    objects: ObjectReader, tree: str, *, cache: DigestMemo | None = None
) -> list[StateDigest]:
    """Recorded state digest of every item of every source, sorted, repeated where items agree."""
    states: list[bytes] = []
    for source, entry in _below(objects, tree, "sources"):
        for fan, directory in _below(objects, entry.name, "items"):
            where = join("sources", source, "items", fan)
            packed = cache.states.get(directory.name) if cache else None
            if packed is None:
                packed = _fan_states(objects, directory.name, where)
                if cache:
                    cache.states.put(directory.name, packed)
            starts = range(0, len(packed), _DIGEST_BYTES)
            states += [packed[start : start + _DIGEST_BYTES] for start in starts]
    return [StateDigest(state) for state in sorted(states)]


def species_states(objects: ObjectReader, tree: str) -> list[StateDigest]:
    """Recorded state digest of every species, sorted."""
    found = _below(objects, tree, "species")
    return sorted(_state(objects, entry.name, join("species", name)) for name, entry in found)


def _directory_digest(
    objects: ObjectReader, tree: str, cache: DigestMemo | None, depth: int
) -> RootDigest:
    known = cache.roots.get(tree) if cache else None
    if known is not None and len(known) == _DIGEST_BYTES:
        return RootDigest(known)
    if depth > MAX_DEPTH:
        raise Corrupt("a tree is deeper than any that mgit writes", tree=tree)
    listing = _tree(objects, tree)
    lines = []
    for name, entry in sorted(listing.items()):
        if entry.is_tree:
            below = _directory_digest(objects, entry.name, cache, depth + 1)
            lines.append(f'["{name}","tree","{below}"]')
        else:
            content = objects.read_as("blob", entry.name)
            lines.append(f'["{name}","blob","{BlobDigest.of(content)}"]')
    # The canonical bytes of {"entries": lines}: no name of the grammar needs an escape in JSON.
    digest = RootDigest.of(f'{{"entries":[{",".join(lines)}]}}'.encode("ascii"))
    # An array's two small files cost no more than its entry in the cache would.
    if cache and ARRAY_CHUNKS not in listing:
        cache.roots.put(tree, digest.raw)
    return digest


def _fan_states(objects: ObjectReader, tree: str, where: str) -> bytes:
    return b"".join(
        _state(objects, entry.name, join(where, name)).raw
        for name, entry in _tree(objects, tree).items()
        if entry.is_tree
    )


def _state(objects: ObjectReader, tree: str, path: str) -> StateDigest:
    metadata = _tree(objects, tree).get(METADATA)
    if metadata is None or metadata.is_tree:
        raise Corrupt("a directory of the tree has no zarr.json", path=path)
    record = parse_metadata(objects.read_as("blob", metadata.name), "group", path)
    state = record["attributes"].get("state")
    if state is None:
        raise InvalidState("an item or species records no state digest", path=path)
    try:
        return StateDigest.parse(state)
    except (ValueError, TypeError, AttributeError) as error:
        raise Corrupt("an item or species records a malformed state digest", path=path) from error


def _below(objects: ObjectReader, tree: str, name: str) -> list[tuple[str, Entry]]:
    entry = _tree(objects, tree).get(name)
    if entry is None or not entry.is_tree:
        return []
    return [pair for pair in _tree(objects, entry.name).items() if pair[1].is_tree]


def _tree(objects: ObjectReader, tree: str) -> Mapping[str, Entry]:
    return objects.read_tree(tree)
