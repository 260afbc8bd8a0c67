"""A recorded round, run again: honest commits, one that is made up, one with moved particles."""

import json
import shutil
from dataclasses import replace

import pytest

from mgit.cli.main import main
from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series
from mgit.state.population import Population
from mgit.state.species import set_particles, update_species_attributes
from tests.cli.sessions import Session

EVE = Signature("Eve Test", "eve@example.org", 1_800_000_000, 0)
REFINE = ["refine", "--image-warp", "1x1", "--particles", "--iter", "1", "--force"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Simulated data and a population: reconstructed, then refined once."""
    root = tmp_path_factory.mktemp("replay")
    data, population = root / "data", root / "population"
    simulate_tilt_series(data, PRESETS["tiny"], seed=1)
    population.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
        patch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
        patch.setenv("XDG_CONFIG_HOME", str(root / "config"))
        for words in (
            ["init", "--name", "toy"],
            ["source", "add", "sim", "--relion", str(data / "tomograms.star"), "--raw", str(data)],
            ["source", "link", "sim", str(data)],
            [
                *("species", "add", "made", "--particles", str(data / "particles.star")),
                *("--diameter", "100", "--no-check"),
            ],
            ["reconstruct"],
            REFINE,
        ):
            assert main(["-C", str(population), "--quiet", *words]) == 0
    return population


@pytest.fixture
def session(place, capsys):
    return Session(place, capsys)


def forged(place, *, change=None, versions=None, **settings):
    """A sealed commit beside HEAD: its tree with `change`, its provenance with other settings."""
    repository = Repository.open(str(place))
    told = json.loads(repository.snapshot("HEAD").blob("provenance.json"))
    told["settings"].update(settings)
    told["versions"].update(versions or {})
    parent = repository.resolve("HEAD~1")
    honest = repository.snapshot("HEAD")
    with repository.transaction(verb="refine", parents=(parent,)) as transaction:
        transaction.divert(f"refs/forged/{len(list(repository.refs.names()))}")
        for room in ("species", "sources"):
            for name in honest.children(room):
                transaction.draft.take(f"{room}/{name}", honest, f"{room}/{name}")
        if change is not None:
            change(transaction.draft)
        return transaction.commit(message="forged", who=EVE, provenance=told).id


def replayed(session, revision, *words, code=0):
    return session.json("verify", revision, "--replay", *words, code=code)


def test_reconstruct_and_refine_come_to_the_recorded_states(session):
    for revision, verb in (("HEAD", "refine"), ("HEAD~1", "reconstruct")):
        found = replayed(session, revision)
        assert (found["replayed"], found["consistent"]) == ("identical", "yes")
        assert found["replay"]["verb"] == verb
        assert found["replay"]["versions"] == []


def test_workers_and_threads_change_nothing_and_nothing_is_left(session, place):
    before = sorted(each.name for each in (place / ".mgit" / "local").iterdir())
    found = replayed(session, "HEAD", "--workers", "2", "--threads", "1")
    assert found["replayed"] == "identical"
    assert sorted(each.name for each in (place / ".mgit" / "local").iterdir()) == before


def test_a_result_of_other_options_is_different_and_says_by_how_much(session, place):
    told = json.loads(session.repository.snapshot("HEAD").blob("provenance.json"))
    options = {**told["settings"]["options"], "image_warp": "none", "resolution": "40.0"}
    commit = forged(place, options=options)
    found = replayed(session, commit, code=1)
    assert (found["replayed"], found["consistent"]) == ("different", "yes")
    (finding,) = [each for each in found["findings"] if each["severity"] != "note"]
    assert finding["kind"] == "replay-different"
    assert found["replay"]["species"][0]["shift_angstrom"] > 0.05
    assert any("image_warp_x" in each for each in found["replay"]["details"])


def test_particles_a_hundredth_of_an_angstrom_off_are_equivalent(session, place):
    def nudge(draft):
        species = Population(draft).one_species("made")
        columns = species.particles.load()
        set_particles(draft, species.path, replace(columns, positions=columns.positions + 0.006))

    found = replayed(session, forged(place, change=nudge))
    assert found["replayed"] == "equivalent"
    assert found["replay"]["species"][0]["shift_angstrom"] == pytest.approx(0.0104, abs=1e-3)


def test_a_resolution_that_was_never_measured_is_found_though_states_agree(session, place):
    def claim(draft):
        path = Population(draft).one_species("made").path
        update_species_attributes(draft, path, {"resolution_angstrom": "4.0"})

    found = replayed(session, forged(place, change=claim), code=1)
    assert found["replayed"] == "identical"
    assert [each["kind"] for each in found["findings"]] == ["replay-figures"]


def test_other_versions_and_devices_are_told(session, place):
    told = json.loads(session.repository.snapshot("HEAD").blob("provenance.json"))
    options = {**told["settings"]["options"], "device": "cuda:63"}
    del options["few_particles"]
    commit = forged(place, options=options, versions={"numpy": "1.0", "device_name": "cuda:63"})
    found = replayed(session, commit)
    assert found["replayed"] == "identical"
    said = found["replay"]["versions"]
    assert said[0] == "device name cuda:63 recorded, cpu here"
    assert said[1].startswith("numpy 1.0 recorded, ")
    assert said[2] == "option 'few_particles' is not recorded: its default is taken"


def test_a_reconstruction_that_was_staged_first_is_run_again(place, tmp_path, capsys):
    shutil.copytree(place, tmp_path / "population")
    session = Session(tmp_path / "population", capsys)
    for words in (["undo"], ["undo"], ["reconstruct", "--no-commit"], ["commit"]):
        assert session(*words) == 0, session.err
    assert replayed(session, "HEAD")["replayed"] == "identical"


def test_a_dirty_stage_is_no_hindrance(place, tmp_path, capsys):
    shutil.copytree(place, tmp_path / "population")
    session = Session(tmp_path / "population", capsys)
    assert session("species", "set", "made", "--symmetry", "C2", "--no-commit") == 0, session.err
    assert session("verify", "--replay") == 0, session.err
    assert "replayed: identical" in session.out


def test_raw_data_that_are_not_here_are_the_reason(session, place):
    links = place / ".mgit" / "local" / "links.json"
    kept = links.read_bytes()
    links.unlink()
    try:
        assert session("verify", "HEAD", "--replay") == 1
    finally:
        links.write_bytes(kept)
    assert "replayed: not replayable" in session.out
    assert "source link" in session.out
