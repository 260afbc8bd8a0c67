"""Maps are read with each other in mind, and replaced without leaving what no longer fits."""

import numpy as np
import pytest

from mgit.curate.species_maps import MapFiles, SpeciesMaps, check_fit, read_maps, replace_maps
from mgit.errors import InvalidInput, NotFound
from tests.curate.species_tables import (
    cube,
    rows_of,
    species_of,
    write_map,
    write_source,
    write_species,
)


@pytest.fixture
def maps(tmp_path):
    """Paths of two half-maps, a mask and a smaller map."""
    mask = (cube(seed=2) > 0).astype(np.float32)
    return {
        "half_1": write_map(tmp_path / "half1.mrc", cube(seed=0)),
        "half_2": write_map(tmp_path / "half2.mrc", cube(seed=1)),
        "mask": write_map(tmp_path / "mask.mrc", mask),
        "small": write_map(tmp_path / "small.mrc", cube(6)),
    }


def test_half_maps_and_mask_are_read_together(maps):
    found = read_maps(MapFiles(half_1=maps["half_1"], half_2=maps["half_2"], mask=maps["mask"]))
    assert np.array_equal(found.half_maps[1], cube(seed=1))
    assert (found.pixel_size_angstrom, found.has_density) == (2.0, True)
    assert found.names == ("half-maps", "mask")
    assert len(found.digests) == 3
    assert not found.warnings


def test_nothing_given_is_nothing_read():
    assert read_maps(MapFiles()) == SpeciesMaps() or not read_maps(MapFiles()).names


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"half_1": "half_1"}, "only one half-map"),
        ({"half_1": "half_1", "half_2": "half_1"}, "the same map"),
        ({"half_1": "half_1", "half_2": "small"}, "differ in size"),
        ({"half_1": "half_1", "half_2": "half_2", "reference": "mask"}, "and a reference"),
    ],
)
def test_maps_that_do_not_belong_together_are_refused(maps, given, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        read_maps(MapFiles(**{role: maps[file] for role, file in given.items()}))
    assert caught.value.hint


def test_other_pixel_sizes_broken_values_and_odd_shapes_are_refused(maps, tmp_path):
    other = write_map(tmp_path / "other.mrc", cube(seed=3), pixel=2.1)
    with pytest.raises(InvalidInput, match="pixel size") as caught:
        read_maps(MapFiles(half_1=maps["half_1"], half_2=other))
    assert caught.value.fields["file"] == other
    broken = cube()
    broken[0, 0, 0] = np.nan
    with pytest.raises(InvalidInput, match="not finite"):
        read_maps(MapFiles(reference=write_map(tmp_path / "nan.mrc", broken)))
    with pytest.raises(InvalidInput, match="not cubic"):
        read_maps(MapFiles(reference=write_map(tmp_path / "slab.mrc", cube()[:4])))


def test_a_table_given_as_a_map_is_named_as_such(tmp_path):
    (tmp_path / "run_data.star").write_text("data_particles\n\nloop_\n_rlnTomoName\n")
    with pytest.raises(InvalidInput, match="a text file") as caught:
        read_maps(MapFiles(mask=tmp_path / "run_data.star"))
    assert caught.value.fields["field"] == "--mask"
    assert "--particles" in caught.value.hint
    with pytest.raises(NotFound):
        read_maps(MapFiles(mask=tmp_path / "absent.mrc"))


def test_a_mask_beyond_zero_to_one_is_warned_of(tmp_path):
    mask = write_map(tmp_path / "mask.mrc", 3 * cube())
    assert "not 0 to 1" in read_maps(MapFiles(mask=mask)).warnings[0]


def test_mirroring_twice_gives_the_map_back_but_for_its_edge(maps, tmp_path):
    once = read_maps(MapFiles(reference=maps["half_1"]), mirrored=True).reference
    assert not np.array_equal(once, cube(seed=0))
    again = write_map(tmp_path / "again.mrc", once)
    twice = read_maps(MapFiles(reference=again), mirrored=True).reference
    assert np.array_equal(twice, cube(seed=0))


@pytest.fixture
def species(tree):
    write_source(tree, "TS_01", "TS_02")
    halves = (cube(seed=0), cube(seed=1))
    mask = np.ones((8, 8, 8), np.float32)
    given = SpeciesMaps(half_maps=halves, mask=mask, pixel_size_angstrom=2.0)
    write_species(tree, rows_of(4), maps=given)
    return tree


def test_maps_that_stay_must_fit_those_that_come(species):
    new = SpeciesMaps(half_maps=(cube(6), cube(6, 1)), pixel_size_angstrom=2.0)
    with pytest.raises(InvalidInput, match="do not fit the mask") as caught:
        check_fit(species_of(species), new)
    assert "together" in caught.value.hint
    finer = SpeciesMaps(half_maps=(cube(8), cube(8, 1)), pixel_size_angstrom=1.9)
    with pytest.raises(InvalidInput, match="do not fit"):
        check_fit(species_of(species), finer)
    same = SpeciesMaps(half_maps=(cube(8), cube(8, 1)), pixel_size_angstrom=2.0)
    check_fit(species_of(species), same)


def test_half_maps_and_mask_of_another_box_replace_all(species):
    mask = np.ones((6, 6, 6), np.float32)
    new = SpeciesMaps(half_maps=(cube(6), cube(6, 1)), mask=mask, pixel_size_angstrom=3.0)
    check_fit(species_of(species), new)
    replace_maps(species, species_of(species).path, new)
    assert species_of(species).map("half_map_2").shape == (6, 6, 6)
    assert species_of(species).number("pixel_size_angstrom") == 3.0


def test_a_reference_supersedes_half_maps_and_the_other_way_round(species):
    path = species_of(species).path
    replace_maps(species, path, SpeciesMaps(reference=cube(), pixel_size_angstrom=2.0))
    assert species_of(species).map_names() == ("reference", "mask")
    halves = SpeciesMaps(half_maps=(cube(), cube(8, 1)), pixel_size_angstrom=2.0)
    replace_maps(species, path, halves)
    assert species_of(species).map_names() == ("half_map_1", "half_map_2", "mask")


def test_a_stated_pixel_size_wins_over_the_headers(tmp_path):
    file = write_map(tmp_path / "map.mrc", cube(8, 0), 2.0)
    maps = read_maps(MapFiles(reference=file), pixel_size_angstrom=2.1)
    assert maps.pixel_size_angstrom == 2.1
    with pytest.raises(InvalidInput, match="not positive"):
        read_maps(MapFiles(reference=file), pixel_size_angstrom=0.0)
