"""`mgit undo`: take back the last change of a branch, or repeat what was taken back."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "take back the last change of a branch"
DESCRIPTION = """Take back the last change of a branch, whole: species and series together.

Called again it goes one change further back; --redo goes forward again. The
branch moves to where it stood; nothing is deleted. It takes back whatever moved
the branch: a commit, a merge, a rename, a deletion.

Which one do I want?
  undo      the last thing I did was wrong, and nobody has it yet
  revert    an older commit was wrong, or others have it: commits the opposite
  restore   only one species, source or series shall be as it was

examples:
  mgit undo
  mgit undo --redo
  mgit undo old-branch       brings a deleted branch back
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("branch", nargs="?", metavar="BRANCH", help="default: the current one")
    parser.add_argument("--redo", action="store_true", help="repeat what the last undo took back")
    parser.add_argument("--dry-run", action="store_true", help="say what would be taken back")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Move the branch one change back or forward."""
    from mgit.cli.context import signature
    from mgit.history import undo as steps

    repository = open_repository(arguments)
    if arguments.branch is not None:
        _refuse_unknown(repository, arguments.branch)
    if arguments.dry_run:
        find = steps.next_redo if arguments.redo else steps.next_undo
        last = find(repository, branch=arguments.branch)
        change = last.change if arguments.redo else last.change.reversed()
        what = f"{last.verb}: {last.message}"
        console.out(f"dry run: would {'repeat' if arguments.redo else 'take back'} {what}")
    else:
        who = signature(repository.layout.control)
        step = steps.redo if arguments.redo else steps.undo
        done = step(repository, who=who, branch=arguments.branch)
        change, what = done.change, done.message.split(": ", 1)[-1]
        console.out(f"{'repeated' if arguments.redo else 'took back'} {what}")
    places = {}
    for ref, (_, new) in sorted(change.refs.items()):
        name = ref.removeprefix("refs/heads/")
        places[name] = new
        be = "would be" if arguments.dry_run else "is"
        where = "gone" if new is None else f"at {new[:10]} {repository.commit(new).subject}"
        console.out(f"  '{name}' {be} {where}")
    if not arguments.redo and not arguments.dry_run:
        console.note("'mgit undo --redo' repeats it")
    console.json({"change": what, "branches": places, "dry_run": bool(arguments.dry_run)})
    return ExitCode.OK


def _refuse_unknown(repository: "Repository", branch: str) -> None:
    """A branch that never was is a slip of the pen; a deleted one can be brought back."""
    from mgit.errors import NotFound
    from mgit.history.refs import branch_ref

    ref = branch_ref(branch)
    entries = repository.operations.entries()
    if repository.refs.get(ref) is None and not any(ref in each.change.refs for each in entries):
        raise NotFound(
            "there is no branch of this name, and there never was",
            branch=branch,
            hint="'mgit branch' lists the branches; 'mgit undo' alone means the current one",
        )
