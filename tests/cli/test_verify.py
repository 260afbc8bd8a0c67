import json
import os
import shutil

import pytest

from mgit.cli.main import main
from mgit.curate.links import RawLinks
from mgit.history.repository import Repository
from tests.verify.populations import add_species, begin, commit, flip


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pristine")
    begin(str(directory))
    return directory


@pytest.fixture
def population(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path, dirs_exist_ok=True)
    return tmp_path / "population"


def run(population, capsys, *arguments):
    code = main(["-C", str(population), "verify", *arguments])
    captured = capsys.readouterr()
    return code, captured.out


def damage_chunk(population):
    repository = Repository.open(str(population))
    path = repository.chunks.catalogue.segment_path(repository.chunks.segments()[0])
    flip(path, 200)
    return repository


def test_a_sound_population_is_consistent_and_exits_zero(population, capsys):
    code, out = run(population, capsys)
    assert code == 0
    assert out.splitlines()[-3:] == ["consistent: yes", "signed: unsigned", "replayed: not run"]
    assert "4 commits" in out


def test_damage_exits_four_and_names_cause_and_consequence(population, capsys):
    damage_chunk(population)
    assert run(population, capsys)[0] == 0, "a plain verify reads no stored bytes"
    code, out = run(population, capsys, "--deep")
    assert code == 4
    assert "corrupt: stored-digest" in out
    assert "affects " in out
    assert "consistent: no" in out


def test_json_holds_every_finding_and_the_coverage(population, capsys):
    damage_chunk(population)
    code, out = run(population, capsys, "--deep", "--json")
    record = json.loads(out)
    assert code == 4
    assert record["findings"][0]["kind"] == "stored-digest"
    assert record["coverage"]["commits"] == 4
    assert (record["consistent"], record["signed"]) == ("no", "unsigned")


def test_raw_files_are_read_where_they_are_linked(population, capsys):
    code, out = run(population, capsys, "--raw")
    assert code == 0
    assert "8 not on this machine" in out
    repository = Repository.open(str(population))
    links = RawLinks(population / ".mgit" / "local" / "links.json", repository.files)
    links.link("grid", population.parent / "raw")
    assert "8 raw files re-read" in run(population, capsys, "--raw")[1]
    flip(population.parent / "raw" / "TS_02_1.mrc", 3)
    code, out = run(population, capsys, "--raw")
    assert code == 4
    assert "TS_02_1.mrc" in out
    assert "'TS_02'" in out


@pytest.mark.parametrize(("level", "code"), [(0, 0), (1, 0), (2, 4), (3, 4), (4, 4)])
def test_levels_look_as_deep_as_they_say(population, capsys, level, code):
    damage_chunk(population)
    found, out = run(population, capsys, "--level", str(level))
    assert found == code
    assert ("particles" in out) == (level == 4)


def test_another_clone_is_a_witness(population, capsys, tmp_path):
    shutil.copytree(population, tmp_path / "clone")
    commit(Repository.open(str(population)), lambda draft: add_species(draft, "x"))
    code, out = run(population, capsys, "--against", str(tmp_path / "clone"))
    assert code == 0
    assert "note: ref-ahead  refs/heads/main" in out
    code, _ = run(population, capsys, "--against", os.fspath(tmp_path / "nowhere"))
    assert code == 5


def test_mistakes_are_refused_in_words(population, capsys):
    assert run(population, capsys, "nobody")[0] == 5
    assert run(population, capsys, "HEAD", "--all")[0] == 1
    with pytest.raises(SystemExit) as caught:
        run(population, capsys, "--level", "9")
    assert caught.value.code == 2


def test_a_broken_link_file_is_told_and_is_no_crash(population, capsys):
    (population / ".mgit" / "local" / "links.json").write_text("{")
    code, out = run(population, capsys, "--raw")
    assert code == 1
    assert "raw-unreadable" in out


def test_real_half_sets_are_judged_in_space(shared_data, tmp_path, capsys):
    """EMPIAR-10164 as RELION's tutorial splits it: the lattice puts some neighbours apart."""
    project = shared_data / "relion5_hiv_project"
    population = tmp_path / "hiv"
    for words in (
        ("init", str(population)),
        ("source", "add", "hiv", "--relion", str(project / "Polish/job030/tomograms.star")),
        (
            *("species", "add", "capsid", "--diameter", "230", "--symmetry", "C6"),
            *("--particles", str(project / "Refine3D/job023/run_data.star")),
        ),
    ):
        where = () if words[0] == "init" else ("-C", str(population))
        assert main([*where, *words]) == 0
    capsys.readouterr()
    code, out = run(population, capsys, "--deep")
    assert (code, "corrupt" in out) == (0, False)
    code, out = run(population, capsys, "--deep", "--provenance", "--raw")
    assert code == 1
    assert "suspect: half-set-overlap  species/capsid-" in out
    assert "lie within 57.5 A of one of the other half-set" in out
    assert "5 items unverified" in out
    assert "consistent: yes" in out
