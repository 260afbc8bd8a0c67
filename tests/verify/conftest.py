import os
import shutil

import pytest

from mgit.history.repository import Repository
from mgit.verify.audit import Request, verify
from mgit.verify.findings import Level
from tests.verify.populations import RawFolder, begin, reopened


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """A folder with a population and its raw files; never changed."""
    directory = tmp_path_factory.mktemp("pristine")
    begin(str(directory))
    return directory


@pytest.fixture
def folder(pristine, tmp_path):
    """A copy of the pristine folder: 'population' and 'raw'."""
    shutil.copytree(pristine, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def repository(folder):
    return Repository.open(str(folder / "population"))


@pytest.fixture
def audit(folder):
    """Check everything that can be checked, as a process that remembers nothing."""

    def run(repository, **changes):
        request = Request(
            **{
                "level": Level.CONTENT,
                "domain": True,
                "raw": RawFolder(os.path.join(folder, "raw")),
                **changes,
            }
        )
        return verify(reopened(repository), request)

    return run
