"""A changed pixel size or hand moves everything that depends on it, and nothing else."""

import numpy as np
import pytest

from mgit.curate.source_settings import flip_hand, set_depth_sign, set_pixel_size
from mgit.curate.sources import add_source
from mgit.digest import RawDigest
from mgit.errors import InvalidInput, Refused
from mgit.state.particle_columns import build_particles
from mgit.state.population import Population
from mgit.state.series import update_item_attributes
from mgit.state.species import write_species
from tests.curate.conftest import TILTS, make_series, make_source

EDGE = 8


def add_particles(tree, name, item_ids, *, seed=0):
    random = np.random.default_rng(seed)
    count = len(item_ids)
    columns = build_particles(
        RawDigest.of(name.encode()),
        positions=random.uniform(0, 500, (count, 1, 3)),
        angles=random.uniform(-180, 180, (count, 1, 3)),
        half_sets=np.arange(count) % 2 + 1,
        item_ids=item_ids,
    )
    maps = random.normal(size=(2, EDGE, EDGE, EDGE)).astype(np.float32)
    attributes = {"diameter_angstrom": "100", "symmetry": "C1", "pixel_size_angstrom": "2"}
    write_species(
        tree, name, attributes=attributes, particles=columns, half_maps=(maps[0], maps[1])
    )
    return columns


@pytest.fixture
def population(tree):
    """Two sources of one series each; species 'inside' is in the first alone."""
    for name in ("first", "second"):
        record = make_source(make_series(f"{name}_A"))
        add_source(tree, name, record, digest_of=lambda _raw: None)
    ids = {item.name: item.id for item in Population(tree).items()}
    add_particles(tree, "inside", [ids["first_A"]] * 4)
    return tree, ids


def arrays(tree, source):
    item = next(Population(tree).source(source).items())
    return {name: handle.read() for name, handle in item.arrays().items()}


def test_lengths_follow_the_pixel_size_and_defoci_its_square(population):
    tree, _ = population
    before = Population(tree).one_species("inside").particles.load()
    other = arrays(tree, "second")
    report = set_pixel_size(tree, "first", pixel_size_angstrom=2.1)
    assert (report.items, report.species, report.particles) == (1, ("inside",), 4)
    now = arrays(tree, "first")
    np.testing.assert_allclose(now["axis_offset_x"], np.arange(TILTS) * 1.05)
    np.testing.assert_allclose(now["defocus"], 20_000 * 1.05**2)
    np.testing.assert_array_equal(now["tilt_angle"], other["tilt_angle"])
    item = next(Population(tree).source("first").items())
    assert float(item.attributes["pixel_size_angstrom"]) == 2.1
    assert float(item.attributes["volume_dimensions_angstrom"][2]) == pytest.approx(630.0)
    species = Population(tree).one_species("inside")
    after = species.particles.load()
    np.testing.assert_allclose(after.positions, before.positions * 1.05)
    np.testing.assert_array_equal(after.angles, before.angles)
    assert species.flag("needs_refinement")
    for name, values in arrays(tree, "second").items():
        np.testing.assert_array_equal(values, other[name])


def test_flipping_the_hand_twice_gives_everything_back(population):
    tree, _ = population
    before, maps = arrays(tree, "first"), Population(tree).one_species("inside")
    half, particles = maps.map("half_map_1").read(), maps.particles.load()
    flip_hand(tree, "first")
    flipped = Population(tree).one_species("inside")
    assert not np.array_equal(flipped.map("half_map_1").read(), half)
    np.testing.assert_allclose(
        flipped.particles.load().positions[..., 2], 600 - particles.positions[..., 2]
    )
    flip_hand(tree, "first")
    again = Population(tree).one_species("inside")
    np.testing.assert_array_equal(again.map("half_map_1").read(), half)
    np.testing.assert_allclose(again.particles.load().positions, particles.positions, atol=1e-9)
    np.testing.assert_array_equal(again.particles.load().angles, particles.angles)
    for name, values in arrays(tree, "first").items():
        np.testing.assert_array_equal(values, before[name])


def test_maps_that_also_stand_for_another_source_are_not_mirrored(population):
    tree, ids = population
    add_particles(tree, "across", [ids["first_A"], ids["second_A"]], seed=1)
    before = arrays(tree, "first")
    with pytest.raises(Refused, match="across"):
        flip_hand(tree, "first")
    for name, values in arrays(tree, "first").items():
        np.testing.assert_array_equal(values, before[name])


def test_the_depth_sign_alone_changes_one_attribute(population):
    tree, _ = population
    assert set_depth_sign(tree, "first", hand=1).items == 1
    assert set_depth_sign(tree, "first", hand=1).items == 0
    assert next(Population(tree).source("first").items()).attributes["hand"] == 1
    with pytest.raises(InvalidInput):
        set_depth_sign(tree, "first", hand=2)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_pixel_size_is_a_positive_number(population, size):
    with pytest.raises(InvalidInput, match="pixel size"):
        set_pixel_size(population[0], "first", pixel_size_angstrom=size)


def test_extracted_images_keep_their_ratio_to_the_raw_pixels(tree):
    record = make_source(make_series("stacks"))
    add_source(tree, "extracted", record, digest_of=lambda _raw: None)
    item = next(Population(tree).source("extracted").items())
    update_item_attributes(tree, item.path, {"image_pixel_size_angstrom": "12.0"})
    raw = float(item.attributes["pixel_size_angstrom"])
    set_pixel_size(tree, "extracted", pixel_size_angstrom=1.05 * raw)
    item = next(Population(tree).source("extracted").items())
    assert float(item.attributes["image_pixel_size_angstrom"]) == pytest.approx(12.6)
