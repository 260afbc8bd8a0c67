"""What takes part in a reconstruction, and the raw files it is bound to."""

import numpy as np
import pytest

from mgit.curate.raw_digests import digest_file
from mgit.errors import InvalidInput, InvalidState, NotFound, Unsupported
from mgit.refine.plan import bind, plan_reconstruction
from mgit.state.names import item_path, source_path
from mgit.state.raw import RawEntry
from mgit.state.series import read_item, set_excluded, set_raw, set_use
from mgit.state.species import read_species, set_maps, update_species_attributes
from tests.refine.populations import ITEM, SPECIES, Disk, populated


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A draft of the population, which may be changed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with populated(tmp_path).transaction(verb="test") as transaction:
        yield transaction.draft


def bound(plans, directory):
    return bind(plans, Disk(directory / "data"), advance=lambda files: None)


def test_the_plan_counts_what_takes_part(tree):
    (plan,) = plan_reconstruction(tree)
    assert (plan.count, plan.images, plan.grid.box) == (8, 40, 40)
    assert plan.memory_bytes > plan.grid.sums_bytes


def test_excluded_tilts_do_not_count_and_excluded_series_leave_nothing(tree):
    set_use(tree, ITEM, np.array([True, True, False, True, False]))
    assert plan_reconstruction(tree)[0].images == 24
    set_excluded(tree, ITEM, excluded=True)
    with pytest.raises(InvalidInput, match="every series"):
        plan_reconstruction(tree)


def test_the_grid_of_present_maps_is_kept(tree):
    half = np.zeros((32,) * 3, np.float32)
    update_species_attributes(tree, SPECIES, {"pixel_size_angstrom": "6.0"})
    set_maps(tree, SPECIES, half_maps=(half, half))
    grid = plan_reconstruction(tree)[0].grid
    assert (grid.box, grid.pixel_size_angstrom) == (32, 6.0)


def test_an_unknown_species_is_refused(tree):
    with pytest.raises(NotFound):
        plan_reconstruction(tree, species=["other"])


def test_columns_that_cannot_be_applied_are_refused_by_name(tree):
    columns = tree.attributes(SPECIES)
    tree.set_attributes(SPECIES, {**columns, "applied_columns": ["rlnDefocusU"]})
    with pytest.raises(Unsupported) as error:
        plan_reconstruction(tree)
    assert error.value.fields["columns"] == "rlnDefocusU"


def test_terms_that_only_the_particles_have_are_refused_or_put_apart(tree):
    groups = [{"group": 1, "zernike_odd": ["0.5"] * 12, "own_terms": ["zernike_odd"]}]
    tree.set_attributes(SPECIES, {**tree.attributes(SPECIES), "optics_groups": groups})
    with pytest.raises(Unsupported) as error:
        plan_reconstruction(tree)
    assert error.value.fields["terms"] == "zernike_odd"
    (plan,) = plan_reconstruction(tree, own_optics="apart")
    assert [(len(part.rows), dict(part.own)) for part in plan.parts] == [
        (8, {"zernike_odd": ["0.5"] * 12})
    ]


def test_a_raw_file_with_another_content_is_refused(tree, tmp_path):
    plans = plan_reconstruction(tree)
    assert len(bound(plans, tmp_path)[ITEM]) == 5
    image = tmp_path / "data" / "images" / "TS_01_003.mrc"
    content = bytearray(image.read_bytes())
    content[-1] ^= 1
    image.write_bytes(content)
    with pytest.raises(InvalidInput, match="not the one") as error:
        bound(plans, tmp_path)
    assert error.value.fields["item"] == "TS_01"
    assert error.value.fields["file"].endswith("TS_01_003.mrc")


def test_a_wrong_gain_is_refused_and_an_absent_one_stops_nothing(tree, tmp_path):
    recorded = digest_file(tmp_path / "data" / "particles.star", complete=True)
    gain = RawEntry(role="gain", path="gain.mrc", digest=recorded.full, quick=recorded.quick)
    set_raw(tree, ITEM, (*read_item(tree, ITEM).raw, gain))
    plans = plan_reconstruction(tree)
    assert len(bound(plans, tmp_path)[ITEM]) == 5
    (tmp_path / "data" / "gain.mrc").write_bytes(b"another camera")
    with pytest.raises(InvalidInput, match="gain") as error:
        bound(plans, tmp_path)
    assert error.value.fields["item"] == "TS_01"
    assert error.value.fields["file"].endswith("gain.mrc")


def test_a_raw_file_that_is_absent_is_refused(tree, tmp_path):
    (tmp_path / "data" / "images" / "TS_01_001.mrc").unlink()
    with pytest.raises(NotFound, match="not here"):
        bound(plan_reconstruction(tree), tmp_path)


def test_a_series_that_two_sources_have_is_refused_by_both_names(tree):
    twin = tree.attributes(ITEM)
    other = item_path("copy", "TS_01")
    tree.set_attributes(
        source_path("copy"), {**tree.attributes(source_path("sim")), "name": "copy"}
    )
    tree.set_attributes(other, twin)
    with pytest.raises(InvalidState, match="same series") as error:
        plan_reconstruction(tree)
    assert error.value.fields["sources"] == "copy, sim"


def test_maps_smaller_than_their_particle_are_refused_by_the_name_of_the_species(tree):
    half = np.zeros((8,) * 3, np.float32)
    update_species_attributes(tree, SPECIES, {"pixel_size_angstrom": "1.0"})
    set_maps(tree, SPECIES, half_maps=(half, half))
    with pytest.raises(InvalidInput, match="smaller than the particle") as caught:
        plan_reconstruction(tree)
    assert caught.value.fields["species"] == read_species(tree, SPECIES).name
