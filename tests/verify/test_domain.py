import numpy as np
import pytest

from mgit.state.population import Population
from mgit.verify.damage import DamageLedger
from mgit.verify.domain import ParticleAudit
from mgit.verify.findings import Coverage
from mgit.verify.graph import GraphAudit
from tests.verify.populations import add_species, commit, table


def found(repository, **options):
    ledger, seen = DamageLedger(), Coverage()
    graph = GraphAudit(repository, ledger, seen)
    graph.walk([(repository.resolve("HEAD"), "HEAD", ())])
    audit = ParticleAudit(graph, ledger, seen, **options)
    for record in graph.commits.values():
        audit.check(record)
    assert all(each.severity == "suspect" for each in ledger.findings())
    return [each.kind for each in ledger.findings()], seen


def items_of(draft):
    return [item.id for item in Population(draft).items()]


def spoil_column(repository, column, change):
    """Commit a species whose column breaks an invariant that no writer of ours would break."""

    def write(draft):
        path = f"{Population(draft).one_species('ribosome').path}/particles/{column}"
        draft.set_array(path, change(draft.array(path).read()))

    commit(repository, write, seal=lambda _writer, _paths: None)


def test_tables_that_commits_share_are_read_once(repository):
    before = found(repository)[1].particles
    commit(repository, lambda draft: draft.set_attributes("notes", {"a": 1}))
    kinds, seen = found(repository)
    assert kinds == []
    assert seen.particles == before == 24


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("id", lambda ids: ids[::-1]),
        ("id", lambda ids: np.concatenate([ids[:1], ids[:1], ids[2:]])),
        ("half_set", lambda halves: halves * 3),
        ("position", lambda positions: positions * np.nan),
        ("angles", lambda angles: angles[:-1]),
    ],
)
def test_a_table_that_breaks_an_invariant_is_named(repository, column, change):
    spoil_column(repository, column, change)
    assert found(repository)[0] == ["particles"]


@pytest.mark.parametrize(("step", "kinds"), [(74.9, ["half-set-overlap"]), (75.1, [])])
def test_a_quarter_of_the_diameter_parts_neighbours_from_strangers(repository, step, kinds):
    def change(draft):
        positions = [[[1000.0, 0, 0]], [[1000.0, step, 0]]]
        columns = table(items_of(draft)[:1], positions=positions)
        add_species(draft, "pair", columns=columns)

    commit(repository, change)
    assert found(repository)[0] == kinds
    assert found(repository, radius_angstrom=1.0)[0] == []


def test_the_same_place_in_two_items_is_no_overlap(repository):
    def change(draft):
        positions = [[[1000.0, 0, 0]], [[1000.0, 0, 0]]]
        add_species(draft, "pair", columns=table(items_of(draft), positions=positions))

    commit(repository, change)
    assert found(repository)[0] == []


def test_mates_that_were_expanded_in_place_have_to_share_a_half(repository):
    for halves, kinds in (([1, 1, 1, 1], []), ([1, 2, 1, 2], ["half-set-overlap"])):

        def change(draft, halves=halves):
            columns = table(
                items_of(draft)[:1], positions=np.full((4, 1, 3), 500.0), half_sets=halves
            )
            add_species(draft, "mates", columns=columns)

        commit(repository, change)
        assert found(repository)[0] == kinds


def test_sisters_that_share_a_parent_are_checked_against_each_other_and_strangers_not(repository):
    def change(draft, parent, name):
        ids = np.arange(32, dtype=np.uint8).reshape(2, 16)
        near = table(
            items_of(draft)[:1],
            positions=[[[120.0, 100, 100]], [[5000.0] * 3]],
            half_sets=[2, 1],
            ids=ids,
        )
        add_species(draft, name, columns=near, **parent)

    commit(repository, lambda draft: change(draft, {}, "stranger"))
    assert found(repository)[0] == []
    commit(repository, lambda draft: change(draft, {"parent": "ribosome"}, "child"))
    assert found(repository)[0] == ["half-set-overlap"]


def test_a_species_without_diameter_is_not_judged_in_space(repository):
    def change(draft):
        path = add_species(
            draft, "pair", columns=table(items_of(draft)[:1], positions=np.zeros((2, 1, 3)))
        )
        attributes = dict(draft.attributes(path))
        del attributes["diameter_angstrom"]
        draft.set_attributes(path, attributes)

    commit(repository, change)
    assert found(repository)[0] == []
    assert found(repository, radius_angstrom=5.0)[0] == ["half-set-overlap"]
