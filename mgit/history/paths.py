"""Which paths a tree may hold: the grammar of docs/format/graph.md, section 3.

Trees arrive from strangers. A name that one file system folds onto another, that a device answers
to, or that Git treats specially never enters a tree and is refused in every tree that is read.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from mgit.errors import InvalidState

__all__ = [
    "ARRAY_CHUNKS",
    "METADATA",
    "RESERVED",
    "check_path",
    "colliding",
    "join",
    "name_fault",
    "parent_and_name",
    "split",
]

METADATA = "zarr.json"
"""The file that makes a directory a group or an array."""

ARRAY_CHUNKS = "chunks"
"""The file that lists an array's stored chunks; only arrays have one."""

RESERVED = frozenset({METADATA, ARRAY_CHUNKS})
"""Names that only the tree itself writes, compared after case folding."""

MAX_DEPTH = 32
"""Components of one path; the layout of mgit needs at most eight."""

_COMPONENT = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_GIT_NAMES = frozenset(
    {".", "..", ".git", ".gitmodules", ".gitattributes", ".gitignore", ".mailmap"}
)
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"com{digit}" for digit in range(10)}
    | {f"lpt{digit}" for digit in range(10)}
)


@lru_cache(maxsize=4096)
def name_fault(name: str) -> str | None:
    """Why `name` cannot be a path component, or None if it can."""
    if not _COMPONENT.fullmatch(name):
        return "a name has 1 to 64 characters of A-Z a-z 0-9 . _ -"
    folded = name.lower()
    if folded in _GIT_NAMES:
        return "the name has a meaning of its own in Git or in a file system"
    if folded.split(".", 1)[0] in _DEVICES:
        return "the name is that of a device on some systems"
    return None


@lru_cache(maxsize=4096)
def split(path: str) -> tuple[str, ...]:
    """Components of a path; () for the root. Raises InvalidState naming the offending component."""
    if path == "":
        return ()
    components = tuple(path.split("/"))
    if len(components) > MAX_DEPTH:
        raise InvalidState("a path is too deep", path=path, components_max=MAX_DEPTH)
    for component in components:
        fault = name_fault(component)
        if fault is not None:
            raise InvalidState(
                f"a path component is not allowed: {fault}", path=path, component=component
            )
    return components


@lru_cache(maxsize=4096)
def check_path(path: str) -> tuple[str, ...]:
    """Components of a path below the root at which a caller may write a node or a small file.

    Raises InvalidState for the root and for names that the tree itself writes.
    """
    components = split(path)
    if not components:
        raise InvalidState("the root of a tree cannot be replaced or removed")
    for component in components:
        if component.lower() in RESERVED:
            raise InvalidState(
                "a path uses a name that the tree itself writes", path=path, name=component
            )
    return components


def join(*components: str) -> str:
    """The path of the given components, skipping empty ones."""
    return "/".join(component for component in components if component)


def parent_and_name(path: str) -> tuple[str, str]:
    """The path of the directory that holds `path`, and the last component."""
    parent, _, name = path.rpartition("/")
    return parent, name


def colliding(names: Iterable[str]) -> tuple[str, str] | None:
    """Two of `names` that differ in case only (or not at all), if there are any."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other is not name:
            return other, name
    return None
