import pytest

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.relion_documents import (
    find_file,
    is_optimisation_set,
    project_loader,
    project_path,
    read_optimisation_set,
)

SET = b"""
data_

_rlnTomoParticlesFile               Polish/job030/particles.star
_rlnTomoTomogramsFile               Polish/job030/tomograms.star
_rlnTomoTrajectoriesFile            ""
"""


def test_a_set_names_its_files():
    found = read_optimisation_set(SET, path="o.star")
    assert found.particles == "Polish/job030/particles.star"
    assert found.tomograms == "Polish/job030/tomograms.star"
    assert found.trajectories is None
    assert found.half_map_1 is None


def test_every_set_of_the_test_data_is_read(shared_data):
    paths = sorted(shared_data.rglob("*optimisation_set.star"))
    assert len(paths) >= 5
    for path in paths:
        content = path.read_bytes()
        assert is_optimisation_set(content, path=str(path))
        assert read_optimisation_set(content, path=str(path)).particles


def test_other_star_files_are_no_sets():
    content = b"data_particles\nloop_\n_rlnImageName\n1@a.mrcs\n"
    assert not is_optimisation_set(content, path="p.star")
    with pytest.raises(InvalidInput, match="not an optimisation set"):
        read_optimisation_set(content, path="p.star")


@pytest.fixture
def project(tmp_path):
    job = tmp_path / "Polish" / "job030"
    job.mkdir(parents=True)
    (job / "tomograms.star").write_bytes(b"one")
    (job / "beside.star").write_bytes(b"two")
    return tmp_path


def test_files_are_found_from_the_project_directory_and_beside_the_document(project):
    load = project_loader(str(project / "Polish/job030/optimisation_set.star"))
    assert load("Polish/job030/tomograms.star") == b"one"
    assert load("beside.star") == b"two"
    assert load(str(project / "Polish/job030/beside.star")) == b"two"


def test_a_named_root_comes_first(project, tmp_path):
    other = tmp_path / "other"
    (other / "Polish/job030").mkdir(parents=True)
    (other / "Polish/job030/tomograms.star").write_bytes(b"three")
    document = str(project / "Polish/job030/optimisation_set.star")
    load = project_loader(document, root=str(other))
    assert load("Polish/job030/tomograms.star") == b"three"
    assert find_file("nowhere.star", document_path=document) is None


def test_a_file_that_is_nowhere_is_named(project):
    load = project_loader(str(project / "Polish/job030/optimisation_set.star"))
    for path in ("nowhere.star", "/nowhere/at/all.star"):
        with pytest.raises(NotFound) as caught:
            load(path)
        assert caught.value.fields["path"] == path
        assert caught.value.hint


def test_a_document_is_called_by_its_path_in_the_project(shared_data):
    project = shared_data / "relion5_hiv_project"
    for path in ("Polish/job030/tomograms.star", "Polish/job030/optimisation_set.star"):
        content = (project / path).read_bytes()
        assert project_path(str(project / path), content=content) == path


def test_the_job_directory_tells_the_project_when_no_named_file_is_here(tmp_path):
    file = tmp_path / "Refine3D" / "job023" / "run_data.star"
    content = b"data_particles\nloop_\n_rlnImageName\n1@Extract/job020/a.mrcs\n"
    assert project_path(str(file), content=content) == "Refine3D/job023/run_data.star"


def test_a_document_outside_of_any_project_has_its_name(tmp_path):
    assert project_path(str(tmp_path / "a.star"), content=b"data_\n_rlnX 1\n") == "a.star"


def test_a_named_project_wins(tmp_path):
    file = tmp_path / "x" / "a.star"
    path = project_path(str(file), content=b"data_\n_rlnX 1\n", root=str(tmp_path))
    assert path == "x/a.star"
