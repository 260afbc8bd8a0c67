import pytest

from mgit.errors import NotFound
from mgit.history.graph import ancestors, changes_path, entry_at, is_ancestor, merge_bases, walk
from tests.history.histories import commit, fabricate

# Letters are commits; each names its parents. Time runs with the alphabet but for Z, whose clock
# is wrong: it descends from D and says that it is older than everything.
#
#   A - B - C - E        criss-cross: F = (D, C), G = (C, D)
#    \     X
#     D --/ \- Z
PARENTS = {
    "A": "",
    "B": "A",
    "C": "B",
    "D": "A",
    "E": "C",
    "F": "DC",
    "G": "CD",
    "Z": "D",
}


@pytest.fixture
def graph(repository):
    names = {}
    for letter, parents in PARENTS.items():
        time_s = 1 if letter == "Z" else ord(letter) * 100
        ids = [names[parent] for parent in parents]
        names[letter] = fabricate(repository, ids, time_s=time_s, message=letter)
    return names


def letters(commits):
    return "".join(each.subject for each in commits)


def test_children_come_before_parents_and_the_latest_first(repository, graph):
    assert letters(walk([graph["E"]], repository.commit)) == "ECBA"
    assert letters(walk([graph["F"]], repository.commit)) == "FDCBA"
    assert letters(walk([graph["F"], graph["G"]], repository.commit)) == "GFDCBA"


def test_a_wrong_clock_does_not_break_the_order(repository, graph):
    assert letters(walk([graph["E"], graph["Z"]], repository.commit)) == "ECBZDA"


def test_ancestors_include_the_commit_itself(repository, graph):
    assert ancestors(graph["C"], repository.commit) == {graph[each] for each in "ABC"}
    assert is_ancestor(graph["A"], graph["F"], repository.commit)
    assert is_ancestor(graph["A"], graph["A"], repository.commit)
    assert not is_ancestor(graph["D"], graph["E"], repository.commit)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("C", "D", "A"), ("E", "F", "C"), ("B", "E", "B"), ("A", "A", "A"), ("F", "G", "DC")],
)
def test_merge_bases_are_the_best_common_ancestors(repository, graph, a, b, expected):
    found = merge_bases(graph[a], graph[b], repository.commit)
    assert found == tuple(graph[each] for each in expected)
    assert merge_bases(graph[b], graph[a], repository.commit) == found


def test_unrelated_histories_have_no_merge_base(repository, graph):
    assert merge_bases(graph["A"], repository.resolve("HEAD"), repository.commit) == ()
    assert repository.merge_base(graph["A"], "HEAD") is None
    assert repository.merge_base(graph["E"], graph["D"]) == graph["A"]


def test_a_missing_commit_is_named(repository):
    orphan = fabricate(repository, ["1" * 40], time_s=5)
    with pytest.raises(NotFound, match="1111"):
        list(walk([orphan], repository.commit))


def test_a_walk_along_a_path_shows_the_commits_that_changed_it(repository):
    commit(repository, "notes/a", 1)
    commit(repository, "notes/b", 1)
    commit(repository, "notes/a", 2)
    subjects = [each.subject for each in repository.walk(path="notes/a")]
    assert subjects == ["notes/a = 2", "notes/a = 1"]
    assert len(list(repository.walk(path="notes"))) == 3
    assert list(repository.walk(path="notes/none")) == []


def test_entries_are_found_by_path(repository):
    tree = commit(repository, "notes/a", 1).tree
    objects = repository.objects
    assert entry_at(objects, tree, "") == tree
    assert objects.read(entry_at(objects, tree, "notes/a"))[0] == "tree"
    assert objects.read(entry_at(objects, tree, "notes/a/zarr.json"))[0] == "blob"
    assert entry_at(objects, tree, "notes/a/zarr.json/x") is None


def test_a_first_commit_changes_what_it_holds(repository):
    first = repository.commit("HEAD")
    options = {"objects": repository.objects, "read": repository.commit}
    assert changes_path(first, "zarr.json", **options)
    assert not changes_path(first, "notes", **options)
