"""`mgit source hash`: complete the full digests of linked raw data."""

from mgit.cli.changes import change_options, open_repository
from mgit.cli.console import Console
from mgit.cli.source.link import bind_and_finish

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "complete the full digests of linked raw data"
DESCRIPTION = """Read the linked raw files of a source completely and record their digests.

An import knows large files by a quick digest. This verb reads them whole, in
parallel, and commits plain BLAKE3 digests that 'b3sum' can check. An interrupted run
goes on where it stopped: what was read is kept by size, mtime and inode.

examples:
  mgit source hash hiv
  mgit source hash hiv --again
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the source")
    parser.add_argument("--again", action="store_true", help="read also what was read before")
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Digest every linked file completely and commit what is new."""
    return bind_and_finish(
        open_repository(arguments),
        arguments,
        console,
        verb="source hash",
        directory=None,
        complete=True,
        again=arguments.again,
    )
