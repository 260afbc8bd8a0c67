"""Tables are found through optimisation sets, told apart by content, and keep their paths."""

import numpy as np
import pytest

from mgit.curate.particle_files import document_path, find_particle_files, read_particle_files
from mgit.errors import InvalidInput, NotFound, Unsupported
from tests.curate.species_tables import cube, rows_of, table_bytes, write_map

VOLUMES: dict = {}


@pytest.fixture
def project(tmp_path):
    """A RELION project with one job and an optimisation set that names its files."""
    job = tmp_path / "project/Refine3D/job001"
    job.mkdir(parents=True)
    (job / "run_data.star").write_bytes(table_bytes(rows_of(4)))
    (job / "run_optimisation_set.star").write_text(
        "data_\n\n_rlnTomoParticlesFile Refine3D/job001/run_data.star\n"
        "_rlnTomoTomogramsFile Tomograms/job000/tomograms.star\n"
        "_rlnTomoReferenceMap1File Refine3D/job001/half1.mrc\n"
        "_rlnTomoReferenceMap2File Refine3D/job001/half2.mrc\n"
        "_rlnTomoReferenceMaskFile mask.mrc\n"
    )
    return tmp_path / "project"


def read(file, **options):
    return read_particle_files(
        find_particle_files(file),
        volumes=VOLUMES,
        coordinate_pixel_size_angstrom=options.get("pixel"),
    )


def test_a_table_keeps_its_path_in_the_project(project):
    table = read(project / "Refine3D/job001/run_data.star")
    assert table.document.path == "Refine3D/job001/run_data.star"
    assert len(table.item_names) == 4


def test_the_project_can_be_named(project):
    file = project / "Refine3D/job001/run_data.star"
    assert document_path(file, project=project.parent) == "project/Refine3D/job001/run_data.star"
    assert document_path(file, project=project / "elsewhere") == "run_data.star"


def test_an_optimisation_set_leads_to_the_table_and_what_goes_with_it(project):
    write_map(project / "Refine3D/job001/half1.mrc", cube())
    write_map(project / "Refine3D/job001/half2.mrc", cube(seed=1))
    files = find_particle_files(project / "Refine3D/job001/run_optimisation_set.star")
    assert files.table_path == "Refine3D/job001/run_data.star"
    assert files.half_map_2 == project / "Refine3D/job001/half2.mrc"
    assert files.mask is None
    assert files.trajectories is None
    assert "mask.mrc" in files.notes[0]


def test_a_set_that_was_copied_away_finds_its_files_in_the_named_project(project, tmp_path):
    away = tmp_path / "copy.star"
    away.write_bytes((project / "Refine3D/job001/run_optimisation_set.star").read_bytes())
    with pytest.raises(NotFound) as caught:
        find_particle_files(away)
    assert "--project" in caught.value.hint
    assert find_particle_files(away, project=project).table.is_file()


def test_one_half_map_alone_is_left_aside(project):
    write_map(project / "Refine3D/job001/half1.mrc", cube())
    files = find_particle_files(project / "Refine3D/job001/run_optimisation_set.star")
    assert files.half_map_1 is None


def test_a_set_whose_table_or_trajectories_are_gone_is_refused(project):
    given = project / "Refine3D/job001/run_optimisation_set.star"
    text = given.read_text()
    given.write_text(text + "_rlnTomoTrajectoriesFile Polish/job002/motion.star\n")
    with pytest.raises(NotFound, match="not here") as caught:
        find_particle_files(given)
    assert caught.value.fields["field"] == "rlnTomoTrajectoriesFile"
    given.write_text(text)
    (project / "Refine3D/job001/run_data.star").unlink()
    with pytest.raises(NotFound) as caught:
        find_particle_files(given)
    assert caught.value.fields["path"] == "Refine3D/job001/run_data.star"
    assert "--particles" in caught.value.hint


def test_what_is_no_table_is_refused_by_what_it_is(project, tmp_path):
    density = write_map(tmp_path / "map.mrc", cube())
    with pytest.raises(InvalidInput, match="a map is given") as caught:
        find_particle_files(density)
    assert "--half1" in caught.value.hint
    (tmp_path / "particles.cs").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(Unsupported, match=r"\.cs"):
        find_particle_files(tmp_path / "particles.cs")
    with pytest.raises(InvalidInput, match="a directory"):
        find_particle_files(project)
    with pytest.raises(NotFound):
        find_particle_files(tmp_path / "absent.star")
    with pytest.raises(NotFound):
        find_particle_files(
            project / "Refine3D/job001/run_data.star", trajectories=tmp_path / "absent.star"
        )


def test_tables_without_particles_or_with_broken_poses_are_refused(tmp_path):
    file = tmp_path / "particles.star"
    rows = rows_of(2)
    content = table_bytes(rows)
    file.write_bytes(content[: content.index(b"TS_01 ")])
    with pytest.raises(InvalidInput, match="no particles"):
        read(file, pixel=2.0)
    file.write_bytes(table_bytes([rows[0], {**rows[1], "rlnCoordinateZ": "nan"}]))
    with pytest.raises(InvalidInput, match="coordinates that are not finite") as caught:
        read(file)
    assert caught.value.fields["row"] == 2
    assert caught.value.hint


def test_a_table_of_picks_says_that_it_has_no_orientations(tmp_path):
    file = tmp_path / "picks.star"
    angles = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
    file.write_bytes(table_bytes(rows_of(2), without=angles))
    assert "no orientations" in read(file).notes[-1]


def test_motive_lists_need_the_pixels_of_their_coordinates(tmp_path):
    row = np.zeros(32)
    row[[0, 19, 23, 24, 25]] = (1, 7, 10, 20, 30)
    file = tmp_path / "particles.tbl"
    file.write_text(" ".join(f"{value:g}" for value in row) + "\n")
    with pytest.raises(InvalidInput, match="which pixels") as caught:
        read(file)
    assert "--coordinate-pixel-size" in caught.value.hint
    table = read(file, pixel=4.0)
    assert table.attributes["format"] == "dynamo_table"
    assert table.positions[0, 0].tolist() == [40.0, 80.0, 120.0]
    (tmp_path / "no_suffix").write_text(file.read_text())
    assert read(tmp_path / "no_suffix", pixel=4.0).attributes["format"] == "dynamo_table"


def test_real_motive_lists_are_told_apart(shared_data):
    zoo = shared_data / "metadata_zoo"
    stopgap = read(zoo / "stopgap/class6_er_mr1_1_sg.star", pixel=8.0)
    assert stopgap.attributes["format"] == "stopgap_motive_list"
    assert len(stopgap.item_names) == 14561


def test_the_real_set_leads_to_the_real_table(shared_data):
    given = shared_data / "relion5_hiv_project/Refine3D/job023/run_optimisation_set.star"
    files = find_particle_files(given)
    assert files.table_path == "Refine3D/job023/run_data.star"
    assert files.table.samefile(given.parent / "run_data.star")
