import pytest

from mgit.history.commits import CommitRecord, commit_id, format_commit
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage
from mgit.verify.graph import GraphAudit
from mgit.verify.states import check_owners, check_trailers
from tests.verify.populations import ADA, add_species, commit, item_named

OTHER = "b3:" + "5" * 64


def found(repository, start="HEAD"):
    ledger = DamageLedger()
    graph = GraphAudit(repository, ledger, Coverage())
    graph.walk([(repository.resolve(start), start, ())])
    check_owners(graph, ledger)
    check_trailers(repository, graph.commits, ledger)
    return [(each.kind, each.subject) for each in ledger.findings()]


def forged(repository, **trailers):
    """A commit of HEAD's tree and parents whose trailers say something else."""
    head = repository.commit("HEAD")
    raw = format_commit(
        tree=head.tree,
        parents=head.parents,
        author=ADA,
        committer=ADA,
        message="forged",
        trailers={**head.trailers, **trailers} if trailers else {},
    )
    repository.objects.write_pack([("commit", raw)])
    assert CommitRecord.parse(raw)
    return commit_id(raw)


def test_sound_digests_have_no_findings(repository):
    assert found(repository) == []


def test_a_state_trailer_that_is_another_is_named_by_commit(repository):
    name = forged(repository, **{"Mgit-State": OTHER})
    assert found(repository, name) == [("population-state", f"commit {name}")]


def test_a_root_trailer_that_is_another_is_named_by_commit(repository):
    name = forged(repository, **{"Mgit-Root": OTHER})
    assert found(repository, name) == [("root-digest", f"commit {name}")]


def test_a_commit_without_trailers_is_noted_and_claims_nothing(repository):
    name = forged(repository)
    assert found(repository, name) == [("foreign-commit", f"commit {name}")]
    child = commit(
        repository, lambda draft: add_species(draft, "x"), branch="on-it", parents=(name,)
    )
    assert found(repository, child.id) == [("foreign-commit", f"commit {name}")]


@pytest.mark.parametrize(
    ("state", "kind"), [(OTHER, "state-digest"), (None, "state-missing"), (7, "state-unreadable")]
)
def test_a_recorded_state_that_is_not_the_items_own_is_one_finding(repository, state, kind):
    """The sealing writes it so that even the trailers agree, where it can be written at all."""

    def spoil(writer, _paths):
        path = item_named(writer).path
        attributes = {**writer.attributes(path), "state": state}
        writer.set_attributes(path, {k: v for k, v in attributes.items() if v is not None})

    with repository.transaction(verb="test") as transaction:
        transaction._seal = lambda _writer, _paths: None
        spoil(transaction.draft, ())
        if state == OTHER:
            transaction.commit(message="spoilt", who=ADA, provenance={})
            start = "HEAD"
        else:
            tree, new = transaction.draft.write()
            raw = format_commit(
                tree=tree,
                parents=(),
                author=ADA,
                committer=ADA,
                message="spoilt",
                trailers=repository.commit("HEAD").trailers,
            )
            repository.objects.write_pack([*new, ("commit", raw)])
            start = commit_id(raw)
    kinds = [each for each, _ in found(repository, start)]
    assert kinds[0] == kind
    assert set(kinds[1:]) <= {"root-digest"}, "the trailers were taken from another commit"
