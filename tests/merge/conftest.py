import pytest

from tests.survey.populations import populate


@pytest.fixture
def repository(tmp_path):
    """A population with a source of two series and a species of ten particles."""
    return populate(tmp_path / "population")
