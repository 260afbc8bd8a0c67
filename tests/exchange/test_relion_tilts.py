import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidInput, Unsupported
from mgit.exchange.relion_tilts import (
    TILT_FIELDS,
    image_deformation,
    item_magnification,
    rotations_of,
)
from mgit.exchange.star import parse_star

VALUES = arrays(np.float64, 4, elements=st.floats(-1e5, 1e5))


def table(text, block="t"):
    return parse_star(text.encode(), name="x").table(block)


@pytest.mark.parametrize("field", TILT_FIELDS, ids=lambda field: field.columns[0])
@given(data=st.data())
def test_every_field_is_undone_by_its_inverse(field, data):
    columns = [data.draw(VALUES) for _ in field.columns]
    canonical = dict(zip(field.arrays, field.decode(*columns), strict=True))
    for column, values in zip(field.columns, columns, strict=True):
        assert np.allclose(field.write(canonical)[column], values, rtol=1e-12, atol=1e-9)


def test_canonical_rotations_equal_relions():
    """Rz(ZRot) Ry(YTilt) Rx(XTilt), multiplied out by scipy."""
    generator = np.random.default_rng(5)
    x, y, z = generator.uniform(-80, 80, (3, 6))
    rows = "\n".join(f"{a!r} {b!r} {c!r}" for a, b, c in np.stack([x, y, z], 1).tolist())
    text = f"data_t\nloop_\n_rlnTomoXTilt\n_rlnTomoYTilt\n_rlnTomoZRot\n{rows}\n"
    found = {}
    for field in TILT_FIELDS:
        found.update(field.read(table(text)) or {})
    direct = Rotation.from_euler("xyz", np.stack([x, y, z], 1), degrees=True).as_matrix()
    assert np.allclose(rotations_of(found), direct, atol=1e-12)
    # refinement.md, section 3: Rz(axis) Ry(-(tilt + level_y)) Rx(level_x).
    assert np.array_equal(found["tilt_angle"], -y)


def test_defocus_is_the_mean_and_the_difference():
    text = "data_t\nloop_\n_rlnDefocusU\n_rlnDefocusV\n30000 29000\n"
    field = next(field for field in TILT_FIELDS if "defocus" in field.arrays)
    found = field.read(table(text))
    assert found["defocus"].tolist() == [29500.0]
    assert found["defocus_delta"].tolist() == [1000.0]


def test_a_decaying_b_factor_is_negative_here():
    field = next(field for field in TILT_FIELDS if "ctf_b_factor" in field.arrays)
    found = field.read(table("data_t\nloop_\n_rlnCtfBfactor\n30.5\n0\n"))
    assert found["ctf_b_factor"].tolist() == [-30.5, 0.0]
    assert not np.signbit(found["ctf_b_factor"][1])


@pytest.mark.parametrize(
    ("kind", "grid", "vectors"),
    [
        ("spline", (2, 2), ["[" + ",".join(map(str, range(32))) + "]", "[" + "0," * 31 + "0]"]),
        ("linear", (0, 0), ["[1,2,3]", "[0,0,0]"]),
        ("Fourier", (3, 3), ["[1,0,2,0]", "[0,0,0,4]"]),
    ],
)
def test_deformations_are_read_per_tilt(kind, grid, vectors):
    tilts = table("data_t\nloop_\n_rlnTomoDeformationCoefficients\n" + "\n".join(vectors) + "\n")
    head = table(
        "data_global\nloop_\n_rlnTomoName\n_rlnTomoDeformationType\n"
        "_rlnTomoDeformationGridSizeX\n_rlnTomoDeformationGridSizeY\n"
        f"t {kind} {grid[0]} {grid[1]}\n",
        "global",
    )
    found = image_deformation(tilts, head, 0)
    assert found.attributes == {"type": kind.lower(), "grid": list(grid), "unit": "pixel"}
    assert found.values.tolist() == [[float(v) for v in t[1:-1].split(",")] for t in vectors]


def test_deformations_of_unequal_length_are_refused():
    tilts = table("data_t\nloop_\n_rlnTomoDeformationCoefficients\n[1,2,3]\n[1]\n")
    with pytest.raises(InvalidInput, match="coefficients"):
        image_deformation(tilts, tilts, 0)


def test_one_magnification_per_series_is_read_and_several_are_refused():
    head = "data_t\nloop_\n_rlnMagMat00\n_rlnMagMat01\n_rlnMagMat10\n_rlnMagMat11\n"
    same = table(head + "1.01 0.002 0.003 0.99\n" * 2)
    assert item_magnification(same, same, 0).tolist() == [[1.01, 0.002], [0.003, 0.99]]
    other = table(head + "1 0 0 1\n1.1 0 0 1\n")
    with pytest.raises(Unsupported, match="differ between tilts"):
        item_magnification(other, other, 0)
