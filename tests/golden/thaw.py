"""A frozen repository unpacked where a test may do with it what it likes."""

import os
import subprocess
import tarfile
from pathlib import Path

from tests.golden.make_v1 import ARCHIVE


def thaw(folder):
    """Unpack the frozen repository below a folder; returns the directory that holds `.mgit`."""
    root = Path(folder) / "population"
    root.mkdir()
    with tarfile.open(ARCHIVE, "r:gz") as archive:
        archive.extractall(root, filter="data")
    return str(root)


def git(root, *arguments, stdin=None, check=True):
    """Run plain Git on the bare repository, without settings of this machine; returns stdout."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": os.path.join(root, "no-home"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C.UTF-8",
        "GIT_PAGER": "cat",
    }
    command = ["git", "--git-dir", os.path.join(root, ".mgit", "git"), *map(str, arguments)]
    content = None if stdin is None else Path(stdin).read_bytes()
    done = subprocess.run(
        command, env=environment, input=content, capture_output=True, check=False, timeout=60
    )
    if check:
        assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
