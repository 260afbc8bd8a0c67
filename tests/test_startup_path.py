"""Light verbs start light: what is in memory after them, seen from a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    "asyncio",
    "dataclasses",
    "dulwich",
    "mrcfile",
    "numba",
    "numpy",
    "pathlib",
    "rich",
    "scipy",
    "torch",
    "typer",
    "typing",
    "zarr",
}
PROBE = """
import sys
before = set(sys.modules)
import json
{action}
sys.stderr.write(json.dumps(sorted({{name.split(".")[0] for name in set(sys.modules) - before}})))
"""


def modules_after(action, *, directory=ROOT):
    """Top-level names that `action` brought into a fresh interpreter."""
    ended = subprocess.run(
        [sys.executable, "-c", PROBE.format(action=action)],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "module", ["errors", "digest", "history.commits", "history.refs", "history.revisions"]
)
def test_modules_of_the_start_up_path_import_nothing_heavy(module):
    assert modules_after(f"import mgit.{module}") & HEAVY == set()


def test_the_probe_sees_a_heavy_module():
    assert "numpy" in modules_after("import numpy") & HEAVY


def test_the_overview_imports_no_verb_and_nothing_heavy():
    after = "from mgit.cli.main import main; main(['--help'])"
    assert modules_after(after) & HEAVY == set()
    probe = after + "; assert not [m for m in sys.modules if m.startswith('mgit.history')]"
    modules_after(probe)


def test_log_shows_history_without_anything_heavy(mgit_process, tmp_path):
    made = mgit_process("init", "--name", "start-up")
    assert made.returncode == 0, made.stderr
    for options in ("", ", '--oneline'", ", '--graph'", ", '--json'"):
        after = f"from mgit.cli.main import main; assert main(['log'{options}]) == 0"
        assert modules_after(after, directory=tmp_path) & HEAVY == set()
