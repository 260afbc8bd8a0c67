"""Durable operations on a POSIX file system (docs/format/segments.md, section 1).

Everything that mgit keeps reaches the disk through the seven primitives at the end of `Files`:
a test counts them, stops before any one of them, or lets it fail, and then looks at what is left.
The module is on the start-up path of light verbs and imports only `errno` and `os`.
"""

import errno
import os

from mgit.errors import (
    Corrupt,
    DiskFull,
    MgitError,
    NotFound,
    ReadOnlyStorage,
    StorageFailed,
)

TYPE_CHECKING = False  # `typing` is not imported here: it costs more than the whole module.
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

__all__ = ["TEMPORARY_PREFIX", "Files", "TemporaryFile", "storage_error"]

TEMPORARY_PREFIX = ".tmp-"
"""Start of the name of every file that is not yet in place; what a crash leaves is garbage."""

COMPARE_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def storage_error(failure: OSError, path: str) -> MgitError:
    """The error of mgit's own tree that says what `failure` means for `path`."""
    reason = os.strerror(failure.errno) if failure.errno else str(failure)
    if failure.errno in _FULL:
        return DiskFull("no space is left on the device", path=path)
    if failure.errno in _READ_ONLY:
        return ReadOnlyStorage("the storage refuses access", path=path, reason=reason)
    if failure.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound("no such file or directory", path=path)
    return StorageFailed("the file system failed", path=path, reason=reason)


class _Translated:
    """Context in which an OSError becomes an error of mgit that names the path."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        failure: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        if isinstance(failure, OSError):
            raise storage_error(failure, self.path) from failure


class TemporaryFile:
    """A file being written under a temporary name in the directory where it will stand.

    Life: write..., settle, place. `discard` at any moment removes it. Outside of that life, what
    a dead process leaves is one file whose name starts with TEMPORARY_PREFIX.
    """

    __slots__ = ("_descriptor", "_files", "path")

    def __init__(self, files: "Files", directory: str) -> None:
        self._files = files
        token = f"{os.getpid():x}-{os.urandom(8).hex()}"
        self.path = os.path.join(directory, TEMPORARY_PREFIX + token)
        self._descriptor = -1
        with _Translated(self.path):
            self._descriptor = files._create(self.path)

    def write(self, data: "Buffer") -> None:
        """Append all of `data`. Raises DiskFull, ReadOnlyStorage or StorageFailed."""
        with _Translated(self.path):
            self._files._write_all(self._descriptor, data)

    def settle(self) -> None:
        """Make the content durable and close the file; it keeps its temporary name."""
        with _Translated(self.path):
            self._files._fsync(self._descriptor)
            self._close()

    def place(self, path: str) -> None:
        """Give the settled file its name, never replacing another file.

        A file that stands there already with the same bytes is a success: names are made from
        content, so the other writer wrote the same. The caller makes the directory durable with
        `Files.sync_directory`. Raises Corrupt if the standing file holds other bytes.
        """
        with _Translated(path):
            self._files._place(self.path, path)

    def discard(self) -> None:
        """Close and remove the file, if it is still there."""
        self._close()
        with _Translated(self.path):
            if os.path.lexists(self.path):
                self._files._unlink(self.path)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        failure: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        # Whoever placed the file has used up the temporary name; otherwise the attempt failed.
        self.discard()


class Files:
    """Reads and durable writes; every method that returns has made its effect survive a crash.

    OSError never leaves: NotFound, DiskFull, ReadOnlyStorage or StorageFailed do, naming the path.
    """

    def read(self, path: str) -> bytes:
        """The whole content of a file. Raises NotFound or StorageFailed."""
        with _Translated(path), open(path, "rb", buffering=0) as stream:
            return stream.readall()

    def exists(self, path: str) -> bool:
        """Whether anything stands at `path`."""
        return os.path.lexists(path)

    def listing(self, path: str) -> list[str]:
        """Sorted names in a directory without temporary files; empty if it does not exist."""
        return [name for name in self._names(path) if not name.startswith(TEMPORARY_PREFIX)]

    def temporaries(self, path: str) -> list[str]:
        """Sorted names of the temporary files in a directory: live writers' or a crash's."""
        return [name for name in self._names(path) if name.startswith(TEMPORARY_PREFIX)]

    def temporary(self, directory: str) -> TemporaryFile:
        """Begin a file that will stand in `directory`."""
        return TemporaryFile(self, directory)

    def make_directory(self, path: str) -> None:
        """Create a directory and its missing parents durably; it may exist already."""
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path) or "."
        self.make_directory(parent)
        with _Translated(path):
            try:
                self._make_directory(path)
            except FileExistsError:
                if not os.path.isdir(path):
                    raise
            self._fsync_directory(parent)

    def write_new(self, path: str, parts: "Iterable[Buffer]") -> None:
        """Write a content-named file whole or not at all, never replacing another file.

        An existing file with equal content is a success. Raises Corrupt if it has other content.
        """
        with self.temporary(os.path.dirname(path)) as temporary:
            for part in parts:
                temporary.write(part)
            temporary.settle()
            temporary.place(path)
            self.sync_directory(os.path.dirname(path))

    def replace(self, path: str, content: "Buffer") -> None:
        """Put `content` at `path` atomically: readers see the old file or the new one, whole."""
        with self.temporary(os.path.dirname(path)) as temporary:
            temporary.write(content)
            temporary.settle()
            self.rename(temporary.path, path)

    def create_exclusive(self, path: str, content: "Buffer") -> bool:
        """Create a file that must not exist; False if it does. Serves as a lock."""
        with _Translated(path):
            try:
                descriptor = self._create(path)
            except FileExistsError:
                return False
            try:
                try:
                    self._write_all(descriptor, content)
                    self._fsync(descriptor)
                finally:
                    os.close(descriptor)
            except BaseException:
                # A torn lock would stop everybody else for ever.
                self._unlink(path)
                raise
            self._fsync_directory(os.path.dirname(path) or ".")
        return True

    def rename(self, old: str, new: str) -> None:
        """Rename over whatever stands at `new`, then make both directories durable."""
        with _Translated(new):
            self._rename(old, new)
            self._fsync_directory(os.path.dirname(new) or ".")
            if os.path.dirname(old) != os.path.dirname(new):
                self._fsync_directory(os.path.dirname(old) or ".")

    def move_new(self, old: str, new: str) -> None:
        """Give a durable content-named file its final place, never replacing another file.

        The same content at `new` already is a success, and so is an `old` that another process has
        moved there meanwhile. The caller makes the directory of `new` durable. Raises Corrupt if
        other content stands there, NotFound if there is neither file.
        """
        with _Translated(new):
            try:
                self._place(old, new)
            except FileNotFoundError:
                if not os.path.lexists(new):
                    raise

    def remove(self, path: str) -> None:
        """Remove a file durably. Raises NotFound if it does not exist."""
        with _Translated(path):
            self._unlink(path)
            self._fsync_directory(os.path.dirname(path) or ".")

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        with _Translated(path):
            self._fsync_directory(path or ".")

    def _names(self, path: str) -> list[str]:
        with _Translated(path):
            try:
                return sorted(os.listdir(path))
            except FileNotFoundError:
                return []

    def _write_all(self, descriptor: int, data: "Buffer") -> None:
        view = memoryview(data).cast("B")
        while len(view):
            view = view[self._write(descriptor, view) :]

    def _place(self, old: str, new: str) -> None:
        try:
            self._link(old, new)
        except FileExistsError:
            _require_equal_content(old, new)
        except OSError as failure:
            if failure.errno not in _NO_HARD_LINKS:
                raise
            # Some network and FAT file systems know no hard links. The name is made from the
            # content, so a writer that wins the race between the check and the rename is equal.
            if os.path.lexists(new):
                _require_equal_content(old, new)
            else:
                self._rename(old, new)
                return
        self._unlink(old)

    # The primitives: the only calls that change the disk.

    def _create(self, path: str) -> int:
        return os.open(path, _CREATE_FLAGS, 0o666)

    def _write(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def _fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def _make_directory(self, path: str) -> None:
        os.mkdir(path)

    def _rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def _link(self, old: str, new: str) -> None:
        os.link(old, new)

    def _unlink(self, path: str) -> None:
        os.unlink(path)

    def _fsync_directory(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as failure:
            if failure.errno != errno.EINVAL:  # some network file systems sync names by themselves
                raise
        finally:
            os.close(descriptor)


def _require_equal_content(new: str, standing: str) -> None:
    with open(new, "rb", buffering=0) as ours, open(standing, "rb", buffering=0) as theirs:
        while True:
            ours_part, theirs_part = ours.read(COMPARE_BYTES), theirs.read(COMPARE_BYTES)
            if ours_part != theirs_part:
                raise Corrupt(
                    "a file with this name stands there and holds other bytes",
                    hint="move the damaged file away and repeat the command",
                    path=standing,
                )
            if not ours_part:
                return
