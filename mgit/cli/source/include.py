"""`mgit source include`: bring excluded series or tilts back."""

from mgit.cli.changes import change_options
from mgit.cli.console import Console
from mgit.cli.source.exclude import change_selection, selection_options

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "bring excluded series or tilts back"
DESCRIPTION = """Bring excluded series, or single tilts of one series, back into use.

Without a series' name, all excluded series of the source come back.

examples:
  mgit source include hiv TS_03
  mgit source include hiv TS_01 --tilts 38-41
  mgit source include hiv
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    selection_options(parser)
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Include and commit."""
    return change_selection(arguments, console, verb="source include", use=True)
