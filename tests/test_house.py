"""The house rules that a program can check: budgets, layers, names, documentation, links."""

import ast
import importlib
import re
import subprocess
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from mgit import errors
from mgit.cli import verbs

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "mgit").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)

MODULE_LINES = 400
VERB_LINES = 150
FUNCTION_LINES = 70
FUNCTION_LINES_MEDIAN = 12
LINE_LENGTH = 100
TRACKED_FILE_BYTES = 1_000_000

# A mark of unfinished work is spelt in two parts so that this file does not carry it itself.
UNFINISHED = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b"
)
FOREIGN_PATHS = re.compile(r"(?<![\w.~-])/(?:work|root|opt)/[\w.]")
VAGUE_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
VAGUE_CLASSES = re.compile(r"(Manager|Handler|Helper|Mixin|Util|Utils)$")
UNSAFE_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
TERMINAL_ROOMS = {"cli", "serve"}
FREE_FORM_TESTS = {"property", "golden", "journeys", "physics", "kernels", "benchmarks"}

# Modules whose behaviour is tested where it is used, with the reason.
TESTED_ELSEWHERE = {
    "mgit/state/protocol.py": "protocols only; mgit.testing and history implement them",
    "mgit/exchange/records.py": "plain values; every reader's test uses them",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "mgit").parts
    return parts[0] if len(parts) > 1 else ""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions_of(path: Path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def lines_without_docstring(function) -> int:
    count = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        count -= first.end_lineno - first.lineno + 1
    return count


def imported_modules(path: Path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, node.module


def is_public_module(path: Path) -> bool:
    return not path.stem.startswith("_")


def exported_names(path: Path) -> set[str] | None:
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return set(ast.literal_eval(node.value))
    return None


# --- budgets -----------------------------------------------------------------------------------


def test_no_module_is_longer_than_its_budget():
    long = {
        name_of(path): count
        for path in SOURCES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES
    }
    assert long == {}


def test_a_verb_is_thin():
    long = {}
    for module in verbs.modules():
        path = ROOT / (module.replace(".", "/") + ".py")
        if path.exists():
            count = len(path.read_text(encoding="utf-8").splitlines())
            if count > VERB_LINES:
                long[name_of(path)] = count
    assert long == {}


def test_no_function_is_longer_than_its_budget():
    long = {
        f"{name_of(path)}:{node.lineno} {node.name}": lines_without_docstring(node)
        for path in SOURCES
        for node in functions_of(path)
        if lines_without_docstring(node) > FUNCTION_LINES
    }
    assert long == {}


def test_the_median_function_is_small():
    sizes = [lines_without_docstring(node) for path in SOURCES for node in functions_of(path)]
    assert median(sizes) <= FUNCTION_LINES_MEDIAN


def test_no_line_is_too_long():
    long = [
        f"{name_of(path)}:{number}"
        for path in SOURCES + TESTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LINE_LENGTH
    ]
    assert long == []


# --- side effects ------------------------------------------------------------------------------


def forbidden_calls(path: Path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in {"print", "input", "breakpoint"}:
                yield f"{name_of(path)}:{node.lineno} {node.func.id}()"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr in {"environ", "getenv", "environb", "putenv"}:
                yield f"{name_of(path)}:{node.lineno} os.{node.attr}"
            if node.value.id == "sys" and node.attr in {"stdout", "stderr", "stdin", "argv"}:
                yield f"{name_of(path)}:{node.lineno} sys.{node.attr}"


def test_nothing_below_the_command_line_prints_prompts_or_reads_the_environment():
    found = [
        call
        for path in SOURCES
        if room_of(path) not in TERMINAL_ROOMS and path.name != "__main__.py"
        for call in forbidden_calls(path)
    ]
    assert found == []


def test_only_the_context_reads_the_environment():
    found = [
        call
        for path in SOURCES
        if name_of(path) != "mgit/cli/context.py"
        for call in forbidden_calls(path)
        if " os." in call
    ]
    assert found == []


def test_nothing_unpickles():
    found = [
        f"{name_of(path)}:{line} imports {module}"
        for path in SOURCES + TESTS
        for line, module in imported_modules(path)
        if module.split(".")[0] in UNSAFE_MODULES
    ]
    found += [
        f"{name_of(path)}:{node.value.lineno} allow_pickle"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.keyword)
        and node.arg == "allow_pickle"
        and not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]
    assert found == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"})
        for name in names
    )


def test_no_broad_handler_swallows_an_exception():
    """A handler of everything must raise again; only the entry point may end a run instead."""
    found = [
        f"{name_of(path)}:{handler.lineno}"
        for path in SOURCES
        for handler in ast.walk(tree_of(path))
        if isinstance(handler, ast.ExceptHandler)
        and is_broad(handler)
        and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))
        and name_of(path) != "mgit/cli/main.py"
    ]
    assert found == []


def test_an_error_keeps_its_cause():
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        for handler in ast.walk(tree_of(path))
        if isinstance(handler, ast.ExceptHandler)
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.cause is None
    ]
    assert found == []


# --- names and documentation -------------------------------------------------------------------


def test_names_say_what_things_are():
    vague = [name_of(path) for path in SOURCES + TESTS if path.stem in VAGUE_MODULES]
    vague += [
        f"{name_of(path)}: {node.name}"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and VAGUE_CLASSES.search(node.name)
    ]
    assert vague == []


@pytest.mark.parametrize("path", [p for p in SOURCES if is_public_module(p)], ids=name_of)
def test_a_public_module_lists_what_it_offers(path):
    assert ast.get_docstring(tree_of(path)), "the module says nothing about itself"
    if path.name in {"__init__.py", "__main__.py"}:
        return
    exported = exported_names(path)
    assert exported is not None, "no __all__"
    public = {
        node.name
        for node in tree_of(path).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
    }
    assert public <= exported, f"public but not in __all__: {sorted(public - exported)}"


@cache
def classes_by_name() -> dict[str, ast.ClassDef]:
    return {
        node.name: node
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }


def inherits_documentation(cls: ast.ClassDef, method: str) -> bool:
    """Whether a base documents the method; a base from another project is taken to do so."""
    for base in cls.bases:
        name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", None)
        if name in {None, "object", "Protocol", "ABC", "Enum", "IntEnum", "Exception"}:
            continue
        known = classes_by_name().get(name)
        if known is None or inherits_documentation(known, method):
            return True
        for node in known.body:
            if isinstance(node, ast.FunctionDef) and node.name == method:
                return ast.get_docstring(node) is not None
    return False


def undocumented(path: Path):
    for node in tree_of(path).body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            yield node.name
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if (
                    isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef))
                    and not method.name.startswith("_")
                    and ast.get_docstring(method) is None
                    and not inherits_documentation(node, method.name)
                ):
                    yield f"{node.name}.{method.name}"


def test_everything_public_is_documented():
    found = [
        f"{name_of(path)}: {name}"
        for path in SOURCES
        if is_public_module(path)
        for name in undocumented(path)
    ]
    assert found == []


def test_every_function_is_annotated():
    found = []
    for path in SOURCES:
        for node in functions_of(path):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            missing = [
                each.arg
                for each in arguments
                if each.annotation is None and each.arg not in {"self", "cls"}
            ]
            if node.returns is None or missing:
                found.append(f"{name_of(path)}:{node.lineno} {node.name} {missing}")
    assert found == []


def test_no_flag_is_passed_by_position():
    found = [
        f"{name_of(path)}:{node.lineno} {node.name}({argument.arg})"
        for path in SOURCES
        for node in functions_of(path)
        for argument in [*node.args.posonlyargs, *node.args.args]
        if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "bool"
    ]
    assert found == []


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listing.returncode != 0:
        pytest.skip("the project is not a git checkout")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_nothing_tracked_is_big():
    big = {
        name_of(path): path.stat().st_size
        for path in tracked_files()
        if path.stat().st_size > TRACKED_FILE_BYTES
    }
    assert big == {}


def test_nothing_is_left_unfinished_and_no_machine_is_named():
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if UNFINISHED.search(line) or FOREIGN_PATHS.search(line):
                found.append(f"{name_of(path)}:{number}: {line.strip()}")
    assert found == []


LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+\s+(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_links_between_pages_resolve():
    dead = []
    for page in PAGES:
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            other = (page.parent / file).resolve() if file else page
            if not other.exists() or (
                anchor and other.suffix == ".md" and anchor not in anchors(other)
            ):
                dead.append(f"{name_of(page)} -> {target}")
    assert dead == []


def test_pages_that_the_code_cites_exist():
    dead = {
        f"{name_of(path)} -> {cited}"
        for path in SOURCES
        for cited in re.findall(r"\bdocs/[\w./-]+\.md\b", path.read_text(encoding="utf-8"))
        if not (ROOT / cited).exists()
    }
    assert dead == set()


# --- tests mirror modules ----------------------------------------------------------------------


def test_the_overview_of_the_mathematics_links_every_page():
    pages = ROOT / "docs/math"
    overview = (pages / "README.md").read_text()
    missing = [
        page.name
        for page in sorted(pages.glob("*.md"))
        if page.name != "README.md" and f"({page.name})" not in overview
    ]
    assert not missing


def test_every_module_has_a_test_beside_it():
    missing = []
    for path in SOURCES:
        if path.name in {"__init__.py", "__main__.py"} or name_of(path) in TESTED_ELSEWHERE:
            continue
        folder = ROOT / "tests" / path.relative_to(ROOT / "mgit").parent
        stem = path.stem.removeprefix("_")
        if not any(folder.glob(f"test_{stem}.py")) and not any(folder.glob(f"test_{stem}_*.py")):
            missing.append(name_of(path))
    assert missing == []


def test_every_test_has_a_module_beside_it():
    orphans = []
    for path in TESTS:
        parts = path.relative_to(ROOT / "tests").parts
        if len(parts) == 1 or parts[0] in FREE_FORM_TESTS or not path.name.startswith("test_"):
            continue
        folder = (ROOT / "mgit").joinpath(*parts[:-1])
        subject = path.stem.removeprefix("test_")
        stems = {each.stem.removeprefix("_") for each in folder.glob("*.py")}
        if not any(subject == stem or subject.startswith(stem + "_") for stem in stems):
            orphans.append(name_of(path))
    assert orphans == []


# --- layers, errors, verbs ---------------------------------------------------------------------


def test_rooms_import_downwards_only(monkeypatch, capsys):
    importlinter = pytest.importorskip("importlinter.cli")
    monkeypatch.chdir(ROOT)
    code = importlinter.lint_imports(no_cache=True, no_logo=True)
    assert code == 0, capsys.readouterr().out


def test_kernels_import_nothing_of_mgit():
    found = [
        f"{name_of(path)}:{line}"
        for path in sorted((ROOT / "kernels").rglob("*.py"))
        for line, module in imported_modules(path)
        if module.split(".")[0] == "mgit"
    ]
    assert found == []


def test_error_kinds_are_only_ever_added():
    frozen = dict(
        line.split() for line in (ROOT / "tests" / "error_kinds.txt").read_text().splitlines()
    )
    present = {}
    for name in errors.__all__:
        kind = getattr(errors, name).kind
        assert kind not in present, f"'{kind}' names two errors"
        present[kind] = name
    assert {kind: present.get(kind) for kind in frozen} == frozen
    assert present.keys() == frozen.keys(), "append the new kind to tests/error_kinds.txt"


@pytest.mark.parametrize("module", verbs.modules())
def test_a_registered_verb_keeps_the_contract(module):
    verb = importlib.import_module(module)
    assert verb.HELP
    assert not verb.HELP.endswith(".")
    assert verb.DESCRIPTION
    assert callable(verb.configure)
    assert callable(verb.run)
