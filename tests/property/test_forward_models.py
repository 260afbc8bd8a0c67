"""Two forward models that share no code say the same: the simulator's and the one that refines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.simulate.forward import Geometry, views
from mgit.simulate.transfer import Lens, contrast_transfer, frequencies

torch = pytest.importorskip("torch")

from mgit.geometry.poses import ParticlePoses  # noqa: E402
from mgit.geometry.series_geometry import series_geometry  # noqa: E402
from mgit.geometry.tilt_series import tilt_series_model  # noqa: E402
from mgit.optics.ctf import Microscope, Optics, ctf  # noqa: E402
from mgit.optics.frequencies import image_frequencies  # noqa: E402

TILTS, PARTICLES = 6, 3
IMAGE, VOLUME = (1400.0, 1200.0), (1300.0, 1250.0, 500.0)
SHAPES = {
    "image_warp": ((TILTS, 3, 4), "xy"),
    "volume_warp": ((3, 2, 3, 2), "xyz"),
    "stage_angle": ((TILTS, 1, 1), "xyz"),
}
GRIDS = {f"{name}_{axis}": shape for name, (shape, axes) in SHAPES.items() for axis in axes}


def drawn(random) -> dict[str, np.ndarray]:
    """Canonical arrays of a series with every term of the geometry."""
    per_tilt = {
        "tilt_angle": np.sort(random.uniform(-60, 60, TILTS)),
        "axis_angle": random.uniform(-180, 180) + random.normal(size=TILTS),
        "level_angle_x": np.full(TILTS, random.normal()),
        "level_angle_y": np.full(TILTS, random.normal()),
        "axis_offset_x": 20 * random.normal(size=TILTS),
        "axis_offset_y": 20 * random.normal(size=TILTS),
        "exposure": 3.0 * random.permutation(TILTS),
        "defocus": 25_000 + 1_000 * random.normal(size=TILTS),
    }
    return {**per_tilt, **{name: 3 * random.normal(size=shape) for name, shape in GRIDS.items()}}


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.sampled_from([-1, 1]), st.sampled_from([1, 2, 3]), st.booleans())
def test_particles_appear_at_the_same_places_turns_and_depths(seed, hand, samples, displaced):
    random = np.random.default_rng(seed)
    arrays = drawn(random)
    middle = random.uniform(0.2, 0.8, (PARTICLES, 1, 3)) * VOLUME
    positions = middle + 3 * random.normal(size=(PARTICLES, samples, 3))
    angles = random.uniform(-170, 170, (PARTICLES, 1, 3)) + random.normal(
        size=(PARTICLES, samples, 3)
    )
    moved = random.normal(size=(PARTICLES, TILTS, 3)) if displaced else None
    ours = views(
        Geometry(name="TS", arrays=arrays, hand=hand, image=IMAGE, volume=VOLUME),
        positions,
        angles,
        rows=np.arange(PARTICLES),
        trajectory=moved,
    )
    geometry = series_geometry(
        "TS",
        "tilt_series",
        arrays=arrays,
        attributes={
            "pixel_size_angstrom": "1.5",
            "hand": hand,
            "image_dimensions_angstrom": [repr(side) for side in IMAGE],
            "volume_dimensions_angstrom": [repr(side) for side in VOLUME],
        },
    )
    poses = ParticlePoses(position=positions, angles=angles, displacement=moved)
    theirs = tilt_series_model(geometry, poses).views()

    def by_tilt(values: np.ndarray) -> np.ndarray:
        return values.reshape(TILTS, PARTICLES, *values.shape[1:]).swapaxes(0, 1)

    assert np.abs(by_tilt(ours.xy) - theirs.position.numpy()).max() < 1e-6
    assert np.abs(by_tilt(ours.rotation) - theirs.rotation.numpy()).max() < 1e-9
    assert np.abs(by_tilt(ours.defocus) - theirs.defocus.numpy()).max() < 1e-6


@given(
    st.floats(-5_000, 50_000),
    st.floats(-2_000, 2_000),
    st.floats(-90, 90),
    st.floats(0, 120),
    st.sampled_from([100.0, 200.0, 300.0]),
)
def test_contrast_is_transferred_alike(defocus, delta, angle, phase, voltage):
    values = (defocus, delta, angle, phase)
    facts = {
        "voltage_kilovolt": voltage,
        "spherical_aberration_millimetre": 2.7,
        "amplitude_contrast": 0.07,
    }
    ours = contrast_transfer(
        Lens(**facts),
        frequencies((24, 24), 2.0),
        defocus=defocus,
        delta=delta,
        angle_degree=angle,
        phase_degree=phase,
    )
    names = ("defocus", "defocus_delta", "defocus_angle", "phase_shift")
    tensors = (torch.tensor(value, dtype=torch.float64) for value in values)
    optics = Optics(**dict(zip(names, tensors, strict=True)))
    theirs = ctf(image_frequencies(24, 2.0), Microscope(**facts), optics).numpy()
    rows = np.arange(24) != 12  # whose frequency has either sign
    assert np.abs(ours - theirs)[rows].max() < 1e-9
