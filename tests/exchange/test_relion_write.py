import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.exchange.relion_documents import read_optimisation_set
from mgit.exchange.relion_particles import read_particles
from mgit.exchange.relion_rotations import euler_matrices
from mgit.exchange.relion_tomograms import read_tomograms, volumes_of
from mgit.exchange.relion_write import (
    WrittenParticles,
    WrittenSeries,
    write_optimisation_set,
    write_particles,
    write_tomograms,
)

ATTRIBUTES = {
    "pixel_size_angstrom": "1.7005",
    "voltage_kilovolt": "300.0",
    "spherical_aberration_millimetre": "2.7",
    "amplitude_contrast": "0.07",
    "volume_dimensions_angstrom": [repr(640 * 1.7005), repr(480 * 1.7005), repr(160 * 1.7005)],
    "hand": -1,
}
COMMENT = "written by a test"


def series(seed=1, **changes):
    generator = np.random.default_rng(seed)
    names = ("tilt_angle", "axis_angle", "level_angle_x", "exposure", "defocus", "defocus_delta")
    arrays = {name: generator.normal(size=5) * 100 for name in names}
    arrays["axis_offset_x"], arrays["axis_offset_y"] = generator.normal(size=(2, 5))
    arrays |= {"level_angle_y": np.zeros(5), "use": np.ones(5, dtype=bool)}
    arrays |= {"ctf_b_factor": -generator.uniform(size=5)}
    images = [f"{n}@ts.mrcs" for n in range(1, 6)]
    return WrittenSeries(arrays=arrays | changes, attributes=dict(ATTRIBUTES), image_names=images)


def reread(written):
    head = written.files["Export/tomograms.star"]
    return read_tomograms(head, path="t", load=lambda path: written.files[path])


def test_written_tomograms_are_read_back_to_the_last_bit():
    items = {"TS_01": series(1), "odd name 2": series(2)}
    written = write_tomograms(items, directory="Export", comment=COMMENT)
    source = reread(written)
    assert [record.name for record in source.series] == list(items)
    for record, item in zip(source.series, items.values(), strict=True):
        for name in ("axis_angle", "level_angle_x", "exposure", "tilt_angle", "ctf_b_factor"):
            assert np.array_equal(record.arrays[name].values, item.arrays[name]), name
        assert np.allclose(record.arrays["defocus"].values, item.arrays["defocus"], rtol=1e-14)
        assert record.attributes["hand"] == -1
        assert record.attributes["pixel_size_angstrom"] == "1.7005"
    assert volumes_of(source)["TS_01"] == ((640.0, 480.0, 160.0), 1.7005)
    assert written.report == ()


def test_unused_tilts_are_left_out():
    item = series(use=np.array([True, False, True, True, False]))
    source = reread(write_tomograms({"t": item}, directory="Export", comment=COMMENT))
    found = source.series[0].arrays["exposure"].values
    assert np.array_equal(found, item.arrays["exposure"][[0, 2, 3]])


def test_what_the_tables_cannot_hold_is_reported():
    item = series(
        image_warp_x=np.ones((5, 2, 2)),
        stage_angle_x=np.zeros((5, 1, 1)),
        magnification=np.eye(2),
        zernike_odd=np.ones(12),
    )
    written = write_tomograms({"t": item}, directory="Export", comment=COMMENT)
    found = {entry.field: entry.count for entry in written.report}
    assert found == {"(image_warp_x)": 20, "(zernike_odd)": 12}


def particles(**changes):
    generator = np.random.default_rng(6)
    values = {
        "positions": generator.uniform(0, 200, (4, 3)),
        "angles": generator.uniform(-180, 180, (4, 3)),
        "half_sets": np.array([1, 2, 1, 2], dtype=np.uint8),
        "item_names": ["TS_01", "TS_02", "TS_01", "TS_02"],
        "names": [f"p{at}" for at in range(4)],
    }
    return WrittenParticles(**values | changes)


def test_written_particles_are_read_back():
    items = {"TS_01": series(1), "TS_02": series(2)}
    wanted = particles(columns={"rlnClassNumber": ["1", "1", "2", "2"]})
    content = write_particles(wanted, items=items, comment=COMMENT)
    source = reread(write_tomograms(items, directory="Export", comment=COMMENT))
    found = read_particles(content, path="p", volumes=volumes_of(source))
    assert np.allclose(found.positions[:, 0], wanted.positions, atol=1e-12)
    assert np.array_equal(found.angles[:, 0], wanted.angles)
    assert np.array_equal(euler_matrices(found.angles[:, 0]), euler_matrices(wanted.angles))
    assert np.array_equal(found.half_sets, wanted.half_sets)
    assert found.item_names == tuple(wanted.item_names)
    assert found.passthrough["rlnTomoParticleName"] == ("p0", "p1", "p2", "p3")
    assert found.passthrough["rlnClassNumber"].tolist() == [1, 1, 2, 2]
    assert found.attributes["format"] == "relion_5_tomo"
    assert len(found.attributes["optics_groups"]) == 1


def test_series_with_other_optics_get_a_group_of_their_own():
    other = WrittenSeries(
        arrays=series().arrays, attributes=ATTRIBUTES | {"voltage_kilovolt": "200.0"}
    )
    items = {"TS_01": series(1), "TS_02": other}
    content = write_particles(particles(), items=items, comment=COMMENT)
    volumes = dict.fromkeys(items, ((640.0, 480.0, 160.0), 1.7005))
    found = read_particles(content, path="p", volumes=volumes)
    assert found.passthrough["rlnOpticsGroup"].tolist() == [1, 2, 1, 2]
    assert [g["voltage_kilovolt"] for g in found.attributes["optics_groups"]] == ["300.0", "200.0"]


def test_what_relion_needs_must_be_there():
    item = series()
    del item.attributes["hand"]
    with pytest.raises(InvalidState, match="no 'hand'"):
        write_tomograms({"t": item}, directory="Export", comment=COMMENT)
    with pytest.raises(InvalidState, match="not exported"):
        write_particles(particles(), items={"TS_01": series()}, comment=COMMENT)
    short = WrittenSeries(arrays=series().arrays, attributes=ATTRIBUTES, image_names=["1@ts.mrcs"])
    with pytest.raises(InvalidState, match="1 images"):
        write_tomograms({"t": short}, directory="Export", comment=COMMENT)


def test_an_optimisation_set_is_written():
    content = write_optimisation_set(
        particles="a b.star", tomograms="t.star", trajectories="m.star", comment=COMMENT
    )
    found = read_optimisation_set(content, path="o")
    assert (found.particles, found.tomograms, found.trajectories) == (
        "a b.star",
        "t.star",
        "m.star",
    )


def test_sizes_that_are_quotients_are_written_whole():
    item = series()
    item.attributes["volume_dimensions_angstrom"] = ["1088.3199", "816.2399", "272.0801"]
    source = reread(write_tomograms({"t": item}, directory="Export", comment=COMMENT))
    assert volumes_of(source)["t"][0] == (640.0, 480.0, 160.0)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("image_size_px", [641, 480]),
        ("image_dimensions_angstrom", [repr(641 * 1.7005), repr(480 * 1.7005)]),
    ],
)
def test_offsets_of_odd_images_are_written_about_their_middle_pixel(attribute, value):
    item = series()
    item.attributes[attribute] = value
    source = reread(write_tomograms({"t": item}, directory="Export", comment=COMMENT))
    found = {name: grid.values for name, grid in source.series[0].arrays.items()}
    assert np.allclose(found["axis_offset_x"], item.arrays["axis_offset_x"] + 1.7005 / 2)
    assert np.array_equal(found["axis_offset_y"], item.arrays["axis_offset_y"])
