import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput, InvalidState
from mgit.exchange.records import Document
from mgit.exchange.relion_particle_export import ParticleRows, patch_particles, write_trajectories
from mgit.exchange.relion_particles import read_particles, read_trajectories
from mgit.exchange.relion_rotations import euler_matrices
from mgit.exchange.star import parse_star

HIV_VOLUMES = {f"TS_{n}": ((4000.0, 4000.0, 2000.0), 1.35) for n in ("01", "03", "43", "45", "54")}
FILES = [
    "relion5_hiv_project/Refine3D/job023/run_data.star",
    "apoferritin_warp_relion5_stars/warp2_particles_matching.star",
    "ribosome_warptools_particles/particles.star",
    "metadata_zoo/relion4_refine/refine.star",
    "metadata_zoo/relion_particles/relion_3.0.star",
    "metadata_zoo/relion_particles/relion_3.1_optics2.star",
    "metadata_zoo/relion_particles/relion_4.0.star",
    "metadata_zoo/relion_particles/relion31_sta/run_it025_data.star",
    "spa_17_aspire/sample_particles_relion30.star",
    "spa_17_aspire/sample_particles_relion31.star",
    "spa_and_sta_small_stacks/FinalRefinement-OriginalParticles-PfCRT.star",
    "spa_and_sta_small_stacks/relion31.star",
    "spa_and_sta_small_stacks/relion31.v2.star",
    "spa_and_sta_small_stacks/relion31.6opticsgroups.star",
    "spa_and_sta_small_stacks/relion5.star",
    "spa_and_sta_small_stacks/sta_testing_bin8.star",
]
TABLE = b"""
# version 50001

data_particles

loop_
_rlnTomoName #1
_rlnTomoSubtomogramRot #2
_rlnTomoSubtomogramTilt #3
_rlnTomoSubtomogramPsi #4
_rlnAngleRot #5
_rlnAngleTilt #6
_rlnAnglePsi #7
_rlnTomoParticleName #8
_rlnTomoVisibleFrames #9
_rlnOriginXAngst #10
_rlnOriginYAngst #11
_rlnOriginZAngst #12
_rlnCenteredCoordinateXAngst #13
_rlnCenteredCoordinateYAngst #14
_rlnCenteredCoordinateZAngst #15
_rlnRandomSubset #16
     t1   167.689240    98.103985   -164.55358     -1.47467    95.609069     4.094697    t1/1 [\
0,1]     -2.04850     1.570849     1.111174  1776.506664   -950.69325  1135.301351            2
     t1   175.406261    75.346619   -132.28604    -22.38730    87.077190     -1.61194    t1/2 [\
1,1]     2.030524     -0.69850     0.651499  1668.438767   -799.43109  1121.501178            1
     t1     0.000000     0.000000     0.000000     10.00000    20.000000     30.00000    t1/3 [\
1,1]     0.000000     0.000000     0.000000  1635.557853   -919.00810  1113.331525            2
"""
VOLUMES = {"t1": ((4000.0, 4000.0, 2000.0), 1.35)}


def read(content=TABLE, volumes=VOLUMES):
    return read_particles(content, path="p.star", volumes=volumes)


def rows_of(table, chosen=None, **changes):
    chosen = np.arange(len(table.item_names)) if chosen is None else np.asarray(chosen)
    taken = np.maximum(chosen, 0)
    values = {
        "source_row": chosen,
        "positions": table.positions[taken],
        "angles": table.angles[taken],
        "half_sets": None if table.half_sets is None else table.half_sets[taken],
        "item_names": [table.item_names[row] for row in taken],
    }
    return ParticleRows(**values | changes)


def patch(rows, content=TABLE, volumes=VOLUMES):
    document = Document(role="relion_particles", path="p.star", content=content)
    return patch_particles(document, rows=rows, volumes=volumes)


@pytest.mark.parametrize("path", FILES)
def test_unchanged_values_give_identical_bytes(shared_data, path):
    content = (shared_data / path).read_bytes()
    table = read(content, HIV_VOLUMES)
    patched = patch(rows_of(table), content, HIV_VOLUMES)
    assert patched.document.content == content
    assert {entry.verdict for entry in patched.report} <= {"kept"}


@pytest.mark.parametrize("path", FILES)
def test_moved_turned_swapped_and_new_particles_read_back(shared_data, path):
    content = (shared_data / path).read_bytes()
    table = read(content, HIV_VOLUMES)
    count = len(table.item_names)
    chosen = [*range(count - 1, 1, -1), -1]
    rows = rows_of(table, chosen)
    planar = "single" in table.attributes["format"]
    positions, angles = rows.positions.copy(), rows.angles.copy()
    positions[0, 0] += [3.5, -2.25, 0 if planar else 1.125]
    angles[-1, 0] = [12.0, 34.0, 56.0]
    rows = rows_of(table, chosen, positions=positions, angles=angles)
    again = read(patch(rows, content, HIV_VOLUMES).document.content, HIV_VOLUMES)
    assert np.allclose(again.positions, positions, rtol=2e-6, atol=1e-4)
    assert np.allclose(euler_matrices(again.angles), euler_matrices(angles), atol=1e-6)
    assert again.item_names == tuple(rows.item_names)
    if rows.half_sets is not None:
        assert np.array_equal(again.half_sets, rows.half_sets)


def test_a_moved_particle_gets_coordinates_and_origin_zero():
    table = read()
    positions = table.positions.copy()
    positions[1, 0] = [2700.0 + 100.5, 2700.0 - 20.25, 1350.0 + 7.0]
    content = patch(rows_of(table, positions=positions)).document.content
    old, new = TABLE.split(b"\n"), content.split(b"\n")
    assert [at for at, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]] == [23]
    after = parse_star(content, name="p").table("particles")
    coordinates = [after.number(f"rlnCenteredCoordinate{axis}Angst", 1) for axis in "XYZ"]
    assert coordinates == [100.5, -20.25, 7.0]
    assert [after.number(f"rlnOrigin{axis}Angst", 1) for axis in "XYZ"] == [0, 0, 0]
    assert after.token("rlnAngleRot", 1) == b"-22.38730"
    assert after.token("rlnTomoSubtomogramRot", 1) == b"175.406261"


def test_a_turned_particle_keeps_its_subtomogram_angles():
    table = read()
    angles = table.angles.copy()
    angles[0, 0] = [10.0, 20.0, 30.0]
    content = patch(rows_of(table, angles=angles)).document.content
    before = parse_star(TABLE, name="p").table("particles")
    after = parse_star(content, name="p").table("particles")
    for column in before.columns:
        changed = column.startswith("rlnAngle")
        assert (after.token(column, 0) == before.token(column, 0)) != changed, column
    outer, inner = (
        np.array([after.number(stem + part) for part in ("Rot", "Tilt", "Psi")])
        for stem in ("rlnTomoSubtomogram", "rlnAngle")
    )
    product = euler_matrices(outer) @ euler_matrices(inner)
    assert np.allclose(product, euler_matrices(angles[0, 0]), atol=1e-7)


@given(st.integers(0, 2), st.sampled_from(["positions", "angles"]), st.integers(0, 2))
def test_other_rows_keep_their_bytes(row, what, axis):
    table = read()
    values = getattr(table, what).copy()
    values[row, 0, axis] += 0.37
    content = patch(rows_of(table, **{what: values})).document.content
    old, new = TABLE.split(b"\n"), content.split(b"\n")
    assert [at for at, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]] == [
        22 + row
    ]


def test_half_sets_are_swapped_in_place():
    table = read()
    content = patch(rows_of(table, half_sets=3 - table.half_sets)).document.content
    assert read(content).half_sets.tolist() == [1, 2, 1]
    assert np.array_equal(read(content).positions, table.positions)


def test_half_sets_are_added_to_a_table_without():
    content = TABLE.replace(b"_rlnRandomSubset", b"_rlnClassNumber")
    table = read(content)
    rows = rows_of(table, [2, 0], half_sets=np.array([1, 2], dtype=np.uint8))
    assert read(patch(rows, content).document.content).half_sets.tolist() == [1, 2]


def test_a_new_particle_shares_what_its_series_shares():
    table = read()
    patched = patch(rows_of(table, [0, 1, 2, -1]))
    after = parse_star(patched.document.content, name="p").table("particles")
    assert after.text("rlnTomoVisibleFrames", 3) == "[1,1]"
    assert after.text("rlnTomoParticleName", 3) == "t1/new4"
    named = rows_of(table, [0, -1], columns={"rlnTomoParticleName": ["", "t1/abc"]})
    after = parse_star(patch(named).document.content, name="p").table("particles")
    assert after.strings("rlnTomoParticleName") == ("t1/1", "t1/abc")


def test_visible_frames_follow_the_tilts_that_stay():
    table = read()
    document = Document(role="relion_particles", path="p.star", content=TABLE)
    kept = {"t1": np.array([False, True])}
    patched = patch_particles(document, rows=rows_of(table), volumes=VOLUMES, kept_tilts=kept)
    after = parse_star(patched.document.content, name="p").table("particles")
    assert after.strings("rlnTomoVisibleFrames") == ("[1]", "[1]", "[1]")
    whole = {"t1": np.array([True, True])}
    same = patch_particles(document, rows=rows_of(table), volumes=VOLUMES, kept_tilts=whole)
    assert same.document.content == TABLE
    other = {"t1": np.array([True, False, True])}
    with pytest.raises(InvalidInput, match="visible frames"):
        patch_particles(document, rows=rows_of(table), volumes=VOLUMES, kept_tilts=other)


def test_dropped_and_added_rows_are_reported():
    report = patch(rows_of(read(), [0, -1])).report
    found = {(entry.field, entry.verdict): entry.count for entry in report}
    assert found["data_particles/(row)", "dropped"] == 2
    assert found["data_particles/(row)", "added"] == 1


def test_a_trajectory_is_written_as_its_mean_and_reported():
    table = read()
    positions = np.concatenate([table.positions - 1.0, table.positions + 1.0], axis=1)
    patched = patch(rows_of(table, positions=positions))
    assert np.allclose(read(patched.document.content).positions, table.positions, atol=1e-4)
    assert any("trajectory" in entry.field for entry in patched.report)


@pytest.mark.parametrize(
    ("rows", "match"),
    [([0, 9], "row 9"), ([0, 0], "same row"), ([-1], "none in the table")],
)
def test_impossible_rows_are_refused(rows, match):
    table = read()
    names = ["other"] if rows == [-1] else [table.item_names[0]] * len(rows)
    taken = np.zeros(len(rows), dtype=int)
    bad = ParticleRows(
        source_row=np.array(rows),
        positions=table.positions[taken],
        angles=table.angles[taken],
        half_sets=None,
        item_names=names,
    )
    with pytest.raises(InvalidState, match=match):
        patch(bad)


def test_trajectories_are_written_and_read_back():
    values = np.random.default_rng(4).normal(size=(2, 3, 3))
    content = write_trajectories(
        values, particle_names=["t/1", "t/2"], tilt_counts=[3, 2], comment="made by a test"
    )
    document = Document(role="relion_trajectories", path="m", content=content)
    found = read_trajectories(document, particle_names=["t/1", "t/2"])
    assert np.array_equal(found[0], values[0])
    assert np.array_equal(found[1, :2], values[1, :2])
    assert not found[1, 2].any()


def test_pixels_of_odd_tomograms_are_written_as_they_were_read():
    columns = "".join(f"_rln{name}\n" for name in ("TomoName", "CoordinateX", "CoordinateY"))
    content = f"data_particles\nloop_\n{columns}_rlnCoordinateZ\nt 1.3 2.7 3.1\nt 5 6 7\n".encode()
    volumes = {"t": ((641.0, 480.0, 161.0), 1.7)}
    table = read_particles(content, path="p.star", volumes=volumes)

    def patched(positions):
        rows = ParticleRows(
            source_row=np.arange(2),
            positions=positions,
            angles=table.angles,
            half_sets=None,
            item_names=table.item_names,
        )
        return patch_particles(table.document, rows=rows, volumes=volumes).document.content

    assert patched(table.positions) == content
    moved = table.positions + np.array([[[0.0, 0.0, 0.0]], [[1.7, 0.0, 0.0]]])
    assert patched(moved) == content.replace(b"t 5 6 7", b"t 6 6 7")
