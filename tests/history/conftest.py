import pytest

from tests.history.histories import begin


@pytest.fixture
def repository(tmp_path):
    """An empty population with its first commit on 'main'."""
    return begin(tmp_path / "population")
