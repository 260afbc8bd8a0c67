"""Every command that an error, a note or a page advises is one that mgit understands."""

import importlib
import re

import pytest

from mgit.cli.arguments import verb_parser
from mgit.cli.settings import KNOWN
from mgit.cli.verbs import VERBS, find
from tests.conftest import ROOT

QUOTED = re.compile(r"['`]mgit((?: +[^'`\n]+)?)['`]")
PATTERNS = ("mgit/**/*.py", "docs/*.md", "docs/howto/*.md", "docs/tutorial/*.md", "README.md")
NO_COMMANDS = (["particle", "v1"],)  # the domain of a digest
OPTIONS_OF_ALL = {"-C", "--json", "--quiet", "--debug", "--version", "--help"}


def advised():
    for pattern in PATTERNS:
        for path in sorted(ROOT.glob(pattern)):
            text = re.sub(r"[\"']\n\s+f?[\"']", "", path.read_text())
            for match in QUOTED.finditer(text):
                words = (match.group(1) or "").split()
                if words and words[0].isalpha() and words[0].islower() and words not in NO_COMMANDS:
                    yield path.relative_to(ROOT).as_posix(), words


def options_of(names, verb):
    parser = verb_parser(names, importlib.import_module(verb.module))
    return {option for action in parser._actions for option in action.option_strings}


def fault(words):
    """Why a command line would not be understood, or None."""
    names, verbs, verb = [], VERBS, None
    while words and find(words[0], verbs):
        verb = find(words[0], verbs)
        names.append(words[0])
        words, verbs = words[1:], verb.children
    if verb is None or (verb.children and words and words[0][0].islower()):
        return f"no verb {' '.join([*names, *words[:1]])}"
    if verb.children:
        return None
    known = options_of(names, verb) | OPTIONS_OF_ALL
    for word in words:
        option = re.match(r"--?[a-zA-Z][a-z0-9-]*", word)
        if option and option.group() not in known:
            return f"no option {option.group()} of {' '.join(names)}"
    if names == ["config"] and words and words[0][0].islower() and words[0] not in KNOWN:
        return f"no setting {words[0]}"
    return None


def test_every_advised_command_exists():
    found = list(advised())
    assert len(found) > 100
    wrong = [(place, " ".join(words), fault(words)) for place, words in found if fault(words)]
    assert wrong == []


@pytest.mark.parametrize(
    "line", ["comit -m x", "source sett NAME", "config user.signature PATH", "tag --signed x"]
)
def test_a_command_that_does_not_exist_is_noticed(line):
    assert fault(line.split()) is not None
