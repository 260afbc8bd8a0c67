import pytest

from mgit.errors import Corrupt, InvalidInput, InvalidState, NotFound, Refused
from mgit.history import tags
from mgit.history.signing import AllowedSigners, Signer
from tests.history.histories import ADA, BEN, commit
from tests.history.test_signing import git, keys  # noqa: F401  # a fixture


def test_a_tag_names_a_commit_and_says_why(repository):
    first = repository.resolve("HEAD")
    commit(repository)
    tags.create(repository, "v1", target="HEAD~1", message="as published\n\nin 2026", who=BEN)
    (tag,) = tags.list_tags(repository)
    assert (tag.name, tag.commit, tag.message) == ("v1", first, "as published\n\nin 2026")
    assert (tag.tagger, tag.time_s, tag.signature) == (BEN.person, BEN.time_s, None)
    assert repository.resolve("v1") == first
    assert repository.operations.check() == []


def test_git_reads_the_tag(repository, tmp_path):
    tags.create(repository, "v1", message="published", who=ADA)
    assert git(repository, "none", "cat-file", "-t", "v1").stdout == "tag\n"
    assert git(repository, "none", "fsck", "--strict").returncode == 0
    assert git(repository, "none", "describe", "HEAD").stdout == "v1\n"


def test_a_tag_does_not_move(repository):
    tags.create(repository, "v1", message="m", who=ADA)
    commit(repository)
    with pytest.raises(Refused):
        tags.create(repository, "v1", message="m", who=ADA)
    assert repository.resolve("v1") == repository.resolve("HEAD~1")


def test_a_tag_is_deleted(repository):
    tags.create(repository, "v1", message="m", who=ADA)
    tags.delete(repository, "v1", who=ADA)
    assert tags.list_tags(repository) == []
    with pytest.raises(NotFound):
        tags.delete(repository, "v1", who=ADA)


def test_a_lightweight_tag_of_git_is_listed(repository):
    git(repository, "none", "tag", "light")
    (tag,) = tags.list_tags(repository)
    assert (tag.name, tag.commit, tag.message) == ("light", repository.resolve("HEAD"), "")


def test_a_signed_tag_is_good_here_and_for_git(repository, keys):  # noqa: F811
    allowed = AllowedSigners(path=str(keys / "allowed"))
    tags.create(repository, "v1", message="m", who=ADA, sign=Signer(key_path=str(keys / "ada")))
    tags.create(repository, "v2", message="m", who=ADA)
    assert tags.verify_tag(repository, "v1", allowed).verdict == "good"
    assert tags.verify_tag(repository, "v2", allowed).verdict == "unsigned"
    judged = git(repository, keys / "allowed", "verify-tag", "v1")
    assert judged.returncode == 0, judged.stderr
    with pytest.raises(NotFound):
        tags.verify_tag(repository, "v3", allowed)


def test_a_signed_tag_under_another_name_vouches_for_nothing(repository, keys):  # noqa: F811
    tags.create(repository, "v1", message="m", who=ADA, sign=Signer(key_path=str(keys / "ada")))
    value = repository.refs.get("refs/tags/v1")
    repository.refs.compare_and_swap("refs/tags/v9", expected=None, new=value)
    with pytest.raises(Corrupt, match="'v1'"):
        tags.verify_tag(repository, "v9", AllowedSigners(path=str(keys / "allowed")))


@pytest.mark.parametrize("message", ["", " \n", "a\0b", "-----BEGIN SSH SIGNATURE-----"])
def test_a_message_that_no_tag_can_hold_is_refused(repository, message):
    with pytest.raises(InvalidState):
        tags.create(repository, "v1", message=message, who=ADA)
    with pytest.raises(InvalidInput):
        tags.create(repository, "v..1", message="m", who=ADA)


@pytest.mark.parametrize("raw", [b"", b"object x\ntype commit\ntag v1\n\nm", b"\xff\n\n"])
def test_a_malformed_tag_object_is_corrupt(raw):
    with pytest.raises(Corrupt):
        tags.parse_tag(raw, "v1")
