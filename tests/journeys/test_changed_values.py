"""Exports after a change differ in exactly the changed cells; importing them gives the change."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mgit.history.commits import Signature
from mgit.state.particle_columns import ParticleColumns
from mgit.state.population import Population
from mgit.state.series import update_item_arrays
from mgit.state.species import set_particles
from tests.journeys.independent import differences, fields
from tests.journeys.terminal import new_population

WHO = Signature(name="Ada Test", email="ada@example.org", time_s=1_750_000_000, zone_s=0)
TOMOGRAMS = "Polish/job030/tomograms.star"
TABLE = "Refine3D/job023/run_data.star"
TILT_TABLE = "Polish/job030/tilt_series/TS_43.star"
TILT = 7
MOVED = np.array([12.25, -3.5, 0.125])


def change(mgit, edit):
    """Commit what `edit(draft)` does to the population."""
    with mgit.repository.transaction(verb="edit") as transaction:
        edit(transaction.draft)
        transaction.commit(message="Change values", who=WHO, provenance={"verb": "edit"})


def export(mgit, directory):
    return {file["path"]: file for file in mgit("export", directory)["files"]}


def changed_only(file):
    return {
        (line["field"], line["verdict"]): line["count"]
        for line in file["fields"]
        if line["verdict"] != "kept"
    }


@pytest.fixture(scope="module")
def hiv(shared_data, tmp_path_factory):
    """A population of real capsids in which one tilt and a few particles were changed since."""
    project = shared_data / "relion5_hiv_project"
    scratch = tmp_path_factory.mktemp("changed")
    mgit = new_population(scratch / "population")
    mgit("source", "add", "hiv", "--relion", project / TOMOGRAMS)
    mgit("species", "add", "capsid", "--particles", project / TABLE, "--diameter", "230")
    change(mgit, change_hiv)
    files = export(mgit, scratch / "out")
    return mgit, project, scratch / "out", files


def in_file_order(columns):
    return np.argsort(columns.source_row)


def change_hiv(draft):
    """Defocus of one tilt + 100 A; row 10 moved; rows 3, 4, 500 gone; row 20 in the other half."""
    item = Population(draft).item("hiv", "TS_43")
    defocus = item.array("defocus").read().copy()
    defocus[TILT] += 100.0
    update_item_arrays(draft, item.path, {"defocus": (defocus, {})})
    species = Population(draft).one_species("capsid")
    columns = species.particles.load()
    order = in_file_order(columns)
    positions, halves = columns.positions.copy(), columns.half_set.copy()
    positions[order[10], 0] += MOVED
    halves[order[20]] = 3 - halves[order[20]]
    kept = np.ones(len(columns), bool)
    kept[order[[3, 4, 500]]] = False
    values = {name: getattr(columns, name) for name in ParticleColumns.__dataclass_fields__}
    edited = ParticleColumns(**{**values, "positions": positions, "half_set": halves})
    set_particles(draft, species.path, edited.take(kept))


def test_one_changed_defocus_changes_two_cells_of_one_table(hiv):
    _, project, out, files = hiv
    assert set(differences(project / TILT_TABLE, out / TILT_TABLE)) == {
        ("TS_43", "rlnDefocusU", TILT),
        ("TS_43", "rlnDefocusV", TILT),
    }
    assert changed_only(files[TILT_TABLE]) == {
        ("data_TS_43/_rlnDefocusU", "patched"): 1,
        ("data_TS_43/_rlnDefocusV", "patched"): 1,
    }


def test_every_other_document_keeps_its_bytes(hiv):
    _, project, out, files = hiv
    assert len(files) == 7
    for path in files.keys() - {TILT_TABLE, TABLE}:
        assert files[path]["unchanged"]
        assert (out / path).read_bytes() == (project / path).read_bytes()


def test_lines_of_the_table_that_were_not_touched_keep_their_bytes(hiv):
    _, project, out, _ = hiv
    before = (project / TABLE).read_bytes().splitlines(keepends=True)
    after = (out / TABLE).read_bytes().splitlines(keepends=True)
    first = next(at for at, line in enumerate(before) if b"Extract/" in line or b"@" in line)
    gone = [first + row for row in (3, 4, 500)]
    expected = [line for at, line in enumerate(before) if at not in gone]
    touched = [at for at, pair in enumerate(zip(expected, after, strict=True)) if len({*pair}) > 1]
    assert touched == [first + 10 - 2, first + 20 - 2]


def test_moved_removed_and_reassigned_particles_change_their_cells_only(hiv):
    _, project, out, files = hiv
    before, after = rows_by_name(project / TABLE), rows_by_name(out / TABLE)
    names = list(before)
    assert before.keys() - after.keys() == {names[3], names[4], names[500]}
    changed = {
        (name, column)
        for name in after
        for column in after[name]
        if after[name][column] != before[name][column]
    }
    coordinates = {f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"}
    origins = {f"rlnOrigin{axis}Angst" for axis in "XYZ"}
    moved = {column for name, column in changed if name == names[10]}
    assert coordinates <= moved <= coordinates | origins
    assert changed - {(names[10], column) for column in moved} == {(names[20], "rlnRandomSubset")}
    shift = position(after[names[10]]) - position(before[names[10]])
    assert np.allclose(shift, MOVED, atol=1e-5)
    counts = changed_only(files[TABLE])
    assert counts["data_particles/(row)", "dropped"] == 3
    assert counts["data_particles/_rlnRandomSubset", "patched"] == 1


def position(row):
    """RELION's position: the coordinate less the origin, which is turned as the subtomogram is."""
    coordinate, origin = (
        np.array([float(row[f"{stem}{axis}Angst"]) for axis in "XYZ"])
        for stem in ("rlnCenteredCoordinate", "rlnOrigin")
    )
    angles = [float(row[f"rlnTomoSubtomogram{name}"]) for name in ("Rot", "Tilt", "Psi")]
    turn = Rotation.from_euler("ZYZ", angles, degrees=True).inv()
    return coordinate - turn.apply(origin)


def rows_by_name(path):
    rows = {}
    for (block, column, row), value in fields(path).items():
        if block == "particles":
            rows.setdefault(row, {})[column] = value
    return {rows[row]["rlnTomoParticleName"]: rows[row] for row in sorted(rows)}


def test_importing_the_export_gives_the_same_state(hiv, tmp_path):
    mgit, _, out, _ = hiv
    again = new_population(tmp_path / "again")
    again("source", "add", "hiv", "--relion", out / TOMOGRAMS)
    again("species", "add", "capsid", "--particles", out / TABLE, "--diameter", "230")
    old, new = (Population(each.repository.snapshot("HEAD")) for each in (mgit, again))
    for item in old.source("hiv").items():
        twin = new.item("hiv", item.name)
        digests = [
            {name: str(handle.content) for name, handle in each.arrays().items()}
            for each in (item, twin)
        ]
        assert digests[0] == digests[1]
    first, second = (each.one_species("capsid").particles.load() for each in (old, new))
    one, two = in_file_order(first), in_file_order(second)
    assert (first.half_set[one] == second.half_set[two]).all()
    assert first.angles[one].tobytes() == second.angles[two].tobytes()
    assert first.positions[one].tobytes() == second.positions[two].tobytes()


def test_updating_with_the_export_moves_no_particle(hiv):
    mgit, _, out, _ = hiv
    facts = mgit("species", "update", "capsid", "--particles", out / TABLE, "--dry-run")
    counts = {name: facts[name] for name in ("matched", "added", "removed", "half_set_changes")}
    assert counts == {"matched": 9439, "added": 0, "removed": 0, "half_set_changes": 0}
    assert "0 of 9439 particles moved" in facts["message"]


@pytest.fixture(scope="module")
def apoferritin(shared_data, tmp_path_factory):
    """TS_1 after M, with one node of the image warp and the defocus of one tilt changed."""
    scratch = tmp_path_factory.mktemp("warp")
    mgit = new_population(scratch / "population")
    mgit("source", "add", "apo", "--warp", shared_data / "warp_xml_golden")

    def edit(draft):
        item = Population(draft).item("apo", "TS_1")
        warp, defocus = (item.array(name).read().copy() for name in ("image_warp_x", "defocus"))
        warp[3, 2, 1] += 0.25
        defocus[5] += 250.0
        margins = dict(item.array("image_warp_x").attributes)
        arrays = {"image_warp_x": (warp, margins), "defocus": (defocus, {})}
        update_item_arrays(draft, item.path, arrays)

    change(mgit, edit)
    return shared_data / "warp_xml_golden", scratch / "out", export(mgit, scratch / "out")


def test_changed_warp_and_defocus_change_one_node_each(apoferritin):
    golden, out, files = apoferritin
    found = differences(golden / "TS_1.xml", out / "TS_1.xml")
    assert sorted((place[1], place[-1]) for place in found) == [
        ("GridCTF", "Value"),
        ("GridMovementX", "Value"),
    ]
    assert changed_only(files["TS_1.xml"]) == {
        ("GridCTF", "patched"): 1,
        ("GridMovementX", "patched"): 1,
    }
    before, after = next(values for place, values in found.items() if place[1] == "GridCTF")
    assert float(after) - float(before) == pytest.approx(0.025)  # micrometres


def test_the_other_series_keeps_its_bytes(apoferritin):
    golden, out, files = apoferritin
    assert files["00254.xml"]["unchanged"]
    assert (out / "00254.xml").read_bytes() == (golden / "00254.xml").read_bytes()
