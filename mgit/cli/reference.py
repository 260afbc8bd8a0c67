"""The page docs/cli.md, from every verb's help: `python -m mgit.cli.reference > docs/cli.md`."""

import importlib
import sys

from mgit.cli import arguments as command_line
from mgit.cli.verbs import VERBS, Verb

__all__ = ["page"]

TITLE = """# The command line

Made from the help texts by `python -m mgit.cli.reference`; a test compares. Options of every verb
and exit codes stand once, at the top.
"""


def page() -> str:
    """The whole page."""
    parts = [TITLE, _block(command_line.overview())]
    for verb in VERBS:
        parts.extend(_sections(verb, ()))
    return "\n".join(parts)


def _sections(verb: Verb, family: tuple[str, ...]) -> list[str]:
    names = (*family, verb.name)
    if verb.children:
        return [part for child in verb.children for part in _sections(child, names)]
    assert verb.module is not None
    parser = command_line.verb_parser(names, importlib.import_module(verb.module))
    text = parser.format_help()
    # What all verbs share stands at the top of the page.
    own = text.split("\noptions of every verb:")[0]
    return [f"## mgit {' '.join(names)}\n", _block(own.rstrip())]


def _block(text: str) -> str:
    return f"```\n{text.rstrip()}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(page())
