"""Progress of an audit: who asks for one hands in how a bar begins."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Bar", "Progress", "bar", "silent"]


class Bar(Protocol):
    """What a progress bar has to offer."""

    def advance(self, steps: int) -> None:
        """Count steps as done."""
        ...


Progress = Callable[[str, int, str], AbstractContextManager[Bar]]
"""Begins a bar: title, total, unit."""


class _Silent:
    def advance(self, _steps: int) -> None:
        """Show nothing."""


def silent(_title: str, _total: int, _unit: str) -> AbstractContextManager[Bar]:
    """A bar that nobody sees."""
    return nullcontext(_Silent())


def bar(progress: Progress, title: str, total: int, unit: str) -> AbstractContextManager[Bar]:
    """Begin a bar where there is something to do."""
    return progress(title, total, unit) if total else silent(title, total, unit)
