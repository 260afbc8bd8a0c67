"""`mgit switch`: make another branch the current one."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import DirtyStage, InvalidInput, MgitError, NotFound, Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "make another branch the current one"
DESCRIPTION = """Make another branch the current one: what later verbs change.

Nothing is checked out, so switching costs nothing. Refused while changes are
staged.

examples:
  mgit switch refined
  mgit switch -c try-defocus          create at HEAD and switch
  mgit switch -c retry main~3         create at a revision and switch
  mgit switch --detach v1             look at a commit without a branch
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="branch; a revision with --detach")
    parser.add_argument("start", nargs="?", metavar="REV", help="with -c: where it begins")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-c", "--create", action="store_true", help="create the branch first")
    how.add_argument("--detach", action="store_true", help="put HEAD on a commit")
    parser.add_argument("--dry-run", action="store_true", help="say where HEAD would go")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Move HEAD."""
    from mgit.cli.context import signature
    from mgit.history import branches

    repository = open_repository(arguments)
    who = signature(repository.layout.control)
    name = arguments.name
    if arguments.start is not None and not arguments.create:
        raise Refused("a start belongs to a new branch", hint=f"'mgit switch -c {name} REV'")
    if arguments.dry_run:
        return _dry_run(repository, arguments, console)
    if arguments.create:
        if repository.stage.read() is not None:
            raise DirtyStage("'switch' would leave the staged changes behind")
        branches.create(repository, name, start=arguments.start or "HEAD", who=who)
    try:
        moved = branches.switch(repository, name, who=who, detach=arguments.detach)
    except (NotFound, InvalidInput) as error:
        raise _perhaps_a_commit(repository, name, error) from error
    head = repository.refs.head()
    commit = repository.commit("HEAD")
    where = f"'{head.branch}'" if head.branch else "no branch (detached HEAD)"
    how = "created and switched to" if arguments.create else "switched to"
    console.out(f"{how if moved else 'already on'} {where} at {commit.id[:10]} {commit.subject}")
    if head.branch is None:
        console.note(
            "note: commits made here belong to no branch; 'mgit switch -c NAME' keeps them"
        )
    console.json({"branch": head.branch, "commit": commit.id, "moved": moved is not None})
    return ExitCode.OK


def _dry_run(repository: "Repository", arguments: "argparse.Namespace", console: Console) -> int:
    from mgit.history.refs import branch_ref

    if repository.stage.read() is not None:
        raise DirtyStage("'switch' would leave the staged changes behind")
    name = arguments.name
    exists = repository.refs.get(branch_ref(name)) is not None if not arguments.detach else True
    if exists is arguments.create:
        what = "exists already" if exists else "does not exist"
        raise (Refused if exists else NotFound)(f"the branch '{name}' {what}")
    commit = repository.commit((arguments.start or "HEAD") if arguments.create else name)
    console.out(f"dry run: would switch to '{name}' at {commit.id[:10]} {commit.subject}")
    console.json({"branch": name, "commit": commit.id, "dry_run": True})
    return ExitCode.OK


def _perhaps_a_commit(repository: "Repository", name: str, error: MgitError) -> MgitError:
    """The same refusal with the option that is missing, where the name means a commit."""
    try:
        repository.resolve(name)
    except (NotFound, InvalidInput):
        return error
    return Refused(
        f"'{name}' is a commit and no branch",
        hint=f"'mgit switch --detach {name}' looks at it, 'mgit switch -c NAME {name}' works on it",
    )
