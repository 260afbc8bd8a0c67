"""What the verbs of sharing have in common: which remote, its progress, bytes in words."""

from typing import TYPE_CHECKING, Any

from mgit.cli.render.numbers import byte_count
from mgit.errors import NotFound
from mgit.history.refs import BRANCH_PREFIX
from mgit.sync.path_remote import PathRemote
from mgit.sync.remotes import ORIGIN, read_remotes, url_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mgit.cli.console import Console
    from mgit.history.operations import Swap
    from mgit.history.repository import Repository
    from mgit.sync.transfer import Progress, Traffic

__all__ = [
    "current_branch",
    "move_lines",
    "moves_document",
    "named_remote",
    "progress_on",
    "traffic_document",
    "traffic_text",
]

_PREFIXES = (BRANCH_PREFIX, "refs/remotes/", "refs/tags/")


def named_remote(repository: "Repository", name: str | None) -> tuple[str, PathRemote]:
    """The remote of a name; without one 'origin', or the only remote there is.

    Raises NotFound, saying how one is added.
    """
    if name is None:
        known = list(read_remotes(repository))
        name = known[0] if len(known) == 1 else ORIGIN
    return name, PathRemote(url_of(repository, name), files=repository.files)


def current_branch(repository: "Repository") -> str:
    """Short name of the branch that HEAD is on. Raises NotFound if it is on none."""
    branch = repository.refs.head().branch
    if branch is None:
        raise NotFound("HEAD is on no branch", hint="name the branch, or 'mgit switch' to it")
    return branch


def progress_on(console: "Console") -> "Progress":
    """Bars on the console's standard error."""
    return lambda title, total, unit: console.progress(title, total=total, unit=unit)


def traffic_text(traffic: "Traffic") -> str:
    """Counts and bytes, e.g. '2 commits, 14.2 MB (3 segments 14.1 MB, history 61 kB)'."""
    commits = f"{traffic.commits} commit{'' if traffic.commits == 1 else 's'}"
    segments = f"{traffic.segments} segment{'' if traffic.segments == 1 else 's'}"
    text = (
        f"{commits}, {byte_count(traffic.total_bytes)} "
        f"({segments} {byte_count(traffic.segment_bytes)}, "
        f"history {byte_count(traffic.pack_bytes)})"
    )
    if traffic.skipped_bytes:
        text += f"; {byte_count(traffic.skipped_bytes)} had arrived before"
    return text


def traffic_document(traffic: "Traffic") -> dict[str, int]:
    """The same for a JSON document, all bytes and counts."""
    return {
        "commits": traffic.commits,
        "objects": traffic.objects,
        "chunks": traffic.chunks,
        "segments": traffic.segments,
        "segment_bytes": traffic.segment_bytes,
        "pack_bytes": traffic.pack_bytes,
        "total_bytes": traffic.total_bytes,
        "skipped_bytes": traffic.skipped_bytes,
    }


def move_lines(moves: "Mapping[str, Swap]") -> list[str]:
    """One line per ref that moves: from where to where."""
    return [f"  {_short(ref)}  {_step(*swap)}" for ref, swap in moves.items()]


def moves_document(moves: "Mapping[str, Swap]") -> list[dict[str, Any]]:
    """The same for a JSON document."""
    return [{"ref": ref, "old": old, "new": new} for ref, (old, new) in moves.items()]


def _short(ref: str) -> str:
    for prefix in _PREFIXES:
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def _step(old: str | None, new: str | None) -> str:
    if old is None:
        return f"new at {str(new)[:10]}"
    return f"{old[:10]} -> gone" if new is None else f"{old[:10]} -> {new[:10]}"
