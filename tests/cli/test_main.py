"""The entry point: verbs are found, options stand around them, errors become exit codes."""

import json
import os
import subprocess
import sys
import types

import pytest

from mgit.cli import main as entry
from mgit.cli.verbs import VERBS, Verb
from mgit.errors import Corrupt, NotFound, RefMoved


@pytest.fixture
def verb(monkeypatch):
    """Register a verb 'probe' whose run is the given function; main() then runs it."""

    def register(run):
        module = types.ModuleType("probe")
        module.HELP = module.DESCRIPTION = "look at the arguments"
        module.configure = lambda parser: parser.add_argument("--size", type=int)
        module.run = run
        monkeypatch.setitem(sys.modules, "probe", module)
        monkeypatch.setattr(entry, "VERBS", (Verb("probe", "probe", module="probe"), *VERBS))

    return register


def test_the_overview_names_every_verb_and_exit_code(capsys):
    assert entry.main([]) == 0
    text = capsys.readouterr().out
    for each in VERBS:
        assert f"  {each.name} " in text
    for code in (" 0  ok", "130  interrupted", " 70  a bug"):
        assert code in text
    entry.main(["--help"])
    assert capsys.readouterr().out == text


def test_a_family_lists_its_verbs(capsys):
    assert entry.main(["source"]) == 0
    text = capsys.readouterr().out
    assert "exclude" in text
    assert "usage: mgit source VERB" in text
    entry.main(["source", "--help"])
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["comit"], "did you mean 'mgit commit'?"),
        (["source", "ad"], "did you mean 'mgit source add'?"),
        (["qqqq"], "run 'mgit --help'"),
    ],
)
def test_an_unknown_verb_is_a_usage_error_with_advice(words, advice, capsys):
    assert entry.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert advice in captured.err


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "comit"],
        ["source", "ad", "--json"],
        ["probe", "--size", "many", "--json"],
        ["--json", "probe", "--sise", "3"],
        ["--json", "-C"],
    ],
)
def test_a_usage_error_is_a_json_document_where_one_is_wanted(words, verb, capsys):
    verb(lambda arguments, console: 0)
    try:
        code = entry.main(words)
    except SystemExit as ended:
        code = ended.code
    captured = capsys.readouterr()
    assert code == 2
    assert json.loads(captured.out)["error"]["kind"] == "usage"
    assert captured.err == ""


def test_paths_are_meant_from_the_directory_of_the_option(verb, tmp_path, monkeypatch, capsys):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    seen = []
    verb(lambda arguments, console: seen.append((os.getcwd(), arguments.directory)) or 0)
    assert entry.main(["-C", "there", "probe"]) == 0
    assert seen == [(str(tmp_path / "there"), ".")]
    assert os.getcwd() == str(tmp_path)


def test_an_unknown_option_is_a_usage_error(verb, capsys):
    verb(lambda arguments, console: 0)
    with pytest.raises(SystemExit) as ended:
        entry.main(["probe", "--sise", "3"])
    assert ended.value.code == 2
    assert "error: unrecognized arguments: --sise 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["-C", "there", "--json", "probe", "--size", "3"],
        ["probe", "--size", "3", "-C", "there", "--json"],
        ["-C", "there", "probe", "--json", "--size", "3"],
    ],
)
def test_global_options_stand_before_or_after_the_verb(verb, words):
    seen = []
    verb(lambda arguments, console: seen.append((arguments, console.wants_json)) or 0)
    assert entry.main(words) == 0
    arguments, wants_json = seen[0]
    assert (arguments.directory, arguments.size, arguments.json) == ("there", 3, True)
    assert wants_json
    assert (arguments.quiet, arguments.debug) == (False, False)


def test_the_help_of_a_verb_ends_with_the_exit_codes(verb, capsys):
    verb(lambda arguments, console: 0)
    with pytest.raises(SystemExit) as ended:
        entry.main(["probe", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "usage: mgit probe" in text
    assert "130  interrupted" in text


def test_a_verb_returns_the_exit_code(verb):
    verb(lambda arguments, console: 7)
    assert entry.main(["probe"]) == 7


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotFound("no such branch", name="x"), 5), (RefMoved("it moved"), 3), (Corrupt("bad"), 4)],
)
def test_an_error_is_told_and_becomes_an_exit_code(verb, error, code, capsys):
    def fail(arguments, console):
        raise error

    verb(fail)
    assert entry.main(["probe"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"error: {error.message}\n" in captured.err
    assert "Traceback" not in captured.err
    entry.main(["probe", "--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_an_error_is_one_document_in_json_mode(verb, capsys):
    def fail(arguments, console):
        raise NotFound("no such branch", name="x", hint="look at the list")

    verb(fail)
    assert entry.main(["--json", "probe"]) == 5
    assert json.loads(capsys.readouterr().out) == {
        "error": {
            "kind": "not-found",
            "message": "no such branch",
            "fields": {"name": "x"},
            "hint": "look at the list",
        }
    }


def test_an_unexpected_exception_is_called_a_bug(verb, capsys):
    def fail(arguments, console):
        raise ZeroDivisionError("by zero")

    verb(fail)
    assert entry.main(["probe"]) == 70
    text = capsys.readouterr().err
    assert "this is a bug in mgit: ZeroDivisionError: by zero" in text
    assert "Traceback" in text


def test_a_verb_that_cannot_be_loaded_is_a_bug(monkeypatch, capsys):
    broken = Verb("probe", "probe", module="mgit.cli.no_such_module")
    monkeypatch.setattr(entry, "VERBS", (broken,))
    assert entry.main(["--json", "probe"]) == 70
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "bug"


def test_an_interrupt_exits_130(verb, capsys):
    def fail(arguments, console):
        raise KeyboardInterrupt

    verb(fail)
    assert entry.main(["probe"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_reader_that_went_away_is_no_error():
    """`mgit ... | head` must not end in a traceback."""
    script = (
        "import sys\n"
        "from types import SimpleNamespace\n"
        "from mgit.cli import main\n"
        "def run(arguments, console):\n"
        "    for _ in range(100000): console.out('a line that nobody reads')\n"
        "    return 0\n"
        "main._load = lambda verb: SimpleNamespace(\n"
        "    DESCRIPTION='', configure=lambda parser: None, run=run)\n"
        "sys.exit(main.main(['log']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    process.stdout.readline()
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    assert complaint == b""


def test_the_version_is_printed(mgit_process):
    ended = mgit_process("--version")
    assert (ended.returncode, ended.stdout) == (0, "mgit 0.1.0\n")


@pytest.mark.parametrize(("exempt", "threads"), [(frozenset(), "1"), (frozenset({"probe"}), None)])
def test_only_verbs_of_linear_algebra_start_blas_threads(verb, monkeypatch, exempt, threads):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    monkeypatch.setattr(entry, "LINEAR_ALGEBRA", exempt)
    seen = []
    verb(lambda *_: seen.append(os.environ.get("OPENBLAS_NUM_THREADS")) or 0)
    assert entry.main(["probe"]) == 0
    assert seen == [threads]
