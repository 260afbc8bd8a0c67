"""`mgit diff`: what differs between two revisions."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository
    from mgit.history.snapshot import Snapshot
    from mgit.survey.item_scores import Yardstick

    Sides = tuple[Snapshot, Snapshot, Yardstick]

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "compare two revisions: species, particles, deformation, imaging"
DESCRIPTION = """Compare two revisions in the words of the field: per species the resolution,
particles added, removed and moved (median in A and degrees), half-sets, maps; per
series which arrays changed, by how much and in which unit; scores of series; foreign
documents.

  mgit diff                       HEAD with what is staged
  mgit diff REV                   REV with what is staged, or else with HEAD
  mgit diff A B                   two revisions; 'A..B' means the same
  mgit diff A...B                 B with where it left A
  mgit diff A B species/capsid    only what stands at these paths

Particles are matched by their permanent ids. Rotations do not consider symmetry.
Scores of a commit and its parent are measured against the same references; those
of other revisions each against its own.
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("words", nargs="*", metavar="REV|PATH", help="revisions, then paths")
    parser.add_argument("--all", action="store_true", help="list every series")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Compare and tell."""
    from mgit.cli.render.difference import ITEMS_SHOWN, show_difference
    from mgit.cli.render.records import as_record
    from mgit.survey.difference import tree_difference

    repository = open_repository(arguments)
    sides, paths = _sides(repository, arguments.words)
    if sides is None:
        console.out("nothing is staged, and verbs commit at once: nothing can differ from HEAD")
        console.note("'mgit diff HEAD~1 HEAD' shows what the last commit changed")
        console.json({"species": [], "sources": [], "other": []})
        return ExitCode.OK
    old, new, yardstick = sides
    below = [_path_in(old, new, text) for text in paths]
    difference = tree_difference(old, new, below=below, yardstick=yardstick)
    show_difference(console, difference, limit=None if arguments.all else ITEMS_SHOWN)
    if not difference:
        console.out("no difference")
    if console.wants_json:
        console.json(as_record(difference))
    return ExitCode.OK


def _sides(repository: "Repository", words: list[str]) -> "tuple[Sides | None, list[str]]":
    """The two trees to compare, None where there is nothing but HEAD; and the paths."""
    from mgit.cli.targets import split_words
    from mgit.errors import Refused

    if words and ".." in words[0]:
        dots = "..." if "..." in words[0] else ".."
        first, _, second = words[0].partition(dots)
        revisions = [repository.resolve(first or "HEAD"), repository.resolve(second or "HEAD")]
        paths = words[1:]
        if dots == "...":
            base = repository.merge_base(*revisions)
            if base is None:
                raise Refused(f"'{first}' and '{second}' have no commit in common")
            revisions[0] = base
    else:
        revisions, paths = split_words(repository, words, 2)
    if len(revisions) == 2:
        return _commits(repository, *revisions), paths
    staged = _staged(repository)
    if staged is not None:
        start = repository.snapshot(revisions[0] if revisions else "HEAD")
        return (start, staged, "revisions" if revisions else "refinement"), paths
    return (_commits(repository, revisions[0], "HEAD") if revisions else None), paths


def _commits(repository: "Repository", old: str, new: str) -> "Sides":
    step = repository.resolve(old) in repository.commit(new).parents
    sides = repository.snapshot(old), repository.snapshot(new)
    return *sides, "refinement" if step else "revisions"


def _staged(repository: "Repository") -> "Snapshot | None":
    from mgit.history.snapshot import Snapshot

    staged = repository.stage.read()
    if staged is None:
        return None
    return Snapshot(repository.objects, repository.chunks, tree=staged.tree)


def _path_in(old: "Snapshot", new: "Snapshot", text: str) -> str:
    """The tree path that `text` means in the later tree, or else in the earlier one."""
    from mgit.cli.tree_paths import find_path
    from mgit.errors import NotFound

    try:
        return find_path(new, text)
    except NotFound:
        return find_path(old, text)
