"""What images of a reconstruction count, one factor after the other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kernels.packing import packing
from mgit.refine.exposure import disc_frequencies, tilt_terms, weight_discs
from mgit.refine.slice_weights import ItemWeight, slice_weights
from tests.refine.problems import simulated
from tests.refine.test_discs import with_optics

BOX = 192.0
DISC = packing(12)
ROWS = np.array([2, 7])


def factors(series, item=None, *, number=3):
    weights = slice_weights(series, simulated().particles, item or ItemWeight())
    return weights.of(ROWS, number, DISC, box_angstrom=BOX)


def test_images_and_their_squares_are_weighted_once_by_exposure_and_tilt():
    series = simulated().data
    on_images, on_squares = factors(series)
    expected = weight_discs(tilt_terms(series), DISC, box_angstrom=BOX)[3]
    assert torch.equal(on_images, on_squares)
    torch.testing.assert_close(on_images, expected.expand(2, -1))


def test_filtered_images_have_their_exposure_already_but_not_the_items_weight():
    series = replace(simulated().data, exposure_filtered=True)
    on_images, on_squares = factors(series, ItemWeight(scale=0.5))
    assert torch.equal(on_images, torch.full_like(on_images, 0.5))
    exposed = weight_discs(tilt_terms(series), DISC, box_angstrom=BOX)[3]
    torch.testing.assert_close(on_squares, 0.5 * exposed.expand(2, -1))


def test_b_factors_of_item_and_place_add_up_and_scales_multiply():
    series = with_optics(
        simulated().data,
        location_b_factor=np.full((1, 1, 1), -30.0),
        location_weight=np.full((1, 1, 1), 0.8),
    )
    found = factors(series, ItemWeight(scale=0.5, b_factor=-20.0))[1]
    square = disc_frequencies(DISC, BOX).square().sum(-1)
    decay = 0.4 * torch.exp(-50.0 * square / 4)
    torch.testing.assert_close(found, factors(simulated().data)[1] * decay)


def test_frequencies_are_those_in_the_specimen():
    series = with_optics(simulated().data, magnification=np.diag([1.2, 1.0]))
    found = factors(series)[0][0]
    k = disc_frequencies(DISC, BOX)
    along_x = int(torch.argmax(k[:, 0]))
    b_factor = float(tilt_terms(series).b_factor[3])
    extra = np.exp(b_factor * (1.2**2 - 1) * float(k[along_x, 0]) ** 2 / 4)
    plain = factors(simulated().data)[0][0]
    assert float(found[along_x] / plain[along_x]) == pytest.approx(extra, rel=1e-6)
