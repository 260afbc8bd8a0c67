import pytest

from mgit.errors import Corrupt, NotFound, Unsupported
from mgit.history.layout import Layout, find_repository
from tests.history.histories import begin


def test_a_repository_is_found_from_below(repository, tmp_path):
    below = tmp_path / "population" / "a" / "b"
    below.mkdir(parents=True)
    assert find_repository(str(below)).root == repository.root


def test_the_nearest_repository_wins(repository, tmp_path):
    inner = begin(tmp_path / "population" / "inner")
    assert find_repository(inner.root).root == inner.root


def test_no_repository_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(NotFound) as caught:
        find_repository(str(tmp_path))
    assert "mgit init" in caught.value.hint


@pytest.mark.parametrize("line", [b"mgit 2\n", b"mgit 1", b"", b"mgit 1\n\n"])
def test_another_format_is_refused_before_anything_is_read(repository, line):
    with open(repository.layout.format, "wb") as stream:
        stream.write(line)
    with pytest.raises(Unsupported):
        find_repository(repository.root)


def test_a_directory_without_a_format_is_no_repository(tmp_path):
    (tmp_path / ".mgit").mkdir()
    with pytest.raises(Corrupt):
        find_repository(str(tmp_path))


def test_parents_come_before_children(tmp_path):
    seen = {str(tmp_path)}
    for directory in Layout(str(tmp_path)).directories():
        assert directory.rpartition("/")[0] in seen
        seen.add(directory)
