"""Series and particles of an item with their images, real ones or noise."""

import numpy as np
import pytest

from mgit.refine.part_inputs import particles_of, series_of
from mgit.refine.plan import bind, plan_reconstruction
from mgit.refine.raw_stacks import read_section
from tests.refine.populations import Disk
from tests.refine.refinable import raw_directory, reconstructed


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """A plan, one of its parts, and the files of that part."""
    repository = reconstructed(tmp_path_factory, tmp_path_factory.mktemp("parts"))
    (plan,) = plan_reconstruction(repository.snapshot(repository.resolve("HEAD")))
    disk = Disk(raw_directory(tmp_path_factory))
    part = plan.parts[0]
    return plan, part, bind([plan], disk, advance=lambda files: None)[part.item.path]


def test_images_of_a_series_are_those_of_its_files(setting):
    _, part, files = setting
    series = series_of(part.item, files)
    assert series.name == part.item.name
    for tilt in (0, 3):
        raw = read_section(files[tilt].place, 0)
        assert np.array_equal(series.image(tilt), raw)


def test_a_null_seed_puts_noise_of_the_same_spectrum_in_their_place(setting):
    _, part, files = setting
    real = series_of(part.item, files).image(1)
    noise = series_of(part.item, files, null_seed=1).image(1)
    assert abs(np.corrcoef(real.ravel(), noise.ravel())[0, 1]) < 0.1
    assert noise.std() == pytest.approx(real.std(), rel=1e-3)
    assert np.array_equal(noise, series_of(part.item, files, null_seed=1).image(1))
    assert not np.array_equal(noise, series_of(part.item, files, null_seed=2).image(1))


def test_particles_are_the_rows_of_the_part(setting):
    plan, part, files = setting
    found = particles_of(plan, part, files, series=series_of(part.item, files))
    assert found.species == "made"
    assert np.array_equal(found.poses.position, plan.particles.positions[part.rows])
    assert found.stacks is None
