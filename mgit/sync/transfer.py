"""Bytes on their way: how many, and who is told about it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Bar", "Progress", "Traffic", "counted", "silent"]


class Bar(Protocol):
    """What a progress bar has to offer."""

    def advance(self, steps: int) -> None:
        """Count steps as done."""
        ...


Progress = Callable[[str, int, str], AbstractContextManager[Bar]]
"""Begins a bar: title, total, unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What moves, or would move. skipped_bytes: of segments an earlier attempt had finished."""

    segments: int = 0
    segment_bytes: int = 0
    packs: int = 0
    pack_bytes: int = 0
    skipped_bytes: int = 0
    commits: int = 0
    objects: int = 0
    chunks: int = 0

    @property
    def total_bytes(self) -> int:
        """Bytes of segments and packs together."""
        return self.segment_bytes + self.pack_bytes


class _Silent:
    def advance(self, _steps: int) -> None:
        """Show nothing."""


def silent(_title: str, _total: int, _unit: str) -> AbstractContextManager[Bar]:
    """A bar that nobody sees."""
    return nullcontext(_Silent())


def counted(parts: Iterable[bytes], bar: Bar) -> Iterator[bytes]:
    """The same parts, each counted when it was taken."""
    for part in parts:
        yield part
        bar.advance(len(part))
