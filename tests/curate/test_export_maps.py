import mrcfile
import numpy as np
import pytest

from mgit.curate.export_maps import map_files
from mgit.curate.species_maps import SpeciesMaps
from mgit.errors import InvalidState
from mgit.state.species import update_species_attributes
from tests.curate.species_tables import cube, rows_of, species_of, write_source, write_species


@pytest.fixture
def halves(tree):
    write_source(tree, "TS_01", "TS_02")
    values = (cube(seed=1), cube(seed=2))
    maps = SpeciesMaps(half_maps=values, mask=np.ones_like(values[0]), pixel_size_angstrom=2.5)
    write_species(tree, rows_of(4), maps=maps)
    return values


def written(tree, folder):
    found = {}
    for file in map_files(species_of(tree), directory="", label="made by a test"):
        file.save(folder / file.path)
        with mrcfile.open(folder / file.path) as opened:
            found[file.path] = (np.array(opened.data), float(opened.voxel_size.x))
    return found


def test_half_maps_mask_and_mean_are_written_with_their_pixel_size(tree, halves, tmp_path):
    found = written(tree, tmp_path)
    assert sorted(found) == ["capsid.mrc", *(f"capsid_{n}.mrc" for n in ("half1", "half2", "mask"))]
    assert {pixel for _, pixel in found.values()} == {2.5}
    assert found["capsid_half1.mrc"][0].tobytes() == halves[0].tobytes()
    assert found["capsid_half2.mrc"][0].tobytes() == halves[1].tobytes()
    assert np.allclose(found["capsid.mrc"][0], (halves[0] + halves[1]) / 2)


def test_maps_without_a_pixel_size_are_refused(tree, halves):
    update_species_attributes(tree, species_of(tree).path, {"pixel_size_angstrom": None})
    with pytest.raises(InvalidState, match="no pixel size"):
        list(map_files(species_of(tree), directory="", label="x"))


def test_a_species_without_maps_gives_no_files(tree):
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, rows_of(4))
    assert list(map_files(species_of(tree), directory="", label="x")) == []
