import numpy as np
import pytest

from mgit.digest import ContentDigest
from mgit.state.population import Population
from mgit.verify.contents import check_arrays
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage
from mgit.verify.graph import GraphAudit
from tests.verify.populations import commit, item_named


def contents(repository):
    ledger, seen = DamageLedger(), Coverage()
    graph = GraphAudit(repository, ledger, seen)
    graph.walk([(repository.resolve("HEAD"), "HEAD", ())])
    done = []
    check_arrays(repository, graph.arrays, ledger, seen, advance=done.append)
    assert sum(done) == len(graph.arrays)
    return [(each.kind, each.severity) for each in ledger.findings()], seen


def unsealed(_writer, _paths):
    pass


def test_sound_arrays_decode(repository):
    found, seen = contents(repository)
    assert found == []
    assert seen.arrays_decoded == seen.arrays
    assert seen.bytes_read > 5 * 8**3 * 4


def test_a_manifest_that_records_another_content_is_named(repository, monkeypatch):
    from mgit.store import arrays

    wrong = ContentDigest.of(b"something else")
    with monkeypatch.context() as patched:
        patched.setattr(arrays, "content_digest", lambda _values: wrong)
        commit(
            repository, lambda draft: draft.set_array("notes", np.arange(2.0**14)), seal=unsealed
        )
    assert contents(repository)[0] == [("content-digest", "corrupt")]


@pytest.mark.parametrize(
    "values", [np.full(4, np.nan), np.zeros((4, 2)), np.zeros(4, np.float32)], ids=str
)
def test_an_array_of_another_form_than_the_schema_says_is_suspect(repository, values):
    def change(draft):
        draft.set_array(f"{item_named(draft).path}/tilt_angle", values)

    commit(repository, change)
    assert contents(repository)[0] == [("array-form", "suspect")]


def test_pass_through_columns_may_hold_anything(repository):
    def change(draft):
        species = Population(draft).one_species("ribosome")
        node = species.particles.node("rlnScore")
        draft.set_array(node, np.full(12, np.nan), attributes={"name": "rlnScore"})

    commit(repository, change)
    assert contents(repository)[0] == []


def test_a_chunk_that_is_absent_is_a_consequence_where_it_is_known(repository):
    ledger, seen = DamageLedger(), Coverage()
    graph = GraphAudit(repository, ledger, seen)
    graph.walk([(repository.resolve("HEAD"), "HEAD", ())])
    import os

    for name in repository.chunks.segments():
        os.unlink(repository.chunks.catalogue.segment_path(name))
    repository.chunks.refresh()
    check_arrays(repository, graph.arrays, ledger, seen, advance=lambda _: None)
    assert {each.kind for each in ledger.findings()} == {"array-content"}
