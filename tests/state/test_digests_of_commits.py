"""The same state in memory and in a commit: one digest, however the arrays are cut and stored."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.state.diff import item_difference, species_difference
from mgit.state.digests import computed_state, recomputed_content
from mgit.state.documents import read_documents
from mgit.state.names import find_item, find_species
from mgit.state.population import Counts, Population
from mgit.state.series import read_item, set_excluded
from mgit.state.species import set_maps, set_network, set_particles

WHO = Signature(name="Ada Test", email="ada@example.org", time_s=1_700_000_000, zone_s=0)


def commit(repository, change):
    with repository.transaction(verb="test") as transaction:
        change(transaction.draft)
        transaction.commit(message="change", who=WHO, provenance={"verb": "test"})
    return repository.snapshot("HEAD")


@pytest.fixture
def repository(tmp_path):
    return Repository.init(str(tmp_path / "population"), name="demo", who=WHO)


def copy_node(source, target, path, *, layout="table"):
    """Copy a subtree through the protocol alone."""
    if source.is_array(path):
        handle = source.array(path)
        target.set_array(path, handle.read(), attributes=handle.attributes, layout=layout)
        return
    target.set_attributes(path, source.attributes(path))
    for child in source.children(path):
        copy_node(source, target, f"{path}/{child}", layout=layout)


@pytest.fixture
def snapshot(repository, tree, species_path):
    """A commit of what stands in memory."""

    def copy(draft):
        for room in ("sources", "species"):
            copy_node(tree, draft, room)

    return commit(repository, copy)


def test_a_commit_holds_the_population_that_was_written(snapshot):
    population = Population(snapshot)
    assert population.counts() == Counts(sources=1, items=2, species=1, particles=10)
    assert [each.name for each in population.species()] == ["ribosome"]


def test_a_committed_state_is_sealed_and_equals_the_one_in_memory(
    snapshot, tree, item_path, species_path
):
    for path in (item_path, species_path):
        sealed = snapshot.attributes(path)["state"]
        assert sealed == str(computed_state(tree, path))
        assert sealed == str(computed_state(snapshot, path))
        assert sealed == str(computed_state(snapshot, path, content=recomputed_content))


def test_how_arrays_are_cut_does_not_enter_a_digest(repository, tree, item_path, species_path):
    """The map is longer than one block of a volume, and is cut into 8 chunks here."""
    cube = np.arange(70**3, dtype=np.float32).reshape(70, 70, 70)
    set_maps(tree, species_path, half_maps=(cube, cube), mask=cube)

    def copy(draft):
        for room in ("sources", "species"):
            copy_node(tree, draft, room, layout="volume")

    recut = commit(repository, copy)
    assert recut.array(f"{species_path}/mask").manifest.chunk_shape == (64, 64, 64)
    for path in (item_path, species_path):
        assert computed_state(recut, path) == computed_state(tree, path)
        deep = computed_state(recut, path, content=recomputed_content)
        assert deep == computed_state(tree, path)


def test_particles_of_a_commit_are_those_of_the_table(snapshot, tree, species_path):
    old = Population(tree).one_species("ribosome")
    new = Population(snapshot).one_species("ribosome")
    loaded = new.particles.load()
    np.testing.assert_array_equal(loaded.positions, old.particles.load().positions)
    np.testing.assert_array_equal(
        loaded.passthrough["rlnScore"], old.particles.load().passthrough["rlnScore"]
    )
    assert not species_difference(replace(old, attributes=new.attributes), new)


def test_names_are_found_and_documents_read_in_a_commit(snapshot, item_path, species_path):
    assert find_item(snapshot, "grid", "TS_01.tomostar") == item_path
    assert find_species(snapshot, "ribosome") == species_path
    assert [each.content() for each in read_documents(snapshot, item_path)] == [b"TS_01"]


def test_a_change_is_seen_between_two_commits_and_reseals_only_what_changed(
    repository, snapshot, item_path, species_path
):
    def exclude(draft):
        set_excluded(draft, item_path, excluded=True, reason="ice")

    later = commit(repository, exclude)
    difference = item_difference(read_item(snapshot, item_path), read_item(later, item_path))
    assert difference.attributes == {
        "excluded": (None, True),
        "exclusion_reason": (None, "ice"),
    }
    assert read_item(later, item_path).state != read_item(snapshot, item_path).state
    assert later.attributes(species_path) == snapshot.attributes(species_path)


def test_a_refined_species_differs_in_rows_network_and_state(repository, snapshot, species_path):
    old = Population(snapshot).one_species("ribosome")

    def refine(draft):
        columns = old.particles.load()
        shifted = columns.positions + np.array([0.0, 0.0, 2.0])
        set_particles(draft, species_path, replace(columns, positions=shifted))
        set_network(draft, species_path, {"encoder.0.weight": np.ones((2, 2), np.float32)})

    new = Population(commit(repository, refine)).one_species("ribosome")
    difference = species_difference(old, new)
    assert difference.columns_changed == ("position",)
    assert difference.particles.moved == 10
    assert difference.particles.median_shift_angstrom == pytest.approx(2.0)
    assert difference.network_changed
    assert difference.maps_changed == ()
    assert new.state == computed_state(new.reader, species_path)
    assert new.state != old.state


def test_undoing_a_change_restores_the_state_digest(repository, snapshot, species_path):
    before = Population(snapshot).one_species("ribosome")
    columns = before.particles.load()

    def put(table):
        return lambda draft: set_particles(draft, species_path, table)

    commit(repository, put(columns.take(np.arange(5))))
    after = Population(commit(repository, put(columns))).one_species("ribosome")
    assert after.state == before.state
