"""The history of a real RELION 5 project: five tilt series of HIV-1 capsids over three rounds."""

import shutil

import pytest

from mgit.state.population import Population
from tests.journeys.independent import fields
from tests.journeys.terminal import Terminal, new_population

ROUNDS = ("Tomograms/job006", "CtfRefine/job027", "Polish/job030")
SERIES = ("TS_01", "TS_03", "TS_43", "TS_45", "TS_54")
TABLE = "Refine3D/job023/run_data.star"
IMAGING = {"astigmatism", "ctf_scale", "defocus"}
GEOMETRY = {"axis_angle", "axis_offset_x", "axis_offset_y", "level_angle_x", "tilt_angle"}


@pytest.fixture(scope="module")
def project(shared_data):
    return shared_data / "relion5_hiv_project"


@pytest.fixture(scope="module")
def history(project, tmp_path_factory):
    """The population after five steps, and the commit of each."""
    mgit = new_population(tmp_path_factory.mktemp("hiv") / "population")
    start, middle, end = (project / place / "tomograms.star" for place in ROUNDS)
    steps = [
        mgit("source", "add", "hiv", "--relion", start),
        mgit(
            *("species", "add", "capsid", "--particles", project / TABLE),
            *("--diameter", "230", "--symmetry", "C6"),
        ),
        mgit(
            *("species", "update", "capsid"),
            *("--fsc", project / "PostProcess/job026/postprocess.star"),
        ),
        mgit("source", "update", "hiv", "--relion", middle),
        mgit("source", "update", "hiv", "--relion", end),
    ]
    return mgit, [step["commit"] for step in steps]


def documents_of(place):
    return [f"{place}/tomograms.star", *(f"{place}/tilt_series/{name}.star" for name in SERIES)]


def exported(mgit, tmp_path, *words):
    facts = mgit("export", *words, tmp_path / "out")
    return tmp_path / "out", {file["path"]: file for file in facts["files"]}


def test_every_step_is_one_commit_and_the_log_tells_them_newest_first(history):
    mgit, commits = history
    log = mgit("log")
    assert [entry["id"] for entry in log[:-1]] == commits[::-1]
    subjects = [entry["subject"] for entry in log[:-1]]
    assert [subject.split()[:3] for subject in subjects] == [
        ["Update", "source", "hiv"],
        ["Update", "source", "hiv"],
        ["Update", "species", "capsid:"],
        ["Add", "species", "capsid:"],
        ["Add", "source", "hiv:"],
    ]
    assert [entry["parents"] for entry in log[:-2]] == [[each] for each in commits[-2::-1]]


def test_rounds_that_change_what_is_measured_have_states_of_their_own(history):
    mgit, commits = history
    states = {entry["id"]: entry["state"] for entry in mgit("log")}
    ordered = [states[each] for each in commits]
    # An FSC curve is a result, not a part of the state.
    assert ordered[1] == ordered[2]
    assert len(set(ordered)) == 4


@pytest.mark.parametrize(("step", "names"), [(3, IMAGING), (4, GEOMETRY)])
def test_a_round_of_refinement_changed_what_it_refined_and_nothing_else(history, step, names):
    mgit, commits = history
    difference = mgit("diff", commits[step - 1], commits[step])
    assert difference["species"] == []
    (source,) = difference["sources"]
    assert [item["name"] for item in source["items"]] == list(SERIES)
    for item in source["items"]:
        assert {array["name"] for array in item["difference"]["arrays"]} == names
        assert item["difference"]["attributes"] == {}
        assert {each["kind"] for each in item["documents"]} == {"added", "removed"}


def test_show_tells_what_a_commit_did_and_with_which_settings(history):
    mgit, commits = history
    shown = mgit("show", commits[1])
    assert shown["provenance"]["verb"] == "species add"
    (species,) = shown["difference"]["species"]
    assert (species["name"], species["kind"]) == ("capsid", "added")
    assert species["after"]["symmetry"] == "C6"
    assert species["after"]["diameter_angstrom"] == 230.0


def test_the_particle_count_is_that_of_the_table(history, project):
    mgit, _ = history
    shown = mgit("show", "HEAD:species/capsid")
    rows = {place[2] for place in fields(project / TABLE) if place[0] == "particles"}
    halves = [
        value
        for place, value in fields(project / TABLE).items()
        if place[:2] == ("particles", "rlnRandomSubset")
    ]
    text = str(shown)
    assert f"'particles': {len(rows)}" in text
    assert f"[{halves.count('1')}, {halves.count('2')}]" in text


@pytest.mark.parametrize(("step", "place"), [(1, ROUNDS[0]), (3, ROUNDS[1]), (4, ROUNDS[2])])
def test_each_round_exports_its_tables_byte_for_byte(history, project, tmp_path, step, place):
    mgit, commits = history
    out, files = exported(mgit, tmp_path, commits[step])
    assert sorted(files) == sorted([*documents_of(place), TABLE])
    for path in files:
        assert files[path]["unchanged"]
        assert (out / path).read_bytes() == (project / path).read_bytes()


@pytest.mark.parametrize(("step", "place"), [(1, ROUNDS[0]), (3, ROUNDS[1])])
def test_a_restored_round_exports_its_tables_byte_for_byte(history, project, tmp_path, step, place):
    mgit, commits = history
    copy = Terminal(tmp_path / "copy")
    shutil.copytree(mgit.directory, copy.directory)
    copy("restore", "sources/hiv", "--from", commits[step])
    out, files = exported(copy, tmp_path, "--source", "hiv")
    assert sorted(files) == sorted(documents_of(place))
    assert all((out / path).read_bytes() == (project / path).read_bytes() for path in files)
    difference = copy("diff", commits[step], "HEAD")
    assert difference["sources"] == []


def test_every_column_of_every_table_is_in_the_report(history, project, tmp_path):
    mgit, _ = history
    _, files = exported(mgit, tmp_path)
    for path, file in files.items():
        columns = {place[:2] for place in fields(project / path)}
        listed = {line["field"] for line in file["fields"]}
        assert {f"data_{block}/_{column}" for block, column in columns} == listed
        assert {line["verdict"] for line in file["fields"]} == {"kept"}


def test_an_optimisation_set_is_kept_and_leaves_with_the_tomograms_it_names(project, tmp_path):
    mgit = new_population(tmp_path / "population")
    first = "CtfRefine/job027/optimisation_set.star"
    mgit("source", "add", "hiv", "--relion", project / first)
    out, files = exported(mgit, tmp_path / "before")
    assert sorted(files) == sorted([first, *documents_of(ROUNDS[1])])
    assert (out / first).read_bytes() == (project / first).read_bytes()
    mgit("source", "update", "hiv", "--relion", project / ROUNDS[2] / "tomograms.star")
    _, files = exported(mgit, tmp_path / "after")
    assert sorted(files) == sorted(documents_of(ROUNDS[2]))


def test_ids_do_not_depend_on_whether_an_optimisation_set_pointed_the_way(project, tmp_path):
    ids = []
    for name in ("tomograms", "optimisation_set"):
        mgit = new_population(tmp_path / name)
        mgit("source", "add", "hiv", "--relion", project / ROUNDS[2] / f"{name}.star")
        items = Population(mgit.repository.snapshot("HEAD")).source("hiv").items()
        ids.append({item.name: item.id for item in items})
    assert ids[0] == ids[1]
