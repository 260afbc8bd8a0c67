"""Extracted stacks: which images a particle has, what they show, where they are centred."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.mrc import write_stack
from mgit.geometry.poses import ParticlePoses
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.stack_images import (
    StackRows,
    around_zero,
    background_free,
    displacements,
    particle_stacks,
    stack_rows,
)
from tests.refine.stacks import extracted

TILTS, SIZE, PIXEL = 5, 12, 8.0
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
"""
ROW = "TS_1 10 20 5 {x} 0 0 0 0 0 {image} {visible}\n"


def read(*rows, visible=True):
    head = HEAD + ("_rlnTomoVisibleFrames #12\n" if visible else "")
    return stack_rows(
        (head + "".join(rows)).encode(),
        path="p.star",
        volumes={},
        coordinate_pixel_size_angstrom=PIXEL,
    )


def geometry(use=(True,) * TILTS):
    """Five tilts of a series of extracted particles."""
    return extracted().data.geometry.with_arrays({"use": np.array(use)})


def stacked(directory, values, *, visible=None, use=(True,) * TILTS, name="a.mrcs"):
    """Stacks of one particle whose file has `values`."""
    path = Path(directory, "a.mrcs")
    finite = np.nan_to_num(values, nan=1e9).astype(np.float32)
    write_stack(path, finite, pixel_size_angstrom=PIXEL, label="test")
    nan = np.float32(np.nan).tobytes()
    path.write_bytes(path.read_bytes().replace(np.float32(1e9).tobytes(), nan))
    rows = StackRows(
        stack=("a.mrcs",),
        centre=np.zeros((1, 3)),
        visible=None if visible is None else (np.array(visible, dtype=bool),),
    )
    return particle_stacks(
        geometry(use),
        rows,
        files={name: BoundFile(role="stack", path=name, place=path)},
        pixel_size_angstrom=PIXEL,
    )


def numbered(count=TILTS, size=SIZE):
    return np.broadcast_to(np.arange(count)[:, None, None], (count, size, size)) + 1.0


def test_images_are_centred_where_they_were_cut_out_whatever_the_origins_say():
    rows = read(
        ROW.format(x="7", image="a.mrcs", visible="[1,0,1]"),
        ROW.format(x="0", image="b.mrcs", visible="[1,1,1]"),
    )
    assert rows.stack == ("a.mrcs", "b.mrcs")
    np.testing.assert_allclose(rows.centre, [[80, 160, 40]] * 2)
    np.testing.assert_array_equal(rows.visible[0], [True, False, True])
    assert rows.take(np.array([1])).stack == ("b.mrcs",)


def test_without_flags_every_tilt_is_visible(tmp_path):
    rows = read(ROW.format(x="0", image="a.mrcs", visible=""), visible=False)
    assert rows.visible is None
    assert rows.take(np.array([0])).visible is None
    assert stacked(tmp_path, numbered()).shown.all()


def test_members_of_a_common_stack_are_refused():
    with pytest.raises(Unsupported, match="single members"):
        read(ROW.format(x="0", image="000001@a.mrcs", visible="[1]"))


@pytest.mark.parametrize("sections", ["all", "visible"])
def test_images_are_those_of_used_and_visible_tilts(tmp_path, sections):
    visible = np.array([1, 0, 1, 1, 1], dtype=bool)
    values = numbered()
    kept = values if sections == "all" else values[visible]
    stacks = stacked(tmp_path, kept, visible=visible, use=(True, True, True, False, True))
    assert stacks.shown.tolist() == [[True, False, True, True]]
    assert stacks.numbers(0).tolist() == [0, 2, 3]
    found = stacks.images(0)
    assert found.dtype == np.float32
    assert found[:, 0, 0].tolist() == [1, 3, 5]


def test_flags_of_another_number_of_tilts_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="flag of visibility") as error:
        stacked(tmp_path, numbered(), visible=[1, 0, 1])
    assert error.value.fields["item"] == "TS_01"
    assert error.value.fields["file"] == "a.mrcs"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (numbered(count=4), "one even, square image"),
        (numbered(size=11), "one even, square image"),
        (np.where(np.arange(SIZE) == 3, np.nan, numbered()), "not finite"),
    ],
    ids=["too few", "odd", "nan"],
)
def test_stacks_that_cannot_be_used_are_refused_by_item_and_file(tmp_path, values, message):
    with pytest.raises(InvalidInput, match=message) as error:
        stacked(tmp_path, values).images(0)
    assert error.value.fields["item"] == "TS_01"
    assert error.value.fields["file"].endswith("a.mrcs")


def test_a_stack_that_is_not_among_the_files_is_refused(tmp_path):
    with pytest.raises(NotFound, match=r"a\.mrcs"):
        stacked(tmp_path, numbered(), name="other.mrcs").images(0)


def test_displacements_are_what_a_particle_moved_by_seen_in_every_tilt():
    problem = extracted()
    poses = problem.particles.poses
    centre = problem.particles.stacks.centre
    assert displacements(problem.data.geometry, poses, centre).abs().max() == 0
    step = np.array([7.0, -3.0, 5.0])
    moved = ParticlePoses(position=poses.position + step, angles=poses.angles)
    found = displacements(problem.data.geometry, moved, centre)
    assert found.shape == (12, 5, 2)
    assert float(torch.linalg.norm(found, dim=-1).max()) <= np.linalg.norm(step) + 1e-9
    # The tilt in the middle is no tilt: what is left is a turn about the beam.
    plain = replace(problem.data.geometry, arrays=without_level(problem.data.geometry.arrays))
    flat = displacements(plain, moved, centre)[:, 2]
    assert torch.allclose(torch.linalg.norm(flat, dim=-1), torch.tensor(58.0).sqrt().double())


def without_level(arrays):
    return {**arrays, "level_angle_x": np.zeros(TILTS), "level_angle_y": np.zeros(TILTS)}


def test_the_background_is_the_mean_outside_the_particle():
    images = np.ones((2, 20, 20))
    images[:, 8:13, 8:13] = 5
    free = background_free(images, pixel=1.0, diameter_angstrom=10.0)
    assert free[:, 0, 0].tolist() == [0, 0]
    assert free[0, 10, 10] == 4
    assert background_free(images, pixel=1.0, diameter_angstrom=100.0) is images


@pytest.mark.parametrize("size", [6, 8, 14])
def test_the_centre_of_an_image_comes_to_index_zero(size):
    image = torch.zeros((1, 8, 8))
    image[0, 4, 4], image[0, 4, 5] = 2.0, 1.0
    found = around_zero(image, size)
    assert found.shape == (1, size, size)
    assert (found[0, 0, 0], found[0, 0, 1]) == (2.0, 1.0)
    assert found.sum() == 3
