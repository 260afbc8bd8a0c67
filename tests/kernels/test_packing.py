"""Packed discs: one sample of each Friedel pair, in rows."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.packing import pack, packing, unpack


@given(st.integers(1, 70))
def test_a_disc_holds_one_sample_of_each_friedel_pair(radius):
    disc = packing(radius)
    found = {tuple(k) for k in disc.frequencies.tolist()}
    wanted = {
        (x, y)
        for x in range(-radius, radius + 1)
        for y in range(-radius, radius + 1)
        if x * x + y * y <= radius * radius
    }
    partners = {(-x, -y) for x, y in found}
    assert len(found) == disc.samples
    assert found | partners == wanted
    assert found & partners == {(0, 0)}


@given(st.integers(1, 70))
def test_rows_tell_where_each_frequency_stands(radius):
    disc = packing(radius)
    for row, (start, stop, first) in enumerate(
        zip(disc.row_start[:-1], disc.row_start[1:], disc.row_first, strict=True)
    ):
        kx, ky = disc.frequencies[start:stop].T
        assert (ky == row - radius).all()
        assert kx.tolist() == list(range(first, first + stop - start))
    assert disc.row_start[-1] == disc.samples
    assert disc.frequencies[disc.zero].tolist() == [0, 0]


@given(st.integers(2, 20), st.integers(0, 3))
def test_unpacking_restores_a_real_images_transform_within_the_disc(half_box, spare):
    box, radius = 2 * half_box, max(1, half_box - 1 - spare)
    image = np.random.default_rng(half_box).standard_normal((3, box, box))
    transform = np.fft.rfft2(image)
    disc = packing(radius)
    kx, ky = np.meshgrid(np.fft.rfftfreq(box, 1 / box), np.fft.fftfreq(box, 1 / box))
    inside = kx**2 + ky**2 <= radius**2
    restored = unpack(pack(transform, disc), disc, box=box)
    assert np.allclose(restored, np.where(inside, transform, 0))


def test_torch_packs_as_numpy_does():
    transform = np.fft.rfft2(np.random.default_rng(0).standard_normal((2, 16, 16)))
    disc = packing(7)
    packed = pack(torch.from_numpy(transform), disc)
    assert np.array_equal(packed.numpy(), pack(transform, disc))


def test_sums_over_a_disc_are_half_of_those_over_the_plane():
    image = np.random.default_rng(1).standard_normal((16, 16))
    full = np.abs(np.fft.fft2(image)) ** 2
    k = np.fft.fftfreq(16, 1 / 16)
    inside = k[:, None] ** 2 + k**2 <= 49
    packed = np.abs(pack(np.fft.rfft2(image), packing(7))) ** 2
    packed[packing(7).zero] /= 2
    assert packed.sum() == pytest.approx(full[inside].sum() / 2)


@pytest.mark.parametrize("radius", [0, -1, 1 << 15])
def test_a_radius_without_a_disc_is_refused(radius):
    with pytest.raises(ValueError, match="radius"):
        packing(radius)


@pytest.mark.parametrize("box", [15, 14, 2])
def test_a_box_that_does_not_hold_the_disc_is_refused(box):
    with pytest.raises(ValueError, match="does not fit"):
        packing(7).rfft_index(box)


def test_what_is_no_rfft_layout_is_refused():
    with pytest.raises(ValueError, match="rfft layout"):
        pack(np.zeros((16, 16), complex), packing(7))


def test_tables_are_shared_and_read_only():
    assert packing(9) is packing(9)
    with pytest.raises(ValueError, match="read-only"):
        packing(9).frequencies[0] = 1
