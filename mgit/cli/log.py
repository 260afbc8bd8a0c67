"""`mgit log`: the commits, newest first. On the start-up path: reads refs and commits alone."""

from mgit.cli.commit_reader import CommitReader
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.cli.graph import Lanes
from mgit.cli.log_format import as_json, as_lines, as_one_line, decorations
from mgit.errors import InvalidInput, NotFound, Refused
from mgit.history.graph import changes_path, walk

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from mgit.history.commits import CommitRecord

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "list commits, newest first"
DESCRIPTION = """List the commits that a revision descends from, newest first.

  mgit log                         of the current branch
  mgit log refined -n 5            the last five of another branch
  mgit log species/ribosome        those that changed this species
  mgit log --graph --oneline --all every branch, as a drawing
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument(
        "words", nargs="*", metavar="REV|PATH", help="where to start; which path must have changed"
    )
    parser.add_argument("-n", "--max-count", type=int, metavar="N", help="at most N commits")
    parser.add_argument("--oneline", action="store_true", help="one line per commit")
    parser.add_argument("--graph", action="store_true", help="draw the lines of descent")
    parser.add_argument("--all", action="store_true", help="start from every branch and tag")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Walk the history and print it."""
    if arguments.max_count is not None and arguments.max_count < 0:
        raise Refused("the number of commits is negative", number=arguments.max_count)
    history = CommitReader(arguments.directory)
    starts, paths = _starts_and_paths(arguments, history)
    commits = list(_chosen(history, starts, paths))
    if paths and not commits:
        console.note(f"no commit changed {' or '.join(arguments.words)}")
    shown = commits if arguments.max_count is None else commits[: arguments.max_count]
    names = decorations(history.refs, history.resolve)
    if console.wants_json:
        console.json([as_json(commit, names.get(commit.id, ())) for commit in shown])
        return ExitCode.OK
    lanes = Lanes() if arguments.graph else None
    parents = _shown_parents(history, starts, commits) if arguments.graph else {}
    for position, commit in enumerate(shown):
        decoration = names.get(commit.id, ())
        if arguments.oneline:
            lines = [as_one_line(commit, decoration, console)]
        else:
            last = position == len(shown) - 1
            lines = as_lines(commit, decoration, console) + ([] if last else [""])
        if lanes is not None:
            lines = _beside(lanes.draw(commit.id, parents[commit.id]), lines)
        for line in lines:
            console.out(line)
    return ExitCode.OK


def _starts_and_paths(
    arguments: "argparse.Namespace", history: CommitReader
) -> "tuple[list[str], list[str]]":
    """Leading words that name revisions, then paths; HEAD without any revision."""
    starts: list[str] = []
    paths: list[str] = []
    for word in arguments.words:
        if not paths:
            try:
                starts.append(history.resolve(word))
            except (NotFound, InvalidInput):
                if "/" not in word and word not in ("sources", "species"):
                    raise
                paths.append(word)
        else:
            paths.append(word)
    if arguments.all:
        starts += [history.resolve(ref) for ref in history.refs.all()]
    if not starts:
        starts.append(history.resolve("HEAD"))
    if paths:
        from mgit.cli.tree_paths import spellings

        paths = [path for text in paths for path in spellings(text)]
    return starts, paths


def _chosen(
    history: CommitReader, starts: "Sequence[str]", paths: "Sequence[str]"
) -> "Iterator[CommitRecord]":
    for commit in walk(starts, history.read):
        if not paths or any(
            changes_path(commit, path, objects=history.objects, read=history.read) for path in paths
        ):
            yield commit


def _shown_parents(
    history: CommitReader, starts: "Sequence[str]", shown: "Sequence[CommitRecord]"
) -> dict[str, tuple[str, ...]]:
    """For each commit its nearest ancestors among those shown, so that lines have no gaps."""
    chosen = {commit.id for commit in shown}
    nearest: dict[str, tuple[str, ...]] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for commit in reversed(list(walk(starts, history.read))):
        found = dict.fromkeys(each for parent in commit.parents for each in nearest[parent])
        parents[commit.id] = tuple(found)
        nearest[commit.id] = (commit.id,) if commit.id in chosen else tuple(found)
    return parents


def _beside(drawing: tuple[str, list[str], str], lines: list[str]) -> list[str]:
    """The drawing of one commit at the left of its lines of text."""
    node, bends, straight = drawing
    left = [node, *bends]
    left += [straight] * (len(lines) - len(left))
    width = max(map(len, left)) + 1
    lines = lines + [""] * (len(left) - len(lines))
    return [(mark.ljust(width) + line).rstrip() for mark, line in zip(left, lines, strict=True)]
