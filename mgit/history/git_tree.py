"""Git tree objects under mgit's rules: two modes, one grammar of names, no look-alikes."""

from collections.abc import Mapping
from typing import NamedTuple

from mgit.errors import Corrupt
from mgit.history.paths import ARRAY_CHUNKS, METADATA, RESERVED, colliding, name_fault

__all__ = ["Entry", "format_tree", "parse_tree"]

_TREE_MODE = b"40000"
_BLOB_MODE = b"100644"
_HASH_BYTES = 20

# An array's directory, which most trees are: its two files and nothing else.
_CHUNKS = b"100644 chunks\0"
_CHUNKS_END = len(_CHUNKS) + _HASH_BYTES
_METADATA = b"100644 zarr.json\0"
_ARRAY_BYTES = _CHUNKS_END + len(_METADATA) + _HASH_BYTES


class Entry(NamedTuple):
    """What a directory says of one name: a directory or a file, and the object's id."""

    is_tree: bool
    name: str
    """Id of the tree or blob object, 40 hexadecimal digits."""


def parse_tree(raw: bytes, tree: str) -> dict[str, Entry]:
    """Entries of a Git tree object by name, in Git's order.

    tree: the object's id, for messages. Raises Corrupt for modes other than 40000 and 100644,
    names outside the grammar, look-alikes of zarr.json and chunks, names that are equal or differ
    in case only, and wrong order.
    """
    if (
        len(raw) == _ARRAY_BYTES
        and raw.startswith(_CHUNKS)
        and raw.startswith(_METADATA, _CHUNKS_END)
    ):
        chunks, metadata = raw[len(_CHUNKS) : _CHUNKS_END], raw[-_HASH_BYTES:]
        return {ARRAY_CHUNKS: Entry(False, chunks.hex()), METADATA: Entry(False, metadata.hex())}
    entries: dict[str, Entry] = {}
    position = 0
    last = b""
    while position < len(raw):
        space = raw.find(b" ", position, position + 8)
        end = raw.find(b"\0", position)
        stop = end + 1 + _HASH_BYTES
        if space < 0 or end < space or stop > len(raw):
            raise Corrupt("a Git tree is malformed", tree=tree)
        mode, name = raw[position:space], raw[space + 1 : end]
        if mode not in (_TREE_MODE, _BLOB_MODE):
            raise Corrupt(
                "a Git tree holds something else than files and directories", tree=tree, mode=mode
            )
        text = name.decode("utf-8", "replace")
        fault = name_fault(text)
        if fault is not None:
            raise Corrupt(
                f"a Git tree holds a name that is not allowed: {fault}", tree=tree, name=text
            )
        if text.lower() in RESERVED and (text not in RESERVED or mode == _TREE_MODE):
            raise Corrupt(
                "a Git tree holds a look-alike of a file of the format", tree=tree, name=text
            )
        key = _sort_key(name, is_tree=mode == _TREE_MODE)
        if key <= last or text in entries:
            raise Corrupt("a Git tree is not sorted or holds a name twice", tree=tree, name=text)
        entries[text] = Entry(mode == _TREE_MODE, raw[end + 1 : stop].hex())
        last = key
        position = stop
    pair = colliding(entries)
    if pair is not None:
        raise Corrupt(
            "a Git tree holds two names that differ in case only", tree=tree, name=pair[1]
        )
    return entries


def format_tree(entries: Mapping[str, Entry]) -> bytes:
    """The content of a Git tree object. The names are taken as valid (mgit.history.paths)."""
    # Git compares a directory's name as if it ended in '/'; ASCII sorts alike as str and bytes.
    ordered = sorted(
        (name + "/" if entry[0] else name, name, entry) for name, entry in entries.items()
    )
    return b"".join(
        b"%s %s\0%s"
        % (_TREE_MODE if is_tree else _BLOB_MODE, name.encode(), bytes.fromhex(object_name))
        for _, name, (is_tree, object_name) in ordered
    )


def _sort_key(name: bytes, *, is_tree: bool) -> bytes:
    # Git compares a directory's name as if it ended in '/'.
    return name + b"/" if is_tree else name
