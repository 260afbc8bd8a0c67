"""Where the parts of a repository lie, and how one is found (docs/format/history.md, section 1).

On the start-up path of every verb: nothing heavier than `os` is imported.
"""

import os

from mgit.errors import Corrupt, NotFound, ReadOnlyStorage, Unsupported

__all__ = ["CONTROL_DIRECTORY", "FORMAT_LINE", "Layout", "find_repository"]

CONTROL_DIRECTORY = ".mgit"
FORMAT_LINE = b"mgit 1\n"


class Layout:
    """Paths of one repository; `root` is the directory that holds `.mgit`."""

    __slots__ = ("control", "root")

    def __init__(self, root: str, *, control: str = CONTROL_DIRECTORY) -> None:
        self.root = os.path.abspath(root)
        self.control = os.path.join(self.root, control)

    @property
    def git(self) -> str:
        """The bare Git repository."""
        return os.path.join(self.control, "git")

    @property
    def store(self) -> str:
        """The chunk store."""
        return os.path.join(self.control, "store")

    @property
    def operations(self) -> str:
        """The operation log: one file per change of refs."""
        return os.path.join(self.control, "operations")

    @property
    def stage(self) -> str:
        """The file that names the staged tree."""
        return os.path.join(self.control, "index")

    @property
    def locks(self) -> str:
        """Lease files."""
        return os.path.join(self.control, "locks")

    @property
    def local(self) -> str:
        """Links and settings of this machine, never pushed."""
        return os.path.join(self.control, "local")

    @property
    def cache(self) -> str:
        """Throw-away files."""
        return os.path.join(self.control, "cache")

    @property
    def incoming(self) -> str:
        """Files that arrive from outside, until they are checked; absent while nothing does."""
        return os.path.join(self.control, "incoming")

    @property
    def hooks(self) -> str:
        """Local hooks."""
        return os.path.join(self.control, "hooks")

    @property
    def format(self) -> str:
        """The file that names the format version."""
        return os.path.join(self.control, "format")

    def directories(self) -> "tuple[str, ...]":
        """Every directory that an empty repository has, parents before children."""
        git = self.git
        below_git = ("objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags")
        return (
            self.control,
            git,
            *(os.path.join(git, *name.split("/")) for name in below_git),
            self.store,
            self.operations,
            self.locks,
            self.local,
            self.cache,
            self.hooks,
        )


def find_repository(directory: str) -> Layout:
    """The repository that holds `directory`: it or the nearest parent with a `.mgit`.

    Raises NotFound if there is none, Unsupported for a format other than version 1 and Corrupt
    for a `.mgit` without a format file. Nothing else is read before the version is known.
    """
    start = os.path.abspath(directory)
    place = start
    while True:
        if os.path.isdir(os.path.join(place, CONTROL_DIRECTORY)):
            layout = Layout(place)
            _check_format(layout)
            return layout
        parent = os.path.dirname(place)
        if parent == place:
            raise NotFound(
                f"no mgit repository in '{start}' or above it", hint="'mgit init' makes one"
            )
        place = parent


def _check_format(layout: Layout) -> None:
    try:
        with open(layout.format, "rb") as stream:
            line = stream.read(64)
    except FileNotFoundError as error:
        raise Corrupt(
            f"'{layout.control}' has no file 'format', so it is no complete repository",
            hint="restore the file (one line: mgit 1) or remove the directory",
        ) from error
    except PermissionError as error:
        raise ReadOnlyStorage(f"'{layout.format}' cannot be read by this user") from error
    if line != FORMAT_LINE:
        raise Unsupported(
            f"the repository '{layout.root}' has a format that this version does not know",
            format=line.decode("utf-8", "replace").strip(),
            hint="use a newer mgit; nothing was read or changed",
        )
