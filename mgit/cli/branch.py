"""`mgit branch`: list, create, rename and delete branches."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import NotFound, Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "list, create, rename or delete branches"
DESCRIPTION = """List branches, or create, rename or delete one.

  mgit branch                  list; '*' marks the current one
  mgit branch NAME [REV]       create one at a revision, by default HEAD
  mgit branch -m [OLD] NEW     rename, by default the current one
  mgit branch -d NAME          delete one whose commits another branch or tag holds
  mgit branch -D NAME          delete it in any case; 'mgit undo NAME' brings it back

To create a branch and work on it at once: 'mgit switch -c NAME'.
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="see above")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-m", "--move", action="store_true", help="rename")
    what.add_argument("-d", "--delete", action="store_true", help="delete if merged")
    what.add_argument("-D", "--force-delete", action="store_true", help="delete in any case")
    parser.add_argument("--dry-run", action="store_true", help="say what would change")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """List, create, rename or delete."""
    repository = open_repository(arguments)
    names = arguments.names
    if arguments.move:
        done = _rename(repository, arguments, names)
    elif arguments.delete or arguments.force_delete:
        done = _delete(repository, arguments, names)
    elif names:
        done = _create(repository, arguments, names)
    else:
        return _list(repository, console)
    console.out(f"dry run: {done}" if arguments.dry_run else done)
    console.json({"done": done, "dry_run": bool(arguments.dry_run)})
    return ExitCode.OK


def _list(repository: "Repository", console: Console) -> int:
    from mgit.history.refs import BRANCH_PREFIX

    head = repository.refs.head()
    rows, records = [], []
    if head.branch is None and head.commit is not None:
        commit = repository.commit(head.commit)
        rows.append(("*", "(detached HEAD)", commit.id[:10], commit.subject))
    for ref in repository.refs.all(BRANCH_PREFIX):
        name = ref.removeprefix(BRANCH_PREFIX)
        commit = repository.commit(ref)
        current = name == head.branch
        rows.append(("*" if current else " ", name, commit.id[:10], commit.subject))
        records.append(
            {"name": name, "commit": commit.id, "subject": commit.subject, "current": current}
        )
    console.table(("", "", "", ""), rows)
    console.json({"branches": records, "detached": head.branch is None})
    return ExitCode.OK


def _create(repository: "Repository", arguments: "argparse.Namespace", names: list[str]) -> str:
    from mgit.cli.context import signature
    from mgit.history import branches

    if len(names) > 2:
        raise Refused("a branch has one name and one start", given=" ".join(names))
    name, start = names[0], names[1] if len(names) > 1 else "HEAD"
    commit = repository.commit(start)
    if not arguments.dry_run:
        who = signature(repository.layout.control)
        branches.create(repository, name, start=start, who=who)
    return f"created branch '{name}' at {commit.id[:10]} {commit.subject}"


def _rename(repository: "Repository", arguments: "argparse.Namespace", names: list[str]) -> str:
    from mgit.cli.context import signature
    from mgit.history import branches

    if len(names) not in (1, 2):
        raise Refused("'-m' takes the new name, or the old one and the new one")
    current = repository.refs.head().branch
    if len(names) == 1 and current is None:
        raise Refused("HEAD is on no branch", hint="say which one: 'mgit branch -m OLD NEW'")
    old = names[0] if len(names) == 2 else str(current)
    if not arguments.dry_run:
        branches.rename(repository, old, names[-1], who=signature(repository.layout.control))
    return f"renamed branch '{old}' to '{names[-1]}'"


def _delete(repository: "Repository", arguments: "argparse.Namespace", names: list[str]) -> str:
    from mgit.cli.context import signature
    from mgit.history import branches

    if len(names) != 1:
        raise Refused("name one branch to delete")
    name = names[0]
    if branches.unmerged(repository, name) and not arguments.force_delete:
        raise Refused(
            f"no other branch or tag holds the commits of '{name}'",
            hint=f"'mgit merge {name}' keeps them, 'mgit branch -D {name}' deletes all the same",
        )
    tip = repository.refs.get(f"refs/heads/{name}")
    if tip is None:
        raise NotFound(f"there is no branch '{name}'")
    if not arguments.dry_run:
        branches.delete(repository, name, who=signature(repository.layout.control))
    return f"deleted branch '{name}' (was {tip[:10]}); 'mgit undo {name}' brings it back"
