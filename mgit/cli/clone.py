"""`mgit clone`: copy a population from somewhere else."""

import os

from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "copy a population from somewhere else"
DESCRIPTION = """Copy a population: the whole history that its branches and tags reach.

URL is a directory that holds a population or was pushed to, as a path or as file:///PATH.
Every object and every chunk is hashed again on arrival; what does not fit its name is
refused and nothing appears. The clone remembers where it came from as 'origin'.

An interrupted clone is finished by the same command: segments that had arrived are not
copied again. Raw data is not part of a population: 'mgit source link' says where this
machine has it.

examples:
  mgit clone /shared/populations/lamella
  mgit clone file:///shared/populations/lamella work/lamella
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("url", metavar="URL", help="a path or file:///PATH")
    parser.add_argument(
        "where", nargs="?", metavar="DIR", help="default: the last part of URL, here"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be copied")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Open the remote, copy, tell."""
    from mgit.cli.context import signature
    from mgit.cli.transfers import progress_on, traffic_document, traffic_text
    from mgit.sync.clone import clone
    from mgit.sync.path_remote import PathRemote, directory_of_url

    source = os.path.abspath(directory_of_url(arguments.url))
    url = arguments.url if "://" in arguments.url else source
    directory = os.path.abspath(arguments.where or os.path.basename(source))
    remote = PathRemote(url)
    if arguments.dry_run:
        if os.path.isdir(os.path.join(directory, ".mgit")):
            raise Refused("the directory holds a repository already", directory=directory)
        branches = remote.references().below("refs/heads/")
        console.out(f"dry run: would clone {url} into {directory}")
        for name, value in branches.items():
            console.out(f"  {name}  {value[:10]}")
        console.json({"url": url, "directory": directory, "branches": branches, "dry_run": True})
        return ExitCode.OK
    who = signature(os.path.join(directory, ".mgit"))
    made, fetched = clone(remote, directory, url=url, who=who, progress=progress_on(console))
    head = made.refs.head()
    console.out(f"cloned into {directory}: {traffic_text(fetched.traffic)}")
    commit = made.commit("HEAD")
    console.out(f"on branch {head.branch} at {commit.id[:10]} {commit.subject}")
    console.json(
        {
            "url": url,
            "directory": directory,
            "branch": head.branch,
            "commit": head.commit,
            "traffic": traffic_document(fetched.traffic),
        }
    )
    return ExitCode.OK
