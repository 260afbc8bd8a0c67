"""Entry point of `mgit`: find the verb, import only its module, run it, return an exit code.

Start-up is part of the interface: `mgit --help` and `mgit log` may cost at most four times a bare
interpreter (docs/decisions/001-argparse-not-typer.md), so nothing heavy is imported here.
"""

import os
import sys

from mgit.cli import arguments as command_line
from mgit.cli.console import Console
from mgit.cli.context import colour_wanted, terminal_width, use_one_blas_thread
from mgit.cli.exit_codes import ExitCode, exit_code_of
from mgit.cli.verbs import VERBS, Verb, find
from mgit.errors import MgitError

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["main"]

LINEAR_ALGEBRA = frozenset({"demo", "score", "simulate"})
"""Verbs whose arithmetic is worth several threads."""


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one command line (without the program name) and return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    wants_json = "--json" in words  # mistakes are told before the whole line is understood
    given = command_line.global_parser(wants_json=wants_json).parse_args(words)
    given.json = wants_json
    verb, names, rest = _find_verb(given.rest)
    if verb is None:
        return _without_verb(given.rest, _console(_with_defaults(given, given)))
    if verb.children:
        return _family(verb, names, rest, _console(_with_defaults(given, given)))
    if given.wants_help:
        rest = ["--help"]
    if names[0] not in LINEAR_ALGEBRA:
        use_one_blas_thread()
    return _run(verb, names, rest, given)


def _find_verb(words: "Sequence[str]") -> "tuple[Verb | None, list[str], list[str]]":
    """Walk down the families as far as the words lead."""
    found, names = None, []
    verbs, rest = VERBS, list(words)
    while rest:
        verb = find(rest[0], verbs)
        if verb is None:
            break
        found, verbs = verb, verb.children
        names.append(rest.pop(0))
    return found, names, rest


def _without_verb(words: "Sequence[str]", console: Console) -> int:
    if words:
        return _unknown("mgit", words[0], VERBS, console)
    sys.stdout.write(command_line.overview() + "\n")
    return ExitCode.OK


def _family(verb: Verb, names: "Sequence[str]", rest: "Sequence[str]", console: Console) -> int:
    if rest and not rest[0].startswith("-"):
        return _unknown(" ".join(("mgit", *names)), rest[0], verb.children, console)
    sys.stdout.write(command_line.family_help(names, verb) + "\n")
    return ExitCode.OK


def _unknown(prefix: str, name: str, verbs: "Sequence[Verb]", console: Console) -> int:
    guess = command_line.closest(name, verbs)
    advice = f"did you mean '{prefix} {guess}'?" if guess else f"run '{prefix} --help'"
    console.usage(f"'{name}' is not a verb of '{prefix}'", advice)
    return ExitCode.USAGE


def _run(
    verb: Verb, names: "Sequence[str]", rest: "Sequence[str]", given: "argparse.Namespace"
) -> int:
    asked = _with_defaults(given, given)
    console = _console(asked)
    started_in = None
    try:
        module = _load(verb)
        parser = command_line.verb_parser(names, module, wants_json=asked.json)
        asked = _with_defaults(parser.parse_args(rest), given)
        console = _console(asked)
        if asked.directory != "." and os.path.isdir(asked.directory):
            # As git does: every path of the command line is meant from there.
            started_in = os.getcwd()
            os.chdir(asked.directory)
            asked.directory = "."
        code = int(module.run(asked, console))
        sys.stdout.flush()
    except MgitError as error:
        if asked.debug:
            _print_traceback()
        console.error(error)
        code = exit_code_of(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader, e.g. `head`, has seen enough. The interpreter must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.OK
    except Exception as error:  # noqa: BLE001 the last line of defence: says so and exits 70
        _print_traceback()
        console.bug(error)
        code = ExitCode.BUG
    finally:
        if started_in is not None:
            os.chdir(started_in)
    return code


def _with_defaults(
    parsed: "argparse.Namespace", given: "argparse.Namespace"
) -> "argparse.Namespace":
    """Complete what stands after the verb by what stands before it, then by the defaults."""
    for name, default in command_line.GLOBAL_DEFAULTS.items():
        if not hasattr(parsed, name):
            setattr(parsed, name, getattr(given, name, default))
    return parsed


def _load(verb: Verb) -> "ModuleType":
    import importlib

    assert verb.module is not None
    return importlib.import_module(verb.module)


def _console(parsed: "argparse.Namespace") -> Console:
    return Console(
        wants_json=parsed.json,
        quiet=parsed.quiet,
        colour=not parsed.json and colour_wanted(sys.stdout),
        width=terminal_width(sys.stdout),
    )


def _print_traceback() -> None:
    import traceback

    traceback.print_exc(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
