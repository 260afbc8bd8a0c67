"""Light verbs read refs and commits without opening the whole repository."""

import pytest

from mgit.cli.commit_reader import CommitReader
from mgit.errors import NotFound
from mgit.history.commits import Signature
from mgit.history.repository import Repository

ADA = Signature(name="Ada", email="ada@example.org", time_s=1_750_000_000, zone_s=0)


@pytest.fixture
def repository(tmp_path):
    made = Repository.init(str(tmp_path), name="one", who=ADA)
    with made.transaction(verb="test") as transaction:
        transaction.draft.set_attributes("species", {})
        transaction.commit(message="second", who=ADA, provenance={})
    return made


@pytest.mark.parametrize("revision", ["HEAD", "main~1", "@{1}", "HEAD@{0}"])
def test_revisions_mean_the_same_as_to_the_repository(repository, revision):
    reader = CommitReader(repository.root)
    assert reader.resolve(revision) == repository.resolve(revision)


def test_a_commit_is_read_by_id(repository):
    reader = CommitReader(repository.root)
    assert reader.read(repository.resolve("HEAD")).subject == "second"


def test_outside_a_repository_there_is_nothing_to_read(tmp_path):
    with pytest.raises(NotFound, match="no mgit repository"):
        CommitReader(str(tmp_path))
