"""What every test may use: deterministic property tests, the test data, mgit as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

settings.register_profile(
    "mgit",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mgit")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real test data beside the checkout; the test skips, counted, without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the test data folder ../shared/data is not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def mgit_process(tmp_path):
    """Run `mgit ARGUMENTS...` as a real process in `tmp_path`: fixed identity, no user files."""

    def run(*arguments, cwd=None, environment=None):
        variables = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path / "home"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "COLUMNS": "100",
            "MGIT_AUTHOR_NAME": "Ada Test",
            "MGIT_AUTHOR_EMAIL": "ada@example.org",
            **(environment or {}),
        }
        return subprocess.run(
            [sys.executable, "-m", "mgit.cli.main", *map(str, arguments)],
            cwd=cwd or tmp_path,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
