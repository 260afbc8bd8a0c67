"""Git objects of one bare repository: read with their SHA-1 checked, written as packs.

An object id is a plain string of 40 hexadecimal digits; a kind is 'commit', 'tree', 'blob' or
'tag'. One writer call makes one pack; plain Git reads it, and what plain Git made (loose objects,
packs with deltas) is read here. Nothing is ever changed or deleted.
"""

import os
import re

from mgit.errors import Corrupt, NotFound, Refused, StorageFailed, Unsupported
from mgit.history.commit_cache import CommitCache
from mgit.history.commits import is_object_id, object_id
from mgit.history.packfile import (
    KINDS,
    OBJECT_BYTES_MAX,
    PackFile,
    by_id,
    encode_pack,
    inflate,
)

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mgit.errors import MgitError
    from mgit.history.git_tree import Entry
    from mgit.history.packfile import NewObjects
    from mgit.store.files import Files

__all__ = ["GitObjects", "ObjectReader", "PendingObjects"]

_PREFIX = re.compile(r"[0-9a-f]{4,40}", re.ASCII)
_PREFIX_DIGITS_MIN = 4
_CANDIDATES_SHOWN = 8
_LOOSE_HEADER = re.compile(rb"(commit|tree|blob|tag) ([0-9]{1,12})\0")


class ObjectReader:
    """What reads Git objects by id: a repository's, or those together with some not stored yet."""

    __slots__ = ()

    def read(self, name: str) -> "tuple[str, bytes]":
        """Kind and content of an object. Raises NotFound or Corrupt."""
        raise NotImplementedError

    def read_as(self, kind: str, name: str) -> bytes:
        """Content of an object that has to be of one kind. Raises NotFound or Corrupt."""
        stored, content = self.read(name)
        if stored != kind:
            raise Corrupt(f"a Git object is a {stored} where a {kind} is wanted", object=name)
        return content

    def read_tree(self, name: str) -> "Mapping[str, Entry]":
        """Entries of a tree object. Raises NotFound or Corrupt."""
        from mgit.history.git_tree import parse_tree  # deferred: imports typing

        return parse_tree(self.read_as("tree", name), name)


class PendingObjects(ObjectReader):
    """Stored objects together with new ones that no pack holds yet.

    trees: entries of new trees, where the caller has them, by id.
    """

    __slots__ = ("_new", "_stored", "_trees")

    def __init__(
        self,
        stored: "GitObjects",
        new: "NewObjects",
        *,
        trees: "Mapping[str, Mapping[str, Entry]] | None" = None,
    ) -> None:
        """new: objects by their ids, or in any order without (their ids are computed then)."""
        self._stored = stored
        self._trees = trees or {}
        self._new = by_id(new)

    def read_tree(self, name: str) -> "Mapping[str, Entry]":
        """Entries of a tree, new or stored. Raises NotFound or Corrupt."""
        known = self._trees.get(name)
        return super().read_tree(name) if known is None else known

    def read(self, name: str) -> "tuple[str, bytes]":
        """Kind and content of an object, new or stored. Raises NotFound or Corrupt."""
        return self._new.get(name) or self._stored.read(name)


class GitObjects(ObjectReader):
    """The object database under `git_dir`/objects, with raw commits kept in `cache_dir`."""

    __slots__ = ("_cache", "_files", "_packs", "cache_dir", "git_dir")

    def __init__(self, git_dir: str, files: "Files", cache_dir: str) -> None:
        self.git_dir = git_dir
        self.cache_dir = cache_dir
        self._files = files
        self._cache = CommitCache(os.path.join(cache_dir, "commits"))
        self._packs: list[PackFile] | None = None

    def read(self, name: str) -> "tuple[str, bytes]":
        """Kind and content of an object.

        Raises NotFound if it is absent, Corrupt if what is stored does not have this SHA-1.
        """
        found = self._stored(name)
        if found is None:
            self.refresh()
            found = self._stored(name)
        if found is None:
            raise self._absent(name)
        if object_id(*found) != name:
            raise Corrupt("a Git object does not have the SHA-1 that names it", object=name)
        return found

    def read_commit(self, name: str) -> bytes:
        """Raw content of a commit, from the cache if it has it. Raises NotFound or Corrupt."""
        raw = self._cache.get(name)
        if raw is None:
            raw = self.read_as("commit", name)
            self._cache.add([raw])
        return raw

    def __contains__(self, name: str) -> bool:
        if self._locate(name) is not None or os.path.exists(self._loose_path(name)):
            return True
        self.refresh()
        return self._locate(name) is not None

    def write_pack(self, objects: "NewObjects") -> "str | None":
        """Store (kind, content) pairs durably as one pack; its path without ending, None if empty.

        The pack is in place before its index, so that no reader finds a name without its object.
        Raises StorageFailed, DiskFull or ReadOnlyStorage; then nothing refers to what was written.
        """
        stored = by_id(objects)
        if not stored:
            return None
        name, pack, index = encode_pack(stored)
        directory = self._pack_directory()
        if not self._files.exists(directory):
            self._files.make_directory(directory)
        path = os.path.join(directory, name)
        self._files.write_new(path + ".pack", [pack])
        self._files.write_new(path + ".idx", [index])
        if self._packs is not None and all(known.path != path for known in self._packs):
            self._packs.insert(0, PackFile(path))
        self._cache.add(content for kind, content in stored.values() if kind == "commit")
        return path

    def resolve_prefix(self, prefix: str, *, kind: "str | None" = None) -> str:
        """The full id of the only object whose id begins with `prefix`.

        prefix: 4 to 40 hexadecimal digits. kind: consider objects of this kind only.
        Raises NotFound if there is none and Refused, naming them, if there are several.
        """
        prefix = prefix.lower()
        if not _PREFIX.fullmatch(prefix):
            raise NotFound("not an abbreviated object id", id=prefix, digits_min=_PREFIX_DIGITS_MIN)
        self.refresh()
        names = {name for pack in self._known_packs() for name in pack.with_prefix(prefix)}
        names.update(name for name in self._loose_names(prefix[:2]) if name.startswith(prefix))
        candidates = sorted(names)
        if kind is not None:
            candidates = [name for name in candidates if self.read(name)[0] == kind]
        if not candidates:
            raise NotFound("no object has an id that begins like this", id=prefix)
        if len(candidates) > 1:
            shown = ", ".join(
                name[: max(12, len(prefix) + 4)] for name in candidates[:_CANDIDATES_SHOWN]
            )
            raise Refused(
                "an abbreviated id is ambiguous",
                id=prefix,
                candidates=shown,
                hint="write more digits of the id",
            )
        return candidates[0]

    def all_ids(self) -> "Iterator[str]":
        """Id of every stored object, each once, sorted."""
        self.refresh()
        names = {name for pack in self._known_packs() for name in pack.with_prefix("")}
        for value in range(256):
            names.update(self._loose_names(f"{value:02x}"))
        yield from sorted(names)

    def packs(self) -> "tuple[PackFile, ...]":
        """Every pack that has an index."""
        self.refresh()
        return tuple(self._known_packs())

    def refresh(self) -> None:
        """See packs that other processes have added or removed."""
        known = {pack.path: pack for pack in self._packs or ()}
        paths = _pack_paths(self._pack_directory())
        self._packs = [known.get(path) or PackFile(path) for path in paths]

    def _known_packs(self) -> "list[PackFile]":
        if self._packs is None:
            self.refresh()
        assert self._packs is not None
        return self._packs

    def _locate(self, name: str) -> "tuple[PackFile, int] | None":
        if not is_object_id(name):
            raise NotFound("not a full object id", id=name)
        raw = bytes.fromhex(name)
        packs = self._known_packs()
        for place, pack in enumerate(packs):
            try:
                offset = pack.find(raw)
            except FileNotFoundError:
                continue  # Plain Git repacked; `read` lists the packs again before it gives up.
            except (Corrupt, Unsupported):
                continue  # Other packs may have it; who finds it nowhere says so in `_absent`.
            except OSError as error:
                raise StorageFailed("a pack index cannot be read", pack=pack.path) from error
            if offset is not None:
                if place:
                    # Objects of one tree lie in few packs: the next look-up begins with this one.
                    packs.insert(0, packs.pop(place))
                return pack, offset
        return None

    def _absent(self, name: str) -> "MgitError":
        """Why an object is nowhere: a pack whose index cannot be read may hold it."""
        for pack in self._known_packs():
            try:
                pack.find(bytes.fromhex(name))
            except (Corrupt, Unsupported) as error:
                return type(error)(
                    f"a Git object is in no pack that can be read: {error.message}",
                    object=name,
                    pack=pack.path,
                )
        return NotFound("a Git object is missing", object=name)

    def _stored(self, name: str) -> "tuple[str, bytes] | None":
        located = self._locate(name)
        try:
            if located is not None:
                pack, offset = located
                return pack.read(offset)
            with open(self._loose_path(name), "rb") as file:
                return _loose(file.read(), name)
        except FileNotFoundError:
            return None
        except Corrupt as error:
            where = {key: error.fields.get(key) for key in ("file", "pack", "offset")}
            raise Corrupt(error.message, hint=None, object=name, **where) from error
        except OSError as error:
            raise StorageFailed("a Git object cannot be read", object=name) from error

    def _pack_directory(self) -> str:
        return os.path.join(self.git_dir, "objects", "pack")

    def _loose_path(self, name: str) -> str:
        return os.path.join(self.git_dir, "objects", name[:2], name[2:])

    def _loose_names(self, first: str) -> "Iterator[str]":
        try:
            listing = os.listdir(os.path.join(self.git_dir, "objects", first))
        except FileNotFoundError:
            return
        yield from (first + rest for rest in listing if is_object_id(first + rest))


def _pack_paths(directory: str) -> "list[str]":
    try:
        listing = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageFailed("the packs cannot be listed", directory=directory) from error
    names = set(listing)
    return sorted(
        os.path.join(directory, name[:-4])
        for name in names
        if name.endswith(".idx") and name[:-4] + ".pack" in names
    )


def _loose(data: bytes, name: str) -> "tuple[str, bytes]":
    import zlib  # deferred with its only use outside packs

    decoder = zlib.decompressobj()
    try:
        head = decoder.decompress(data, 32)
    except zlib.error as error:
        raise Corrupt("a loose Git object does not inflate", object=name) from error
    match = _LOOSE_HEADER.match(head)
    if match is None or int(match[2]) > OBJECT_BYTES_MAX:
        raise Corrupt("a loose Git object has a malformed header", object=name)
    kind = match[1].decode()
    assert kind in KINDS
    return kind, inflate(data, match.end() + int(match[2]), name)[match.end() :]
