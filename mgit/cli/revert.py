"""`mgit revert`: commit the opposite of an earlier commit."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "commit the opposite of an earlier commit"
DESCRIPTION = """Commit the opposite of an earlier commit of this branch; what came after stays.

Refused, with the paths, if later commits changed the same things again.
'mgit undo' takes back the last change without a trace in the history; 'mgit
restore' brings single paths back.

examples:
  mgit revert HEAD~2
  mgit revert 1a2b3c4 -m "The second CTF refinement made the defocus worse"
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", metavar="REV", help="the commit to invert")
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Write the opposite and commit it."""
    from mgit.curate.provenance import provenance
    from mgit.history.graph import is_ancestor
    from mgit.history.revert import revert
    from mgit.survey.loose_ends import refuse_homeless

    repository = open_repository(arguments)
    commit = repository.commit(arguments.revision)
    if not is_ancestor(commit.id, repository.resolve("HEAD"), repository.commit):
        raise Refused(
            f"commit {commit.id[:10]} is no ancestor of HEAD, so there is nothing to take back",
            hint="'mgit switch' to a branch that holds it",
        )
    with begin(repository, arguments, verb="revert") as transaction:
        paths = revert(repository, commit.id, transaction.draft)
        refuse_homeless(transaction.draft, paths)
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Revert '{commit.subject}'\n\nThis takes back commit {commit.id}.",
            provenance=provenance({"commit": commit.id}),
        )
    console.out(f"  {len(paths)} paths are as before {commit.id[:10]} {commit.subject}")
    console.json({**facts, "reverted": commit.id, "paths": list(paths)})
    return ExitCode.OK
