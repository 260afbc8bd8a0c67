import numpy as np
import pytest

from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.documents import read_documents
from mgit.state.names import species_path as path_of
from mgit.state.species import (
    read_species,
    set_maps,
    set_metrics,
    set_network,
    set_particles,
    update_species_attributes,
    write_species,
)

from .conftest import Foreign, table

CUBE = np.zeros((4, 4, 4), np.float32)


def write(tree, name="virus", **changes):
    fields = {
        "attributes": {"diameter_angstrom": "100"},
        "particles": table(),
        "half_maps": (CUBE, CUBE),
    }
    return write_species(tree, name, **{**fields, **changes})


def test_a_species_is_read_as_it_was_written(tree, species_path):
    species = read_species(tree, species_path)
    assert (species.name, species.path) == ("ribosome", species_path)
    assert species.number("diameter_angstrom") == 300.0
    assert species.number("resolution_angstrom") is None
    assert species.map_names() == ("half_map_1", "half_map_2", "mask")
    assert species.map("half_map_2").read()[0, 0, 0] == 1.0
    assert len(species.particles) == 10
    assert species.network() == {}
    assert species.metrics() == {}
    assert species.inputs == ()
    assert species.state is None


def test_a_map_that_is_not_there_is_named(tree, species_path):
    with pytest.raises(NotFound) as missing:
        read_species(tree, species_path).map("reference")
    assert missing.value.fields == {"species": "ribosome", "map": "reference"}


def test_maps_are_cut_as_volumes(tree, species_path):
    assert tree.array(f"{species_path}/mask").layout == "volume"


def test_one_reference_replaces_two_half_maps(tree):
    path = write(tree, half_maps=None, reference=CUBE)
    assert read_species(tree, path).map_names() == ("reference",)


def test_a_species_needs_a_map(tree):
    with pytest.raises(InvalidState, match="neither half-maps nor a reference"):
        write(tree, half_maps=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"half_maps": (CUBE, CUBE[:2, :2, :2])},
        {"mask": CUBE.astype(float)},
        {"mask": np.full_like(CUBE, np.nan)},
        {"attributes": {"diameter": "1"}},
        {"attributes": {"symmetry": 1}},
        {"attributes": {"applied_columns": ["rlnDefocusU"]}},
    ],
)
def test_bad_input_changes_nothing(tree, changes):
    with pytest.raises(InvalidState):
        write(tree, **changes)
    assert not tree.exists(path_of("virus"))


def test_writing_a_species_again_leaves_nothing_of_the_old_one(tree):
    path = write(tree, mask=CUBE)
    set_network(tree, path, {"weight": np.zeros(3)})
    write(tree)
    species = read_species(tree, path)
    assert species.map_names() == ("half_map_1", "half_map_2")
    assert species.network() == {}


def test_another_name_at_the_same_path_is_refused(tree):
    path = write(tree)
    tree.set_attributes(path, {"name": "impostor"})
    with pytest.raises(InvalidState, match="same path"):
        write(tree)


def test_documents_are_kept(tree):
    path = write(tree, documents=[Foreign("relion_particles", "p.star", b"data_")])
    assert [each.content() for each in read_documents(tree, path)] == [b"data_"]


def test_given_maps_are_replaced_and_others_stay(tree, species_path):
    set_maps(tree, species_path, mask=CUBE)
    species = read_species(tree, species_path)
    assert not species.map("mask").read().any()
    assert species.map("half_map_1").read().any()


def test_maps_keep_one_size(tree, species_path):
    small = CUBE[:2, :2, :2]
    with pytest.raises(InvalidState, match="differ in size"):
        set_maps(tree, species_path, mask=small)
    set_maps(tree, species_path, half_maps=(small, small), mask=small)
    assert read_species(tree, species_path).map("mask").shape == (2, 2, 2)


def test_particles_are_replaced_whole(tree, species_path):
    set_particles(tree, species_path, table(count=3, passthrough={}))
    particles = read_species(tree, species_path).particles
    assert len(particles) == 3
    assert particles.passthrough_names() == ()


def test_a_column_that_is_applied_must_stay(tree, species_path):
    update_species_attributes(tree, species_path, {"applied_columns": ["rlnScore"]})
    with pytest.raises(InvalidState, match="lacks a column that is applied"):
        set_particles(tree, species_path, table(passthrough={}))
    set_particles(tree, species_path, table(count=4))


def test_a_network_is_its_parameters(tree, species_path):
    parameters = {"encoder.0.weight": np.arange(6.0, dtype=np.float32).reshape(2, 3)}
    set_network(tree, species_path, parameters)
    network = read_species(tree, species_path).network()
    assert list(network) == ["encoder.0.weight"]
    np.testing.assert_array_equal(network["encoder.0.weight"].read()[1], [3, 4, 5])
    set_network(tree, species_path, None)
    assert read_species(tree, species_path).network() == {}


@pytest.mark.parametrize(
    "parameters", [{"a/b": np.zeros(1)}, {"ok": np.zeros(1), "a": np.array([np.inf])}]
)
def test_a_network_that_breaks_the_rules_leaves_the_old_one(tree, species_path, parameters):
    set_network(tree, species_path, {"old": np.zeros(1)})
    with pytest.raises(InvalidState):
        set_network(tree, species_path, parameters)
    assert list(read_species(tree, species_path).network()) == ["old"]


def test_metrics_are_curves_with_attributes(tree, species_path):
    set_metrics(tree, species_path, {"fsc": (np.ones(5), {"mask": "soft"})})
    curve = read_species(tree, species_path).metrics()["fsc"]
    assert curve.shape == (5,)
    assert curve.attributes["mask"] == "soft"


def test_flags_are_false_unless_set(tree, species_path):
    assert not read_species(tree, species_path).flag("needs_reconstruction")
    update_species_attributes(tree, species_path, {"needs_reconstruction": True})
    assert read_species(tree, species_path).flag("needs_reconstruction")


@pytest.mark.parametrize("name", ["name", "state", "inputs"])
def test_identity_is_not_set_directly(tree, species_path, name):
    with pytest.raises(InvalidState, match="directly"):
        update_species_attributes(tree, species_path, {name: None})


def test_a_species_without_name_is_corrupt(tree, species_path):
    tree.set_attributes(species_path, {})
    with pytest.raises(Corrupt):
        read_species(tree, species_path)
