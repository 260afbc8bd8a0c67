"""Branches, tags and HEAD as Git keeps them on disk (docs/format/history.md, section 2).

A ref names a commit or an annotated tag; refs and HEAD are the only mutable state of a
repository. This module reads and swaps them; `mgit.history.operations` decides who may and
records it. On the start-up path of every verb: nothing heavier than `os` is imported.
"""

import os

from mgit.errors import Corrupt, InvalidInput, Leased, RefMoved, Refused, StorageFailed
from mgit.history.commits import is_object_id

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from mgit.store.files import Files

__all__ = [
    "BRANCH_PREFIX",
    "HEAD",
    "SYMBOLIC",
    "TAG_PREFIX",
    "Head",
    "RefStore",
    "branch_ref",
    "check_ref_name",
    "tag_ref",
]

HEAD = "HEAD"
BRANCH_PREFIX = "refs/heads/"
TAG_PREFIX = "refs/tags/"
SYMBOLIC = "ref: "
LOCK_SUFFIX = ".lock"
COMPONENT_BYTES_MAX = 200  # below the 255 of common file systems, with room for '.lock' and temps
SYMBOLIC_DEPTH_MAX = 5  # Git's own limit
_FORBIDDEN = frozenset(" ~^:?*[\\\x7f") | frozenset(chr(code) for code in range(32))


class Head:
    """What HEAD says: a branch (which may have no commit yet) or a commit directly.

    branch: short name, None when detached. commit: None on a branch without a commit.
    """

    __slots__ = ("branch", "commit")

    def __init__(self, *, branch: "str | None", commit: "str | None") -> None:
        self.branch = branch
        self.commit = commit

    @property
    def text(self) -> str:
        """Content of the HEAD file without its line feed."""
        if self.branch is not None:
            return SYMBOLIC + BRANCH_PREFIX + self.branch
        return self.commit or ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Head):
            return NotImplemented
        return (self.branch, self.commit) == (other.branch, other.commit)

    def __hash__(self) -> int:
        return hash((self.branch, self.commit))

    def __repr__(self) -> str:
        return f"Head(branch={self.branch!r}, commit={self.commit!r})"


def check_ref_name(name: str) -> str:
    """Return `name` if it is a full ref name by Git's rules, else raise InvalidInput."""
    reason = _flaw(name)
    if reason is None and not name.startswith("refs/"):
        reason = "does not begin with 'refs/'"
    if reason is not None:
        raise InvalidInput(
            f"'{name}' is no ref name: it {reason}", hint="use letters, digits and -"
        )
    return name


def _flaw(name: str) -> "str | None":
    components = name.split("/")
    if any(character in _FORBIDDEN for character in name):
        return "holds a space, a control character or one of ~ ^ : ? * [ \\"
    if ".." in name or "@{" in name or name.endswith("."):
        return "holds '..' or '@{', or ends with '.'"
    for component in components:
        if not component:
            return "has an empty part"
        if component.startswith(".") or component.endswith(LOCK_SUFFIX):
            return "has a part that begins with '.' or ends with '.lock'"
        if len(component.encode("utf-8", "surrogatepass")) > COMPONENT_BYTES_MAX:
            return f"has a part longer than {COMPONENT_BYTES_MAX} bytes"
    return None


def _short_name_ref(prefix: str, name: str, what: str) -> str:
    if not name or name.startswith("-") or name in (HEAD, "@"):
        raise InvalidInput(f"'{name}' cannot name a {what}", hint="choose another name")
    return check_ref_name(prefix + name)


def branch_ref(name: str) -> str:
    """Full ref name of the branch `name`. Raises InvalidInput."""
    return _short_name_ref(BRANCH_PREFIX, name, "branch")


def tag_ref(name: str) -> str:
    """Full ref name of the tag `name`. Raises InvalidInput."""
    return _short_name_ref(TAG_PREFIX, name, "tag")


class RefStore:
    """Reads and swaps the refs of one bare Git repository.

    Every swap takes Git's own lock file, compares and renames, so a plain `git` that works in the
    same repository and mgit never overwrite each other's change.
    """

    def __init__(self, git_directory: str, files: "Files") -> None:
        self._directory = git_directory
        self._files = files

    def get(self, name: str) -> "str | None":
        """Object that the ref `name` (full name) points at, None if there is no such ref."""
        check_ref_name(name)
        for _ in range(SYMBOLIC_DEPTH_MAX):
            text = self._read_loose(name)
            if text is None:
                return self._packed().get(name)
            if not text.startswith(SYMBOLIC):
                return _object_name(text, name)
            name = check_ref_name(text[len(SYMBOLIC) :].strip())
        raise Corrupt(f"the symbolic ref '{name}' goes in a circle")

    def all(self, prefix: str = "refs/") -> "dict[str, str]":
        """Every ref below `prefix` (a full prefix such as 'refs/heads/'), sorted by name."""
        found = {name: self.get(name) for name in self.names() if name.startswith(prefix)}
        return {name: value for name, value in found.items() if value is not None}

    def names(self) -> "list[str]":
        """Name of every ref, sorted, without reading the refs that have a file of their own."""
        return sorted({*self._packed(), *self._loose_names("refs")})

    def head(self) -> Head:
        """Where HEAD points. Raises Corrupt if it is missing or points outside the branches."""
        text = self._read_loose(HEAD)
        if text is None:
            raise Corrupt(f"'{os.path.join(self._directory, HEAD)}' is missing")
        if not text.startswith(SYMBOLIC):
            return Head(branch=None, commit=_object_name(text, HEAD))
        target = text[len(SYMBOLIC) :].strip()
        if not target.startswith(BRANCH_PREFIX):
            raise Corrupt(f"HEAD points at '{target}', which is no branch")
        return Head(branch=target[len(BRANCH_PREFIX) :], commit=self.get(target))

    def compare_and_swap(self, name: str, *, expected: "str | None", new: "str | None") -> None:
        """Move the ref `name` from `expected` to `new` atomically; None stands for "no ref".

        A retry after a lost reply succeeds: a ref that already holds `new` is left alone.

        Raises RefMoved if the ref holds something else, Leased if another program keeps the
        ref's lock file, Refused if another ref is in the way ('a' and 'a/b' cannot both exist).
        """
        check_ref_name(name)
        if new is not None:
            _object_name(new, name)
        if self.get(name) == new:
            return
        self._make_room(name)
        with self._locked(name, "" if new is None else new + "\n") as lock:
            found = self.get(name)
            if found != expected:
                raise RefMoved(
                    f"the ref '{name}' moved since it was read",
                    expected=expected or "(none)",
                    found=found or "(none)",
                )
            if new is None:
                self._delete(name)
            else:
                lock.rename()

    def set_head(self, new: str, *, expected: str) -> None:
        """Replace the content of HEAD, `Head.text`, from `expected` to `new` atomically.

        A retry after a lost reply succeeds. Raises RefMoved or Leased as `compare_and_swap` does.
        """
        if self._read_loose(HEAD) == new:
            return
        with self._locked(HEAD, new + "\n") as lock:
            found = self._read_loose(HEAD)
            if found != expected:
                raise RefMoved("HEAD moved since it was read", expected=expected, found=found)
            lock.rename()

    def clear_lock(self, name: str, content: str) -> bool:
        """Remove the lock file of `name` that a dead process left; whether there was one.

        Only a file whose bytes are `content` with a line feed, or a torn beginning of that, is
        taken for the dead process's own: a running `git` may hold a lock of the same name.
        """
        path = self._path(name) + LOCK_SUFFIX
        if not self._files.exists(path):
            return False
        found = self._files.read(path)
        if (content + "\n").encode().startswith(found):
            self._files.remove(path)
            return True
        return False

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, *name.split("/"))

    def _read_loose(self, name: str) -> "str | None":
        path = self._path(name)
        try:
            with open(path, "rb") as stream:
                content = stream.read(4096)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise StorageFailed(f"the ref '{name}' cannot be read: {error.strerror}") from error
        try:
            return content.decode("utf-8").rstrip("\n")
        except UnicodeDecodeError as error:
            raise Corrupt(f"the ref '{name}' holds bytes that are no text", file=path) from error

    def _packed(self) -> "dict[str, str]":
        found: dict[str, str] = {}
        for line in self._packed_lines():
            if line.startswith(("#", "^")) or not line:
                continue
            value, _, name = line.partition(" ")
            found[name] = _object_name(value, name)
        return found

    def _packed_lines(self) -> "list[str]":
        path = os.path.join(self._directory, "packed-refs")
        try:
            with open(path, encoding="utf-8") as stream:
                return stream.read().split("\n")
        except FileNotFoundError:
            return []
        except UnicodeDecodeError as error:
            raise Corrupt("'packed-refs' holds bytes that are no text", file=path) from error
        except OSError as error:
            raise StorageFailed(f"'packed-refs' cannot be read: {error.strerror}") from error

    def _loose_names(self, prefix: str) -> "Iterator[str]":
        try:
            with os.scandir(self._path(prefix)) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:  # another program deleted the last ref below it meanwhile
            return
        for entry in listed:
            name = f"{prefix}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from self._loose_names(name)
            elif _flaw(name) is None:  # lock files and temporary files have names no ref may have
                yield name

    def _make_room(self, name: str) -> None:
        """Create the ref's directory and clear empty directories that stand where it will."""
        parts = name.split("/")
        parents = ["/".join(parts[:length]) for length in range(1, len(parts))]
        packed = self._packed()
        in_the_way = [parent for parent in parents[1:] if parent in packed]
        in_the_way += [parent for parent in parents[1:] if self._read_loose(parent) is not None]
        in_the_way += self.all(name + "/")
        if in_the_way:
            raise Refused(
                f"the ref '{in_the_way[0]}' is in the way of '{name}'",
                hint="choose another name, or delete the one in the way",
            )
        for parent in parents:
            if not os.path.isdir(self._path(parent)):
                self._files.make_directory(self._path(parent))
        if os.path.isdir(self._path(name)):
            self._remove_empty_directories(self._path(name))

    def _remove_empty_directories(self, path: str) -> None:
        for directory, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(directory)
            except OSError as error:
                raise StorageFailed(f"'{directory}' cannot be cleared: {error.strerror}") from error

    def _locked(self, name: str, content: str) -> "_RefLock":
        return _RefLock(self._files, name=name, path=self._path(name), content=content)

    def _delete(self, name: str) -> None:
        # Packed first: a crash between the two leaves the loose value, which is the old one.
        if name in self._packed():
            self._drop_packed(name)
        if self._files.exists(self._path(name)):
            self._files.remove(self._path(name))

    def _drop_packed(self, name: str) -> None:
        kept: list[str] = []
        dropping = False
        for line in self._packed_lines():
            if line.startswith("^"):
                if not dropping:
                    kept.append(line)
                continue
            dropping = line.partition(" ")[2] == name and not line.startswith("#")
            if not dropping:
                kept.append(line)
        path = os.path.join(self._directory, "packed-refs")
        content = "\n".join(kept)
        with _RefLock(self._files, name="packed-refs", path=path, content=content) as lock:
            lock.rename()


class _RefLock:
    """Git's lock file `<ref>.lock`, which already holds the new content and becomes the ref."""

    __slots__ = ("_content", "_files", "_name", "_path", "_pending")

    def __init__(self, files: "Files", *, name: str, path: str, content: str) -> None:
        self._files = files
        self._name = name
        self._path = path
        self._content = content
        self._pending = False

    def __enter__(self) -> "_RefLock":
        if not self._files.create_exclusive(self._path + LOCK_SUFFIX, self._content.encode()):
            raise Leased(
                f"another program is changing '{self._name}'",
                file=self._path + LOCK_SUFFIX,
                hint="wait for it; if no git or mgit runs here, remove that file",
            )
        self._pending = True
        return self

    def rename(self) -> None:
        """Make the new content visible: the commit point."""
        self._files.rename(self._path + LOCK_SUFFIX, self._path)
        self._pending = False

    def __exit__(self, *_: object) -> None:
        if self._pending and self._files.exists(self._path + LOCK_SUFFIX):
            self._files.remove(self._path + LOCK_SUFFIX)


def _object_name(text: str, name: str) -> str:
    if not is_object_id(text):
        raise Corrupt(f"the ref '{name}' holds '{text[:60]}', which is no object name")
    return text
