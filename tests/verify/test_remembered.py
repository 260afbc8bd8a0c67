"""What an audit remembers of objects: each is read once, within bounds, and never damage."""

import pytest

from mgit.errors import Corrupt
from mgit.history.packfile import PackFile
from mgit.verify.remembered import remembering


@pytest.fixture
def reads(monkeypatch):
    """Offsets at which packs are read, in order."""
    found = []
    inner = PackFile.read
    monkeypatch.setattr(
        PackFile, "read", lambda self, offset: found.append(offset) or inner(self, offset)
    )
    return found


def test_an_object_is_read_and_hashed_once(repository, reads):
    audited = remembering(repository)
    tree = audited.commit("HEAD").tree
    expected = repository.objects.read(tree), repository.objects.read_tree(tree)
    del reads[:]
    for _ in range(3):
        assert (audited.objects.read(tree), audited.objects.read_tree(tree)) == expected
    assert len(reads) == 1


def test_what_does_not_fit_into_memory_is_read_again(repository, reads):
    audited = remembering(repository, limit_bytes=0)
    tree = repository.commit("HEAD").tree
    expected = repository.objects.read(tree)
    del reads[:]
    assert audited.objects.read(tree) == audited.objects.read(tree) == expected
    assert len(reads) == 2


def test_the_repository_itself_remembers_nothing(repository, reads):
    objects = repository.objects
    audited = remembering(repository)
    assert repository.objects is objects
    tree = repository.commit("HEAD").tree
    audited.objects.read(tree)
    del reads[:]
    repository.objects.read(tree)
    assert len(reads) == 1


def test_a_damaged_object_is_damaged_at_every_look(repository, monkeypatch):
    audited = remembering(repository)
    tree = repository.commit("HEAD").tree
    with monkeypatch.context() as patched:
        patched.setattr(PackFile, "read", lambda _self, _offset: ("tree", b"other bytes"))
        for _ in range(2):
            with pytest.raises(Corrupt):
                audited.objects.read(tree)
    assert audited.objects.read(tree) == repository.objects.read(tree)
