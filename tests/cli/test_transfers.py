import pytest

from mgit.cli.transfers import move_lines, named_remote, traffic_document, traffic_text
from mgit.errors import NotFound
from mgit.sync.remotes import add
from mgit.sync.transfer import Traffic
from tests.history.histories import begin

TRAFFIC = Traffic(segments=1, segment_bytes=1_500_000, packs=1, pack_bytes=2_000, commits=2)


def test_traffic_in_words():
    assert traffic_text(TRAFFIC) == "2 commits, 1.5 MB (1 segment 1.5 MB, history 2 kB)"
    resumed = Traffic(segments=2, skipped_bytes=64_000_000, commits=1)
    assert traffic_text(resumed).endswith("64 MB had arrived before")
    assert traffic_document(TRAFFIC)["total_bytes"] == 1_502_000


def test_moves_in_words():
    moves = {
        "refs/remotes/origin/a": (None, "1" * 40),
        "refs/heads/b": ("1" * 40, "2" * 40),
        "refs/mgit/refine/c": ("1" * 40, None),
    }
    assert move_lines(moves) == [
        "  origin/a  new at 1111111111",
        "  b  1111111111 -> 2222222222",
        "  refs/mgit/refine/c  1111111111 -> gone",
    ]


def test_the_only_remote_needs_no_name(tmp_path):
    repository = begin(tmp_path / "a")
    begin(tmp_path / "b")
    with pytest.raises(NotFound):
        named_remote(repository, None)
    add(repository, "ada", str(tmp_path / "b"))
    assert named_remote(repository, None)[0] == "ada"
    add(repository, "ben", str(tmp_path / "b"))
    with pytest.raises(NotFound):
        named_remote(repository, None)
    assert named_remote(repository, "ben")[0] == "ben"
