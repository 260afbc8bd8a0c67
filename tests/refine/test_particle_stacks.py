"""Extracted stacks: what their table says, and shifts within the images."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.mrc import write_stack
from mgit.geometry.poses import ParticlePoses
from mgit.refine.inputs import ParticleSet
from mgit.refine.item_data import ItemData, particle_series
from mgit.refine.particle_stacks import add_particle_series
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.reconstruct_item import Budget, HalfSums, MapGrid
from mgit.refine.slice_weights import ItemWeight
from mgit.refine.stack_images import particle_stacks, stack_rows

TILTS, SIZE, PIXEL = 3, 24, 8.0
GRID = MapGrid(box=24, padded=30, pixel_size_angstrom=PIXEL, diameter_angstrom=120.0)
HEAD = """
data_particles

loop_
_rlnTomoName #1
_rlnCoordinateX #2
_rlnCoordinateY #3
_rlnCoordinateZ #4
_rlnOriginXAngst #5
_rlnOriginYAngst #6
_rlnOriginZAngst #7
_rlnAngleRot #8
_rlnAngleTilt #9
_rlnAnglePsi #10
_rlnImageName #11
_rlnTomoVisibleFrames #12
"""
ROW = "TS_1 10 20 5 {x} 0 0 0 0 0 {image} [1,0,1]\n"


def table(*rows):
    return (HEAD + "".join(rows)).encode()


def read(content):
    return stack_rows(content, path="p.star", volumes={}, coordinate_pixel_size_angstrom=PIXEL)


def series(**arrays):
    tilts = {name: np.zeros(TILTS) for name in ("axis_angle", "exposure", "defocus_delta")}
    attributes = {
        "pixel_size_angstrom": "2.0",
        "volume_dimensions_angstrom": ["400.0", "400.0", "200.0"],
        "voltage_kilovolt": "300.0",
        "spherical_aberration_millimetre": "2.7",
        "amplitude_contrast": "0.07",
        "ctf_premultiplied": True,
    }
    angles = {"tilt_angle": np.array([-30.0, 0.0, 30.0]), "defocus": np.full(TILTS, 20_000.0)}
    return particle_series(
        ItemData(
            name="TS_1",
            arrays={**tilts, **angles, **arrays},
            attributes=attributes,
            array_attributes={},
        )
    )


def summed(tmp_path, *, roll=0, moved=0.0, given=None, images=TILTS, name="a.mrcs"):
    """Sums of one particle whose images are rolled along x and whose position is moved."""
    blob = np.random.default_rng(1).normal(size=(images, 8, 8)).astype(np.float32)
    stack = np.zeros((images, SIZE, SIZE), np.float32)
    stack[:, 8:16, 8:16] = blob
    path = tmp_path / f"{roll}.mrcs"
    path.unlink(missing_ok=True)
    write_stack(path, np.roll(stack, roll, axis=2), pixel_size_angstrom=PIXEL, label="test")
    rows = read(table(ROW.format(x="0", image="a.mrcs")))
    position = rows.centre[:, None] + np.array([moved, 0, 0])
    sums = HalfSums(GRID, images_max=10)
    item = given or series(tilt_angle=np.zeros(TILTS))
    particles = ParticleSet(
        species="s",
        poses=ParticlePoses(position=position, angles=np.zeros((1, 1, 3))),
        half_set=np.array([2]),
        stacks=particle_stacks(
            item.geometry,
            rows,
            files={name: BoundFile(role="stack", path=name, place=path)},
            pixel_size_angstrom=PIXEL,
        ),
    )
    count = add_particle_series(sums, item, particles, weight=ItemWeight(), budget=Budget())
    return sums, count


def test_hidden_tilts_take_no_part_and_the_half_is_the_particles(tmp_path):
    sums, count = summed(tmp_path)
    assert count == 2
    assert sums.halves[1].sums.any()
    assert not sums.halves[0].sums.any()


def test_a_stack_of_the_visible_tilts_alone_is_read_too(tmp_path):
    assert summed(tmp_path, images=2)[1] == 2


def test_a_particle_that_moved_is_brought_to_the_middle(tmp_path):
    still, _ = summed(tmp_path)
    moved, _ = summed(tmp_path, roll=3, moved=3 * PIXEL)
    scale = np.abs(still.halves[1].sums).max()
    np.testing.assert_allclose(
        moved.halves[1].sums / scale, still.halves[1].sums / scale, atol=1e-4
    )


def test_a_stack_of_another_length_is_refused_by_item(tmp_path):
    with pytest.raises(InvalidInput, match="one even, square image") as error:
        summed(tmp_path, images=5)
    assert error.value.fields["item"] == "TS_1"


def test_a_truncated_stack_is_refused_by_item_and_file(tmp_path, monkeypatch):
    whole = write_stack

    def cut_short(path, *arguments, **options):
        whole(path, *arguments, **options)
        path.write_bytes(path.read_bytes()[:-100])

    monkeypatch.setattr("tests.refine.test_particle_stacks.write_stack", cut_short)
    with pytest.raises(InvalidInput, match="shorter") as error:
        summed(tmp_path)
    assert error.value.fields["item"] == "TS_1"


def test_a_stack_that_the_manifest_lacks_is_refused(tmp_path):
    with pytest.raises(NotFound, match="not among the raw files"):
        summed(tmp_path, name="other.mrcs")


def test_odd_aberrations_and_beam_tilt_are_taken_out_of_extracted_images(tmp_path):
    """Of first order they move the image: exp(i c kx) by -c / 2 pi."""
    odd = np.zeros(12)
    odd[1] = 2 * np.pi * 3 * PIXEL
    still, _ = summed(tmp_path)
    bent, _ = summed(tmp_path, roll=3, given=series(tilt_angle=np.zeros(TILTS), zernike_odd=odd))
    scale = np.abs(still.halves[1].sums).max()
    np.testing.assert_allclose(bent.halves[1].sums / scale, still.halves[1].sums / scale, atol=1e-4)


def test_a_magnification_stretches_the_slices_and_the_ctf_of_extracted_images(tmp_path):
    plain, _ = summed(tmp_path)
    stretched = series(tilt_angle=np.zeros(TILTS), magnification=np.diag([0.5, 1.0]))
    found, _ = summed(tmp_path, given=stretched)
    reach = [np.flatnonzero(each.halves[1].sums[0, 0, :, 2]).max() for each in (plain, found)]
    assert reach[1] <= reach[0] / 2 + 1


def test_an_exposure_filter_that_was_applied_is_not_applied_again(tmp_path):
    exposed = series(tilt_angle=np.zeros(TILTS), exposure=np.full(TILTS, 300.0))
    filtered = replace(exposed, exposure_filtered=True)
    plain, _ = summed(tmp_path, given=exposed)
    kept, _ = summed(tmp_path, given=filtered)
    channels = [np.abs(each.halves[1].sums).sum(axis=(0, 1, 2)) for each in (plain, kept)]
    assert channels[1][0] > 1.2 * channels[0][0]
    assert channels[1][2] == channels[0][2]
