"""What `REV:PATH` on a command line means."""

from dataclasses import dataclass

from mgit.cli.tree_paths import find_path
from mgit.errors import InvalidInput, NotFound
from mgit.history.repository import Repository
from mgit.history.revisions import split_path
from mgit.history.snapshot import Snapshot
from mgit.survey.target import Target, find_document, target

__all__ = ["Place", "find_place", "locate", "split_words"]

_ROOMS = ("species", "sources", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A revision, and what stands at a path in it; target: None for the commit itself."""

    commit: str
    snapshot: Snapshot
    target: Target | None


def find_place(repository: Repository, text: str) -> Place:
    """The place that `REV`, `REV:PATH`, `:PATH` or a plain `species/...` means.

    Raises NotFound with names that exist, InvalidInput.
    """
    revision, path = split_path(text)
    if path is None and text.partition("/")[0] in _ROOMS:
        try:
            repository.resolve(text)
        except (NotFound, InvalidInput):
            revision, path = "HEAD", text
    commit = repository.resolve(revision or "HEAD")
    snapshot = repository.snapshot(commit)
    found = None if path is None else locate(snapshot, path)
    return Place(commit=commit, snapshot=snapshot, target=found)


def locate(snapshot: Snapshot, text: str) -> Target:
    """What stands at a path of a tree; documents go by file name and columns by foreign name.

    Raises NotFound.
    """
    try:
        return target(snapshot, find_path(snapshot, text))
    except NotFound:
        owner, room, name = text.strip("/").rpartition("/documents/")
        if room:
            return target(snapshot, find_document(snapshot, find_path(snapshot, owner), name).node)
        owner, room, name = text.strip("/").rpartition("/particles/columns/")
        if room:
            from mgit.state.species import read_species

            species = read_species(snapshot, find_path(snapshot, owner))
            return target(snapshot, species.particles.node(name))
        raise


def split_words(repository: Repository, words: list[str], most: int) -> tuple[list[str], list[str]]:
    """Leading words that are revisions, at most so many, and the rest, which are paths.

    Raises NotFound for a word that is neither a revision nor looks like a path.
    """
    revisions: list[str] = []
    for position, word in enumerate(words):
        if len(revisions) == most:
            return revisions, words[position:]
        try:
            revisions.append(repository.resolve(word))
        except (NotFound, InvalidInput):
            if word.partition("/")[0] not in _ROOMS:
                raise
            return revisions, words[position:]
    return revisions, []
