"""What a particle's place and the side of a band do to blocks of images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgit.errors import Unsupported
from mgit.geometry.tilt_series import tilt_series_model
from mgit.maps.reference import HalfReferences, sliceable
from mgit.refine.discs import at_places
from mgit.refine.inputs import ReferenceSet
from mgit.refine.objective import SpeciesTarget
from mgit.refine.preparation import Subject, prepare
from mgit.refine.stages import State, targets_of
from tests.refine.curved import Thick, ball_of_atoms, drawn_angles, particle_rotation
from tests.refine.problems import simulated

EVERY_TILT = np.full(5, -60.0)


def target_of(series, problem, *, reference=None, dtype=torch.float32):
    model = tilt_series_model(series.geometry, problem.particles.poses)
    subject = Subject(
        reference=reference or problem.reference,
        particles=problem.particles,
        views=model.views(),
    )
    (prepared,) = prepare(series, [subject], weight_threshold=0.25, batch=8, dtype=dtype)
    chosen = np.ones(problem.particles.poses.count, dtype=bool)
    return SpeciesTarget(prepared=prepared, model=model, chosen=chosen)


def with_optics(series, **optics):
    margins = {name: (0.0, 0.0, 0.0) for name, values in optics.items() if values.ndim == 3}
    return replace(
        series, optics={**series.optics, **optics}, margins={**series.margins, **margins}
    )


def test_a_b_factor_of_the_place_acts_as_one_of_all_tilts_would():
    problem = simulated()
    place = with_optics(problem.data, location_b_factor=np.full((1, 2, 2), -60.0))
    tilts = with_optics(problem.data, ctf_b_factor=EVERY_TILT)
    found, expected = (target_of(each, problem).terms({}) for each in (place, tilts))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0.0)
    assert not torch.allclose(found, target_of(problem.data, problem).terms({}), rtol=0.05)


def test_every_particle_has_the_b_factor_of_its_own_place():
    problem = simulated()
    slope = np.array([[[-120.0, 0.0], [-120.0, 0.0]]])
    found = target_of(with_optics(problem.data, location_b_factor=slope), problem).terms({})
    x = problem.particles.poses.position[:, 0, 0]
    b_factor = -120 + 120 * x / problem.data.geometry.volume_dimensions_angstrom[0]
    for row in (0, 5, 11):
        alike = with_optics(problem.data, ctf_b_factor=np.full(5, b_factor[row]))
        expected = target_of(alike, problem).terms({})[row]
        torch.testing.assert_close(found[row], expected, rtol=1e-5, atol=0.0)


def test_places_without_a_b_factor_leave_blocks_as_they_are():
    blocks = simulated().prepared()[1].blocks
    same = at_places(blocks, np.zeros(12), box_angstrom=192.0)
    assert all(one is other for one, other in zip(same, blocks, strict=True))


def test_without_curvature_both_bands_have_the_product_of_the_flat_image():
    """The weight of both slices is twice that of one: their products add, so do their powers."""
    problem = simulated()
    series = replace(
        problem.data, microscope=replace(problem.data.microscope, voltage_kilovolt=1e9)
    )
    flat = target_of(series, problem).terms({})
    curved = target_of(series, problem, reference=replace(problem.reference, ewald=True)).terms({})
    torch.testing.assert_close(curved[..., 0], flat[..., 0], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(curved[..., 1], 2 * flat[..., 1], rtol=1e-5, atol=0.0)


def test_the_gradient_with_curvature_is_that_of_double_precision():
    """Heights stand in for those of few volts: two shells at the edge of the disc."""
    problem = simulated()
    reference = replace(problem.reference, ewald=True)
    found = []
    for dtype in (torch.float32, torch.float64):
        target = target_of(problem.data, problem, reference=reference, dtype=dtype)
        blocks = tuple(
            replace(each, height=float(np.copysign(0.008, each.height)))
            for each in target.prepared.blocks
        )
        assert {each.height for each in blocks} == {0.008, -0.008}
        target = replace(target, prepared=replace(target.prepared, blocks=blocks))
        vector = torch.zeros_like(target.model.start["rotation_vector"], requires_grad=True)
        terms = target.terms({"rotation_vector": vector})
        value = terms[..., 0].sum() - 0.1 * terms[..., 1].sum()
        (gradient,) = torch.autograd.grad(value, vector)
        found.append(gradient)
    scale = found[1].abs().max()
    torch.testing.assert_close(found[0] / scale, found[1] / scale, rtol=0.0, atol=2e-3)


def test_terms_with_curvature_on_a_device_are_those_of_the_cpu(cupy):
    problem = simulated()
    target = target_of(problem.data, problem, reference=replace(problem.reference, ewald=True))
    state = State(series=problem.data, poses=(problem.particles.poses,))
    found = []
    for device in ("cpu", "cuda"):
        (there,) = targets_of(
            state,
            (target.prepared,),
            chosen=[target.chosen],
            resolution_angstrom=12.0,
            threads=1,
            device=device,
        )
        found.append(there.terms({}))
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-2)


def test_bands_of_images_that_carry_the_ctf_are_refused_by_item_and_species():
    problem = simulated()
    reference = replace(problem.reference, ewald=True)
    with pytest.raises(Unsupported, match="Ewald") as error:
        target_of(replace(problem.data, ctf_multiplied=True), problem, reference=reference)
    assert error.value.fields["item"] == problem.data.name
    assert error.value.fields["species"] == "molecule"


@pytest.mark.slow
@pytest.mark.parametrize("hand", [1, -1])
def test_thick_particles_correlate_best_with_slices_curved_to_their_side(hand):
    """Images by atoms: 60 A at 0.6 A pixels and 100 kV, noiseless, in the true pose."""
    random = np.random.default_rng(5)
    ball = Thick(
        diameter=60.0,
        pixel=0.6,
        size=320,
        atoms=ball_of_atoms(random, count=100, diameter=60.0),
        hand=hand,
    )
    volume = sliceable(ball.density(120), oversampling=2)
    plain = ReferenceSet(
        species="ball",
        references=HalfReferences(
            first=volume, second=volume, box=120, pixel_size_angstrom=0.6, oversampling=2
        ),
        diameter_angstrom=60.0,
        ewald=True,
    )
    angles, found = drawn_angles(random, 4), []
    images = [ball.image(particle_rotation(each), 2000.0) for each in angles]
    for reverse, bent in ((True, 1.0), (True, 0.0), (False, 1.0)):
        reference = replace(plain, ewald_reverse=reverse)
        sums = torch.zeros(3, dtype=torch.float64)
        for angle, image in zip(angles, images, strict=True):
            series, particle = ball.series(image, 2000.0), ball.particle(angle)
            model = tilt_series_model(series.geometry, particle.poses)
            subject = Subject(reference=reference, particles=particle, views=model.views())
            (prepared,) = prepare(series, [subject], weight_threshold=0.25, batch=8)
            blocks = [replace(each, height=bent * each.height) for each in prepared.blocks]
            target = SpeciesTarget(
                prepared=replace(prepared, blocks=tuple(blocks)),
                model=model,
                chosen=np.ones(1, dtype=bool),
            )
            sums = sums + target.terms({}).sum((0, 1))
        found.append(float(sums[0] / torch.sqrt(sums[1] * sums[2])))
    curved, flat, wrong = found
    assert curved > flat + 0.02
    assert flat > wrong + 0.02
