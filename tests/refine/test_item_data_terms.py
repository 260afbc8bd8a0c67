"""docs/math/terms.md is true: every term of an item is applied where it says so, or refused."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from mgit.errors import InvalidState, Unsupported
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.tilt_series import tilt_series_model
from mgit.maps.reference import HalfReferences, sliceable
from mgit.refine.discs import Subject
from mgit.refine.inputs import ParticleSet, ReferenceSet
from mgit.refine.item_data import ItemData, item_weight, particle_series, tilt_series
from mgit.refine.objective import SpeciesTarget
from mgit.refine.particle_stacks import add_particle_series
from mgit.refine.preparation import prepare
from mgit.refine.raw_stacks import TiltImages
from mgit.refine.reconstruct_item import Budget, HalfSums, MapGrid, add_tilt_series
from mgit.refine.stack_images import ParticleStacks
from mgit.state.schema import ITEM_ARRAYS, ITEM_ATTRIBUTES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "math" / "terms.md"
TILTS, PIXEL, SIZE = 4, 6.0, 96
GRID = MapGrid(box=16, padded=20, pixel_size_angstrom=PIXEL, diameter_angstrom=60.0)
RANDOM = np.random.default_rng(3)
NOISE = RANDOM.normal(size=(TILTS, SIZE, SIZE)).astype(np.float32)
MAP = sliceable(RANDOM.normal(size=(16, 16, 16)).astype(np.float32), oversampling=2)
STEPS = np.linspace(0.0, 1.0, TILTS)

ARRAYS = {
    "tilt_angle": np.array([-30.0, -10.0, 10.0, 30.0]),
    "axis_angle": np.full(TILTS, 85.0),
    "level_angle_x": np.zeros(TILTS),
    "level_angle_y": np.zeros(TILTS),
    "axis_offset_x": np.zeros(TILTS),
    "axis_offset_y": np.zeros(TILTS),
    "exposure": 3 * np.arange(TILTS, dtype=np.float64),
    "use": np.ones(TILTS, dtype=bool),
    "defocus": np.full(TILTS, 15_000.0),
    "defocus_delta": np.full(TILTS, 1500.0),
    "defocus_angle": np.full(TILTS, 20.0),
    "exposure_b_factor_delta": np.full((TILTS, 1, 1), -20.0),
}
ATTRIBUTES = {
    "pixel_size_angstrom": "6.0",
    "image_pixel_size_angstrom": "6.0",
    "image_dimensions_angstrom": ["576.0", "576.0"],
    "volume_dimensions_angstrom": ["576.0", "576.0", "200.0"],
    "voltage_kilovolt": "300.0",
    "spherical_aberration_millimetre": "2.7",
    "amplitude_contrast": "0.07",
}
PER_TILT = {
    "tilt_angle": 3.0,
    "exposure": 4 * STEPS,
    "defocus": 2000.0,
    "defocus_delta": 800.0,
    "phase_shift": 40.0,
    "ctf_scale": 0.5 + STEPS,
    "ctf_b_factor": -80 * STEPS,
    "axis_offset_x": 10.0,
    "axis_offset_y": 10.0,
}
"""What is added to arrays with one number per tilt; 5 to all others."""
VALUES = {
    "use": np.array([True, True, True, False]),
    "zernike_odd": np.full(12, 9.0),
    "zernike_even": np.full(8, 9.0),
    "magnification": np.array([[1.03, 0.01], [0.0, 0.98]]),
    "image_deformation": np.full((TILTS, 3), 0.02),
    "global_shift": np.ones((TILTS, 2)),
    "motion_polynomial": np.ones(36),
}
CHANGED = {
    "pixel_size_angstrom": "6.05",
    "image_pixel_size_angstrom": "6.3",
    "voltage_kilovolt": "200.0",
    "spherical_aberration_millimetre": "300.0",
    "amplitude_contrast": "0.3",
    "beam_tilt_x_milliradian": "30.0",
    "beam_tilt_y_milliradian": "30.0",
    "b_factor_angstrom2": "-90.0",
    "weight": "0.5",
    "volume_dimensions_angstrom": ["580.0", "580.0", "210.0"],
    "image_dimensions_angstrom": ["582.0", "570.0"],
    "image_size_px": [97, 95],
    "hand": -1,
    "ctf_premultiplied": True,
    "exposure_filtered": True,
    "excluded": True,
    "gain_flip_x": True,
    "gain_flip_y": True,
    "gain_transpose": True,
    "frame_count": 8,
    "frame_start": 2,
    "eer_grouping": 10,
}
"""Values of attributes; 1.0 for all other decimals."""


def rows_of_page():
    """Name -> what the table of items says of alignment, reconstruction and extracted images."""
    items = PAGE.read_text(encoding="utf-8").split("## Particles")[0]
    found = re.findall(r"^\| `([^`]+)` \| (\w+) \| (\w+) \| (\w+) \|", items, flags=re.MULTILINE)
    return {name: tuple(says) for name, *says in found}


PAGE_ROWS = rows_of_page()
COVERED = [each.name for each in ITEM_ATTRIBUTES if each.in_state_digest]
NOT_READ = {"kind", "inputs", "raw"}


def test_the_page_has_every_term_of_the_state_once_and_no_other():
    expected = [each.name for each in ITEM_ARRAYS] + COVERED
    assert sorted(PAGE_ROWS) == sorted(expected)
    names = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text().split("## Particles")[0], re.MULTILINE)
    assert len(names) == len(set(names))
    assert {word for says in PAGE_ROWS.values() for word in says} == {"applied", "refused", "none"}


def item_with(name):
    """An item whose term `name` has a value, and margins and partners that it needs."""
    arrays, attributes = dict(ARRAYS), dict(ATTRIBUTES)
    if name is None:
        return ItemData(name="TS_1", arrays=arrays, attributes=attributes, array_attributes={})
    schema = {each.name: each for each in ITEM_ARRAYS}.get(name)
    extra = {}
    if schema is None:
        attributes[name] = CHANGED.get(name, "1.0")
        if name == "image_size_px":
            del attributes["image_dimensions_angstrom"]
    elif name in VALUES:
        arrays[name] = VALUES[name]
        extra = {name: {"type": "linear", "unit": "pixel", "grid": [0, 0]}}
    elif schema.dimensions == ("tilt",):
        arrays[name] = arrays.get(name, np.zeros(TILTS)) + PER_TILT.get(name, 5.0)
    else:
        own = name.replace("<j>", "0")
        shape = (2,) * len(schema.dimensions) if schema.dimensions[0] != "depth" else (TILTS, 2, 2)
        arrays[own] = np.random.default_rng(5).uniform(-8.0, -4.0, shape)
        for axis in partners(own):
            arrays.setdefault(axis, np.zeros(shape))
    return ItemData(name="TS_1", arrays=arrays, attributes=attributes, array_attributes=extra)


def partners(name):
    stem, axis = name.rpartition("_")[::2] if "pyramid" not in name else (name, "")
    if axis not in ("x", "y", "z"):
        return []
    axes = "xyz" if stem in ("volume_warp", "stage_angle") else "xy"
    return [f"{stem}_{each}" for each in axes]


def particles(moved=0.0, stacks=None):
    position = np.array([[[250.0, 300.0, 80.0]], [[330.0, 260.0, 130.0]]])
    angles = np.array([[[10.0, 40.0, 70.0]], [[80.0, 100.0, -20.0]]])
    return ParticleSet(
        species="s",
        poses=ParticlePoses(position=position + moved, angles=angles),
        half_set=np.array([1, 2]),
        stacks=stacks,
    )


def whole(data):
    return tilt_series(data, TiltImages(image=lambda row: NOISE[row], size_px=(SIZE, SIZE)))


def alignment(data):
    series, those = whole(data), particles()
    model = tilt_series_model(series.geometry, those.poses)
    reference = ReferenceSet(
        species="s",
        references=HalfReferences(
            first=MAP, second=MAP, box=16, pixel_size_angstrom=PIXEL, oversampling=2
        ),
        diameter_angstrom=60.0,
    )
    subject = Subject(reference=reference, particles=those, views=model.views())
    (prepared,) = prepare(series, [subject], weight_threshold=0.01, batch=8)
    target = SpeciesTarget(prepared=prepared, model=model, chosen=np.ones(2, dtype=bool))
    return target.terms({}).flatten().numpy()


def reconstruction(data):
    sums, weight = HalfSums(GRID, images_max=100), item_weight(data.attributes)
    add_tilt_series(sums, whole(data), particles(), weight=weight, budget=Budget())
    return np.concatenate([half.sums.ravel() * half.quantum for half in sums.halves])


def extracted(data):
    series = particle_series(data)
    used = series.geometry.used_tilts
    stacks = ParticleStacks(
        images=lambda row: np.ascontiguousarray(NOISE[used, 10 * row : 24 + 10 * row, :24]),
        shown=np.ones((2, len(used)), dtype=bool),
        centre=particles().poses.position[:, 0],
        pixel_size_angstrom=float(data.attributes["image_pixel_size_angstrom"]),
    )
    sums, weight = HalfSums(GRID, images_max=100), item_weight(data.attributes)
    add_particle_series(
        sums, series, particles(moved=20.0, stacks=stacks), weight=weight, budget=Budget()
    )
    return np.concatenate([half.sums.ravel() * half.quantum for half in sums.halves])


COLUMNS = {"alignment": alignment, "reconstruction": reconstruction, "extracted": extracted}


@pytest.fixture(scope="module")
def plain():
    torch.set_num_threads(1)
    return {column: compute(item_with(None)) for column, compute in COLUMNS.items()}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", [name for name in PAGE_ROWS if name not in NOT_READ])
def test_a_term_does_what_the_page_says(plain, name, column):
    says = PAGE_ROWS[name][list(COLUMNS).index(column)]
    data = item_with(name)
    if says == "refused":
        with pytest.raises((Unsupported, InvalidState)) as error:
            COLUMNS[column](data)
        assert error.value.fields["item"] == "TS_1"
        assert error.value.fields.get("array", name) == name.replace("<j>", "0")
        return
    found, expected = COLUMNS[column](data), plain[column]
    if found.shape != expected.shape:
        assert says == "applied"
        return
    change = np.abs(found - expected).max() / np.abs(expected).max()
    assert change > 1e-5 if says == "applied" else change == 0
