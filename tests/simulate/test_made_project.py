"""The made-up project is deterministic, reads as RELION's, and says that it is made up."""

import numpy as np

from mgit.exchange.mrc import read_volume
from mgit.exchange.relion_documents import project_loader
from mgit.exchange.relion_particles import read_particles
from mgit.exchange.relion_source import read_relion_source
from mgit.simulate.made_project import TILTS, make_project


def files(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_equal_seeds_give_equal_files_and_others_do_not(tmp_path):
    make_project(tmp_path / "a", seed=3)
    make_project(tmp_path / "b", seed=3)
    make_project(tmp_path / "c", seed=4)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


def test_the_tables_read_as_relions_and_say_that_they_are_made_up(tmp_path):
    made = make_project(tmp_path / "p", series=3, particles_per_series=7)
    content = made.tomograms.read_bytes()
    record = read_relion_source(
        content, path="tomograms.star", load=project_loader(str(made.tomograms))
    )
    assert [series.name for series in record.series] == ["TS_01", "TS_02", "TS_03"]
    assert all(series.arrays["defocus"].values.shape == (TILTS,) for series in record.series)
    assert b"not a measurement" in content
    assert made.particles.read_bytes().count(b"TS_03/") == 7


def test_half_maps_share_their_signal_and_not_their_noise(tmp_path):
    made = make_project(tmp_path / "p")
    first, second = (read_volume(path).values.ravel() for path in (made.half_1, made.half_2))
    assert not np.array_equal(first, second)
    assert np.corrcoef(first, second)[0, 1] > 0.9


def test_particles_do_not_occupy_the_same_space(tmp_path):
    made = make_project(tmp_path / "p")
    table = read_particles(
        made.particles.read_bytes(),
        path="particles.star",
        volumes=dict.fromkeys(("TS_01", "TS_02"), ((640, 640, 160), 3.0)),
    )
    names = np.array(table.item_names)
    for name in set(table.item_names):
        positions = table.positions[names == name, 0]
        distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
        assert distance[np.triu_indices(len(positions), 1)].min() > 149
