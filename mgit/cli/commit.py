"""`mgit commit`: record what is staged."""

from mgit.cli.changes import begin, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.stage import StagedTree

__all__ = ["DESCRIPTION", "HELP", "configure", "default_message", "run"]

HELP = "record the staged changes"
DESCRIPTION = """Record what verbs with --no-commit have staged, as one commit.

Verbs that change the population commit at once; only --no-commit leaves work for
this verb. The commit's provenance lists every staged change. 'mgit restore
--staged' drops the stage instead.

examples:
  mgit source exclude hiv TS_43 --no-commit
  mgit source exclude hiv TS_45 --no-commit
  mgit commit -m "Leave out two thick tomograms"
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("-m", "--message", help="message; default: the staged changes, a line each")
    parser.add_argument("--dry-run", action="store_true", help="say what would be recorded")
    parser.add_argument("--sign", action="store_true", help="sign with the key of the settings")
    # What `begin` reads: a commit of the stage continues it.
    parser.set_defaults(no_commit=True)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Make the stage a commit."""
    from mgit.curate.provenance import provenance
    from mgit.errors import EmptyCommit

    repository = open_repository(arguments)
    staged = repository.stage.read()
    if staged is None:
        raise EmptyCommit(
            "nothing is staged", hint="verbs commit at once; '--no-commit' makes them stage instead"
        )
    with begin(repository, arguments, verb="commit") as transaction:
        if transaction.staged is None:
            raise EmptyCommit(
                "what is staged does not differ from HEAD",
                hint="'mgit restore --staged' drops the stage",
            )
        arguments.no_commit = False
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=default_message(staged),
            provenance={
                **provenance({"changes": len(staged.provenance)}),
                "changes": [dict(each) for each in staged.provenance],
            },
        )
    for line in staged.messages:
        console.out(f"  {line.splitlines()[0]}")
    console.json({**facts, "changes": list(staged.messages)})
    return ExitCode.OK


def default_message(staged: "StagedTree") -> str:
    """The one staged message, or a subject that counts them and a line for each."""
    if len(staged.messages) == 1:
        return staged.messages[0]
    lines = [f"- {message.splitlines()[0]}" for message in staged.messages]
    return "\n".join([f"Record {len(lines)} staged changes", "", *lines])
