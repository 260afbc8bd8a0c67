import pytest

from mgit.digest import StateDigest
from mgit.history import branches
from mgit.history.commits import CommitRecord
from mgit.state.digests import set_inputs
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage
from mgit.verify.graph import GraphAudit
from mgit.verify.lineage import check_inputs, check_provenance, parents_first
from tests.verify.populations import add_species, commit, item_named, later

NOWHERE = StateDigest.of(b"nowhere")


@pytest.fixture
def lineage(repository):
    def run(check):
        ledger = DamageLedger()
        graph = GraphAudit(repository, ledger, Coverage())
        graph.walk([(value, name, ()) for name, value in repository.refs.all().items()])
        check(repository, graph, ledger) if check is check_inputs else check(graph, ledger)
        return [(each.kind, each.commit) for each in ledger.findings()]

    return run


def node(name, *parents):
    record = CommitRecord()
    record.id, record.parents = name, parents
    return record


def test_parents_come_first_and_absent_ones_are_passed_over():
    commits = [node("d", "b", "c"), node("c", "a"), node("b", "a"), node("a", "lost")]
    order = [each.id for each in parents_first({each.id: each for each in commits})]
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order[0] == "a"
    assert order[-1] == "d"


def test_a_long_line_of_commits_needs_no_deep_stack():
    commits = {"0": node("0")}
    for number in range(1, 5000):
        commits[str(number)] = node(str(number), str(number - 1))
    backwards = dict(reversed(commits.items()))
    assert [each.id for each in parents_first(backwards)] == list(commits)


def test_inputs_of_this_commit_and_of_ancestors_are_sound(lineage):
    assert lineage(check_inputs) == []


def test_an_input_that_never_was_is_named_where_it_came_in_and_not_again(repository, lineage):
    made = commit(repository, lambda draft: set_inputs(draft, item_named(draft).path, [NOWHERE]))
    commit(repository, lambda draft: add_species(draft, "later"), number=50)
    assert lineage(check_inputs) == [("provenance-edge", made.id)]


def test_a_state_of_a_side_branch_counts_after_the_merge(repository, lineage):
    branches.switch(repository, "side", who=later(8))
    other = commit(repository, lambda draft: add_species(draft, "b", ewald=True), number=9)
    from mgit.state.population import Population

    state = Population(repository.snapshot("HEAD")).one_species("b").state
    branches.switch(repository, "main", who=later(10))
    parents = (repository.resolve("main"), other.id)
    commit(repository, lambda draft: add_species(draft, "c"), number=11, parents=parents)
    commit(
        repository,
        lambda draft: set_inputs(draft, item_named(draft).path, [state]),
        number=12,
    )
    assert lineage(check_inputs) == []


def test_behind_an_unreadable_ancestor_nothing_is_said(repository, lineage, monkeypatch):
    made = commit(repository, lambda draft: set_inputs(draft, item_named(draft).path, [NOWHERE]))
    inner = GraphAudit.walk

    def without_first(self, starts):
        inner(self, starts)
        self.commits = {name: each for name, each in self.commits.items() if each.parents}

    assert lineage(check_inputs) == [("provenance-edge", made.id)]
    monkeypatch.setattr(GraphAudit, "walk", without_first)
    assert lineage(check_inputs) == []


def test_provenance_names_the_parents_of_its_commit(repository, lineage):
    assert lineage(check_provenance) == []
    with repository.transaction(verb="test") as transaction:
        add_species(transaction.draft, "x")
        inner = transaction.draft.set_blob
        transaction.draft.set_blob = lambda path, content: inner(
            path, content.replace(repository.resolve("HEAD").encode(), b"9" * 40)
        )
        made = transaction.commit(message="m", who=later(9), provenance={})
    assert lineage(check_provenance) == [("provenance-parents", made.id)]


def test_provenance_that_is_no_record_is_named(repository, lineage):
    with repository.transaction(verb="test") as transaction:
        add_species(transaction.draft, "x")
        inner = transaction.draft.set_blob
        transaction.draft.set_blob = lambda path, _content: inner(path, b"[]")
        transaction.commit(message="m", who=later(9), provenance={})
    assert [kind for kind, _ in lineage(check_provenance)] == ["provenance-unreadable"]
