import subprocess
import sys
from dataclasses import replace

import pytest

from mgit.history import lease
from mgit.store.files import Files


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk():
    """A death in the same kernel loses nothing that was written; the calls are made all the same.

    tests/store/test_files.py sees to it that they are the right ones.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Files, "_fsync", lambda self, descriptor: None)
        patch.setattr(Files, "_fsync_directory", lambda self, path: None)
        yield


@pytest.fixture
def deaths_are_seen(monkeypatch):
    """What a test runs counts as another process, which has ended by the time of the check."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = replace(lease.this_process(), pid=child.pid)
    monkeypatch.setattr(lease, "this_process", lambda: gone)
    monkeypatch.setattr(lease, "TORN_EXPIRES_S", -1)
