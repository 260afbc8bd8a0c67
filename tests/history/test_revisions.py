import pytest

from mgit.errors import InvalidInput, NotFound, Refused
from mgit.history import branches, tags
from mgit.history.commits import commit_id
from mgit.history.revisions import find_ref, peel, split_path
from tests.history.histories import ADA, commit, commit_bytes, fabricate


@pytest.fixture
def history(repository):
    """Ids: 'first' <- 'second' <- 'third' on main, and 'merged' = (third, side)."""
    ids = {"first": repository.resolve("HEAD")}
    ids["second"] = commit(repository, value=1).id
    ids["third"] = commit(repository, value=2).id
    ids["side"] = fabricate(repository, [ids["first"]], time_s=7)
    with repository.transaction(verb="merge", parents=(ids["third"], ids["side"])) as transaction:
        record = transaction.commit(message="merged", who=ADA, provenance={})
    ids["merged"] = record.id
    return ids


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("HEAD", "merged"),
        ("@", "merged"),
        ("main", "merged"),
        ("heads/main", "merged"),
        ("refs/heads/main", "merged"),
        ("HEAD~", "third"),
        ("HEAD~1", "third"),
        ("HEAD^", "third"),
        ("HEAD^1", "third"),
        ("HEAD^2", "side"),
        ("HEAD^0", "merged"),
        ("HEAD^{commit}", "merged"),
        ("HEAD^{}", "merged"),
        ("@~2", "second"),
        ("main~~", "second"),
        ("main^^", "second"),
        ("HEAD^2~1", "first"),
        ("HEAD~3", "first"),
        ("HEAD~0", "merged"),
        ("main@{0}", "merged"),
        ("main@{1}", "third"),
        ("main@{1}~1", "second"),
        ("@{2}", "second"),
        ("HEAD@{3}", "first"),
        ("v1", "second"),
        ("tags/v1", "second"),
        ("v1~1", "first"),
        ("v1^{}", "second"),
    ],
)
def test_a_revision_names_a_commit(repository, history, revision, expected):
    tags.create(repository, "v1", target=history["second"], message="one", who=ADA)
    assert repository.resolve(revision) == history[expected]


def test_ids_are_found_by_their_beginning(repository, history):
    for full in history.values():
        assert repository.resolve(full) == full
        assert repository.resolve(full[:12]) == full
        assert repository.resolve(full[:12].upper() + "~0") == full


def test_a_branch_wins_over_an_abbreviated_id(repository, history):
    name = history["first"][:8]
    branches.create(repository, name, start="main", who=ADA)
    assert repository.resolve(name) == history["merged"]
    assert repository.resolve(history["first"]) == history["first"]


def test_a_tag_wins_over_a_branch_as_in_git(repository, history):
    branches.create(repository, "v1", start="main", who=ADA)
    tags.create(repository, "v1", target="main~1", message="x", who=ADA)
    assert repository.resolve("v1") == history["third"]
    assert find_ref("v1", repository.refs)[0] == "refs/tags/v1"


@pytest.mark.parametrize("revision", ["mian", "mian~2", "mian@{1}"])
def test_an_unknown_name_says_what_is_close(repository, revision):
    with pytest.raises(NotFound) as caught:
        repository.resolve(revision)
    if "@" not in revision:
        assert "'main'" in caught.value.hint
    assert "mian" in str(caught.value)


@pytest.mark.parametrize("revision", ["HEAD~9", "HEAD^3", "main@{9}", "0123456", "f" * 40, "nope"])
def test_what_does_not_exist_is_not_found(repository, history, revision):
    with pytest.raises(NotFound):
        repository.resolve(revision)


@pytest.mark.parametrize("revision", ["", "~1", "HEAD~x", "HEAD^{tree}", "main~1@{1}", "a@{x}"])
def test_what_is_no_revision_is_refused(repository, history, revision):
    with pytest.raises((InvalidInput, NotFound)):
        repository.resolve(revision)


def test_an_ambiguous_beginning_is_refused(repository):
    seen = {}
    for time_s in range(5000):
        raw = commit_bytes(repository, [], time_s=time_s)
        beginning = commit_id(raw)[:4]
        if beginning in seen:
            break
        seen[beginning] = raw
    repository.objects.write_pack([("commit", raw), ("commit", seen[beginning])])
    with pytest.raises(Refused):
        repository.resolve(beginning)
    assert repository.resolve(commit_id(raw)[:10]) == commit_id(raw)


def test_something_that_is_no_commit_is_not_taken_for_one(repository):
    tree = repository.commit("HEAD").tree
    with pytest.raises(NotFound):
        repository.resolve(tree)
    with pytest.raises(NotFound):
        peel(tree, repository.objects)


def test_a_branch_without_a_commit_is_not_found(repository):
    repository.refs.compare_and_swap(
        "refs/heads/main", expected=repository.resolve("main"), new=None
    )
    with pytest.raises(NotFound, match="no commit yet"):
        repository.resolve("HEAD")


def test_a_path_follows_the_first_colon():
    assert split_path("HEAD~1:species/x") == ("HEAD~1", "species/x")
    assert split_path("HEAD:") == ("HEAD", "")
    assert split_path("HEAD") == ("HEAD", None)
