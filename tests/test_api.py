import pytest

import mgit
from mgit.errors import NotFound
from tests.history.histories import begin, commit, value_at


@pytest.fixture
def project(tmp_path):
    repository = begin(tmp_path / "p")
    commit(repository, value=1)
    commit(repository, value=2)
    return mgit.open(repository.root)


def test_a_commit_is_opened_by_its_name(project):
    assert value_at(project.snapshot()) == 2
    assert value_at(project.snapshot("HEAD~1")) == 1
    assert project.repository.commit("HEAD").subject == "notes/a = 2"


def test_a_population_is_read_at_a_revision(project):
    population = project.population("main~2")
    assert population.name == "toy"
    assert population.counts().items == 0


def test_the_repository_is_found_from_a_directory_inside(project, tmp_path):
    (tmp_path / "p" / "results").mkdir()
    assert mgit.open(str(tmp_path / "p" / "results")).repository.root == project.repository.root


def test_a_revision_that_does_not_exist_is_not_found(project):
    for method in (project.snapshot, project.population, project.zarr):
        with pytest.raises(NotFound):
            method("elsewhere")
