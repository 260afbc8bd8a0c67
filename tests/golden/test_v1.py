"""Format version 1 stays readable: the frozen repository, by mgit and by an independent reader."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import mgit
from mgit.curate.raw_digests import digest_file
from mgit.digest import RawDigest, particle_ids
from mgit.errors import Unsupported
from mgit.history.signing import AllowedSigners, verify_commit
from mgit.history.undo import redo, undo
from mgit.state.names import component
from mgit.state.schema import ITEM_ATTRIBUTES, PARTICLE_COLUMNS, SPECIES_ARRAYS, SPECIES_ATTRIBUTES
from mgit.state.series import derive_item_id
from tests.golden import read_v1_independently as reader
from tests.golden.make_v1 import (
    ALLOWED_SIGNERS,
    ARCHIVE,
    DOCUMENT,
    EXPECTED,
    TABLE,
    expected_of,
    make,
    sha256,
    who,
)
from tests.golden.thaw import git, thaw

EXPECTATION = json.loads(EXPECTED.read_text(encoding="utf-8"))
TIP = EXPECTATION["refs"]["refs/heads/main"]


FROZEN = {
    ARCHIVE: "0d0623da0899f17c878ac5c3e0565eab85d6e1a9446f95772b5399344d1a20bf",
    EXPECTED: "cb24ff2943eed4fc8850f51f421f65c805de4bc5c474d974667cf3b3478bb843",
}
"""SHA-256 of the frozen files: a repository that is made again is not a frozen one."""


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """The frozen repository; tests of this module only read it."""
    return thaw(tmp_path_factory.mktemp("frozen"))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The same history, written by the mgit of today."""
    return make(tmp_path_factory.mktemp("fresh"))


def read_independently(directory):
    """What the independent reader sees, in the form of expected.json."""
    commits, contents = {}, {}
    for name, commit in reader.read_repository(str(directory)).items():
        arrays = dict(reader.arrays_of(commit.pop("node")))
        commits[name] = {**commit, "arrays": {path: each.content for path, each in arrays.items()}}
        for each in arrays.values():
            contents[each.content] = {
                "dtype": each.values.dtype.str,
                "shape": list(each.values.shape),
                "sha256": sha256(each.values),
            }
    return {"commits": commits, "contents": contents}


def assert_agree(independent, expected):
    assert independent["contents"] == expected["contents"]
    assert independent["commits"].keys() == expected["commits"].keys()
    for name, commit in independent["commits"].items():
        assert commit == {key: expected["commits"][name][key] for key in commit}


# --- the frozen repository -----------------------------------------------------------------------


def test_the_frozen_files_are_the_ones_that_were_frozen():
    found = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in FROZEN}
    assert found == FROZEN


def test_mgit_reads_the_frozen_repository_as_ever(frozen):
    assert expected_of(mgit.open(frozen).repository) == EXPECTATION


def test_the_independent_reader_reads_the_frozen_repository_as_ever(frozen):
    assert_agree(read_independently(frozen), EXPECTATION)


def test_the_log_of_the_frozen_repository_is_sound_and_its_undo_can_be_repeated(tmp_path):
    repository = mgit.open(thaw(tmp_path)).repository
    assert repository.operations.check() == []
    assert [each.verb for each in repository.operations.entries()].count("undo") == 1
    undo(repository, who=who(20))
    redo(repository, who=who(21))
    assert repository.refs.all() == EXPECTATION["refs"]
    assert repository.operations.check() == []


def test_the_signature_of_the_frozen_repository_is_good(frozen):
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    allowed = AllowedSigners(path=str(ALLOWED_SIGNERS))
    commits = mgit.open(frozen).repository.walk("main")
    verdicts = {each.subject: verify_commit(each, allowed).verdict for each in commits}
    assert verdicts.pop("Learn the raw data of the movie") == "good"
    assert set(verdicts.values()) == {"unsigned"}


def test_values_of_the_frozen_repository_mean_what_they_meant(frozen):
    population = mgit.open(frozen).population("v1.0")
    (species,) = population.species()
    assert (population.name, species.name) == ("golden ✓", "ribosome/70S")
    particles = species.particles.load()
    assert particles.positions.shape == (12, 2, 3)
    assert set(particles.passthrough["rlnMicrographName"].values()) == {"", "a.mrc", "b/ä.mrc"}
    series = population.item("tomography 2024/grid 1", "TS_01")
    assert series.array("use").read().tolist() == [True, True, True, False, True]
    assert series.array("image_warp_x").attributes == {"margins": ["0", "0", "12.5"]}


# --- format drift --------------------------------------------------------------------------------


def test_the_same_history_still_gets_the_same_states_and_arrays(fresh):
    """A difference here is a new format version or a mistake, never a new expectation."""
    today = expected_of(fresh)
    assert today["contents"] == EXPECTATION["contents"]
    keep = ("arrays", "state", "states", "subject")
    assert [{key: each[key] for key in keep} for each in today["commits"].values()] == [
        {key: each[key] for key in keep}
        for each in sorted(EXPECTATION["commits"].values(), key=order_of(today))
    ]


def order_of(today):
    """Subjects of a history in the order in which it was made."""
    subjects = [each["subject"] for each in today["commits"].values()]
    return lambda each: subjects.index(each["subject"])


def test_the_independent_reader_agrees_on_what_mgit_writes_today(fresh):
    assert_agree(read_independently(fresh.root), expected_of(fresh))


def test_the_independent_reader_covers_what_the_state_page_crosses():
    def crossed(table, *left_out):
        return {each.name for each in table if each.in_state_digest} - set(left_out)

    assert set(reader.ITEM_ATTRIBUTES) == crossed(ITEM_ATTRIBUTES, "inputs", "raw")
    assert set(reader.SPECIES_ATTRIBUTES) == crossed(SPECIES_ATTRIBUTES, "inputs")
    assert set(reader.MAPS) == crossed(SPECIES_ARRAYS)
    assert set(reader.COLUMNS) == crossed(PARTICLE_COLUMNS)


# --- names and identities ------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example("aux.mrc")
@example("..COM1.tar.gz")
def test_both_derive_the_same_component_from_a_name(name):
    assert reader.component(name) == component(name)
    assert reader.NAME.fullmatch(component(name))


def test_both_derive_the_same_ids():
    for name in ("TS_01", "単粒子"):
        assert reader.item_id(name, b"document") == derive_item_id(name, b"document")
    ids = particle_ids(RawDigest.of(b"table"), 1000)
    assert b"".join(reader.particle_ids(b"table", 1000)) == ids
    assert particle_ids(RawDigest.of(b"table"), 3, first_row=997) == ids[-48:]


def test_ids_of_the_frozen_repository_follow_from_what_was_imported(frozen):
    history = reader.read_repository(frozen)
    species = next(iter(history[TIP]["node"].below("species").children.values()))
    stored = [row.tobytes() for row in species.below("particles", "id").values]
    assert stored == sorted(reader.particle_ids(TABLE, 12))
    rows = species.below("particles", "source_row").values
    assert [reader.particle_ids(TABLE, 12)[row] for row in rows] == stored
    assert set(reader.strings(species.below("particles", "source_table"))) == {reader.plain(TABLE)}
    (series,) = (
        each for each in mgit.open(frozen).population().items() if each.kind == "tilt_series"
    )
    assert series.id == reader.item_id("TS_01", DOCUMENT)
    assert series.path.endswith(reader.component("TS_01"))


@pytest.mark.parametrize("size", [5, 66 << 20, (66 << 20) + 12345])
def test_both_derive_the_same_quick_digest(tmp_path, size):
    content = bytearray(size)
    content[::4099] = bytes(each % 251 + 1 for each in range(len(content[::4099])))
    path = tmp_path / "raw"
    path.write_bytes(content)
    found = digest_file(path, complete=False)
    assert found.quick == reader.quick_digest(bytes(content))
    assert (found.full is None) == (size > 66 << 20)


# --- what the format promises to other programs --------------------------------------------------


@pytest.mark.parametrize("command", [("repack", "-a", "-d", "-f"), ("unpack",)])
def test_a_repository_that_git_packed_anew_reads_the_same(tmp_path, command):
    """One pack with deltas, and loose objects without any pack."""
    root = thaw(tmp_path)
    folder = Path(root, ".mgit", "git", "objects", "pack")
    if command == ("unpack",):
        packs = [each.rename(tmp_path / each.name) for each in folder.glob("*.pack")]
        for each in folder.glob("*"):
            each.unlink()
        for each in packs:
            git(root, "unpack-objects", "-q", stdin=each)
        assert not list(folder.glob("*.pack"))
    else:
        git(root, *command)
        assert len(list(folder.glob("*.pack"))) == 1
    assert expected_of(mgit.open(root).repository) == EXPECTATION
    assert_agree(read_independently(root), EXPECTATION)


def test_index_files_of_the_store_hold_nothing_that_is_needed(tmp_path):
    root = thaw(tmp_path)
    shutil.rmtree(os.path.join(root, ".mgit", "store", "index"))
    assert expected_of(mgit.open(root).repository) == EXPECTATION


def test_the_independent_reader_runs_without_mgit(frozen, tmp_path):
    script = Path(reader.__file__).read_text(encoding="utf-8")
    assert not re.search(r"^\s*(from|import) mgit", script, flags=re.MULTILINE)
    (tmp_path / "reader.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "-I", str(tmp_path / "reader.py"), str(frozen), "refs/heads/main"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(found.stdout.splitlines()) == len(EXPECTATION["commits"])


def damages():
    return [
        ("store/segments", "*.seg", "stored bytes differ|header|its footer|cut short"),
        ("git/objects/pack", "*.pack", "SHA-1|incorrect|invalid|missing"),
    ]


@pytest.mark.parametrize(("folder", "pattern", "message"), damages())
def test_the_independent_reader_sees_a_flipped_bit(tmp_path, folder, pattern, message):
    root = thaw(tmp_path)
    path = max(Path(root, ".mgit", folder).glob(pattern), key=lambda each: each.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises((reader.Damaged, reader.zlib.error), match=message):
        reader.read_repository(root)


def test_both_readers_refuse_another_version(tmp_path):
    root = thaw(tmp_path)
    Path(root, ".mgit", "format").write_bytes(b"mgit 2\n")
    with pytest.raises(reader.Unsupported):
        reader.read_repository(root)
    with pytest.raises(Unsupported):
        mgit.open(root)


def test_a_frozen_repository_can_be_continued(tmp_path):
    repository = mgit.open(thaw(tmp_path)).repository
    before = repository.resolve("main")
    with repository.transaction(verb="set") as transaction:
        attributes = {**transaction.draft.attributes(""), "note": "continued"}
        transaction.draft.set_attributes("", attributes)
        made = transaction.commit(message="Go on", who=who(20), provenance={})
    assert made.parents == (before,)
    assert_agree(read_independently(repository.root), expected_of(repository))
