import pytest

from mgit.errors import Corrupt, Unsupported
from mgit.history.stage import StageDigest, StagedTree

TREE = "a" * 40


def staged(**changes):
    values = {"tree": TREE, "base": "b" * 40, "messages": ("one", "zwei\n")}
    return StagedTree(**{**values, "provenance": ({"verb": "x", "n": 1},), **changes})


def test_what_is_staged_is_read_back(repository):
    assert repository.stage.read() is None
    repository.stage.write(staged())
    assert repository.stage.read() == staged()
    repository.stage.write(staged(base=None, messages=()))
    assert repository.stage.read() == staged(base=None, messages=())


def test_clearing_twice_is_clearing_once(repository):
    repository.stage.write(staged())
    repository.stage.clear()
    repository.stage.clear()
    assert repository.stage.read() is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format":1}', staged().encode()[:-1]])
def test_a_malformed_stage_is_corrupt_and_the_error_says_what_to_do(content):
    with pytest.raises(Corrupt) as caught:
        StagedTree.decode(content)
    assert "restore --staged" in caught.value.hint


@pytest.mark.parametrize("changes", [{"tree": "main"}, {"base": "x"}])
def test_a_stage_that_names_no_object_is_corrupt(changes):
    with pytest.raises(Corrupt):
        StagedTree.decode(staged(**changes).encode())


def test_a_later_format_is_refused():
    line = staged().encode().split(b"\n")[0].replace(b'"format":1', b'"format":2')
    with pytest.raises(Unsupported):
        StagedTree.decode(line + b"\n" + str(StageDigest.of(line)).encode() + b"\n")


def test_every_flipped_bit_of_a_stage_is_found():
    sound = staged().encode()
    for bit in range(8 * len(sound)):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt):
            StagedTree.decode(bytes(damaged))
