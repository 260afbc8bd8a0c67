"""Parsers of the command line: the options every verb shares, and one parser per verb."""

import argparse
import sys

from mgit import __version__
from mgit.cli.console import Console
from mgit.cli.context import terminal_width
from mgit.cli.exit_codes import MEANINGS
from mgit.cli.verbs import GROUPS, VERBS, Verb

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["closest", "family_help", "global_parser", "overview", "verb_parser"]

GLOBAL_DEFAULTS = {"directory": ".", "json": False, "quiet": False, "debug": False}
HELP_COLUMN = 13
HELP_WIDTH = 80
HELP_WIDTH_MAX = 100


class _Parser(argparse.ArgumentParser):
    """argparse with git's grammar of messages."""

    wants_json = False

    def error(self, message: str) -> "None":  # type: ignore[override]
        """Tell the message without the usage wall and leave with exit code 2."""
        Console(wants_json=self.wants_json).usage(message, f"run '{self.prog} --help'")
        self.exit(2)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help at the width of the terminal; argparse would import shutil (2 ms) to ask for it."""

    def __init__(self, prog: str) -> None:
        width = terminal_width(sys.stdout) or HELP_WIDTH
        super().__init__(prog, width=min(width, HELP_WIDTH_MAX) - 2)


def global_parser(*, wants_json: bool = False) -> argparse.ArgumentParser:
    """Parser of what stands before the verb; leaves the verb and the rest alone.

    wants_json: a mistake becomes a JSON document too.
    """
    parser = _Parser(prog="mgit", add_help=False, allow_abbrev=False, formatter_class=_Help)
    parser.wants_json = wants_json
    _add_global_options(parser)
    parser.add_argument("-h", "--help", action="store_true", dest="wants_help")
    parser.add_argument("--version", action="version", version=f"mgit {__version__}")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    return parser


def verb_parser(
    names: "Sequence[str]", module: "ModuleType", *, wants_json: bool = False
) -> argparse.ArgumentParser:
    """Parser of one verb: its module's options and the global ones, which may follow the verb.

    wants_json: a mistake becomes a JSON document too.
    """
    parser = _Parser(
        prog=" ".join(("mgit", *names)),
        description=module.DESCRIPTION,
        epilog=_exit_code_lines(),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.wants_json = wants_json
    module.configure(parser)
    _add_global_options(parser.add_argument_group("options of every verb"))
    return parser


def _add_global_options(parser: "argparse._ActionsContainer") -> None:
    # SUPPRESS: an option that is absent after the verb must not undo the same option before it.
    parser.add_argument(
        "-C",
        dest="directory",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="run as if started in DIR",
    )
    for flag, text in (
        ("--json", "write one JSON document to standard output"),
        ("--quiet", "no notes and no progress"),
        ("--debug", "show the traceback of an error"),
    ):
        parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=text)


def overview() -> str:
    """What `mgit` and `mgit --help` print: every verb by group, global options, exit codes."""
    lines = ["usage: mgit [-C DIR] [--json] [--quiet] [--debug] VERB ...", ""]
    lines.append("Version control for the state of multi-particle refinement.")
    for group in GROUPS:
        lines += ["", f"{group}:"]
        lines += [_row(verb) for verb in VERBS if verb.group == group]
    lines += [
        "",
        "options of every verb, before or after it:",
        f"  {'-C DIR':<{HELP_COLUMN}}run as if started in DIR",
        f"  {'--json':<{HELP_COLUMN}}write one JSON document to standard output",
        f"  {'--quiet':<{HELP_COLUMN}}no notes and no progress",
        f"  {'--debug':<{HELP_COLUMN}}show the traceback of an error",
        f"  {'--version':<{HELP_COLUMN}}print the version",
        "",
        _exit_code_lines(),
        "",
        "'mgit VERB --help' explains one verb.",
    ]
    return "\n".join(lines)


def family_help(names: "Sequence[str]", family: Verb) -> str:
    """What `mgit source` prints: the verbs of one family."""
    prefix = " ".join(("mgit", *names))
    lines = [f"usage: {prefix} VERB ...", "", f"{family.help[0].upper()}{family.help[1:]}.", ""]
    lines += [_row(verb) for verb in family.children]
    lines += ["", f"'{prefix} VERB --help' explains one verb."]
    return "\n".join(lines)


def closest(name: str, verbs: "Sequence[Verb]") -> str | None:
    """The verb that was probably meant, or None."""
    import difflib  # deferred: only a misspelt verb needs it

    matches = difflib.get_close_matches(name, [verb.name for verb in verbs], n=1)
    return matches[0] if matches else None


def _row(verb: Verb) -> str:
    return f"  {verb.name:<{HELP_COLUMN}}{verb.help}"


def _exit_code_lines() -> str:
    lines = ["exit codes:"]
    lines += [f"  {int(code):>3}  {meaning}" for code, meaning in MEANINGS]
    return "\n".join(lines)
