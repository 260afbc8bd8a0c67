"""`mgit remote list`: the remotes and what was last seen of them."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "list the remotes and their branches as last seen"
DESCRIPTION = """List the remotes, and where their branches were when this repository last fetched
from them or pushed to them. The remotes themselves are not asked: 'mgit fetch' does that.
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb: there are none."""


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read and list."""
    from mgit.sync.remotes import read_remotes

    repository = open_repository(arguments)
    remotes = read_remotes(repository)
    if not remotes:
        console.note("no remotes yet: 'mgit remote add NAME URL' adds one")
    documents = []
    for name, url in remotes.items():
        prefix = f"refs/remotes/{name}/"
        branches = {
            ref.removeprefix(prefix): value for ref, value in repository.refs.all(prefix).items()
        }
        console.out(f"{name}  {url}")
        for branch, value in branches.items():
            console.out(f"  {branch}  {value[:10]} {repository.commit(value).subject}")
        documents.append({"name": name, "url": url, "branches": branches})
    console.json({"remotes": documents})
    return ExitCode.OK
