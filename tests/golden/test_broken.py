"""Broken repositories: the frozen one after a small accident, and what mgit makes of it.

Each recipe is one function that damages a fresh copy. The table says for every recipe whether the
repository opens, what reading every array of every commit gives, what the audit finds (kinds of
docs/format/verify.md), what the independent reader says and whether the next commit goes through.
No accident may ever lead to wrong values.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import mgit
from mgit.errors import Conflict, Corrupt, MgitError, NotFound, Unsupported
from mgit.verify.audit import Request, verify
from mgit.verify.findings import Level
from tests.golden import read_v1_independently as reader
from tests.golden.make_v1 import EXPECTED, sha256, who
from tests.golden.thaw import git, thaw

EXPECTATION = json.loads(EXPECTED.read_text(encoding="utf-8"))
TIP = EXPECTATION["refs"]["refs/heads/main"]
FINE = "fine"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is expected. reading, independent, commit, opening: FINE or the class of the error.

    kinds: findings that have to be there. follows: those that may be there because of them.
    """

    recipe: Callable[[Path], object]
    kinds: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()
    reading: object = FINE
    independent: object = FINE
    commit: object = FINE
    opening: object = FINE


# --- recipes: each takes the directory `.mgit` ---------------------------------------------------


def biggest(folder, pattern):
    return max(folder.glob(pattern), key=lambda each: each.stat().st_size)


def segment(control):
    """The segment of the species' maps and particles."""
    return biggest(control / "store" / "segments", "*.seg")


def pack_of(control, name):
    """The pack that holds the object called `name`."""
    for index in (control / "git" / "objects" / "pack").glob("*.idx"):
        if bytes.fromhex(name) in index.read_bytes():
            return index.with_suffix(".pack")
    raise AssertionError(name)


def untouched(_control):
    """No accident at all."""


def without_index(control):
    for each in (control / "store" / "index").iterdir():
        each.unlink()


def with_damaged_index(control):
    for each in (control / "store" / "index").iterdir():
        flip(each, 200)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def without_segment(control):
    segment(control).unlink()


def with_short_footer(control):
    path = segment(control)
    path.write_bytes(path.read_bytes()[:-100])


def with_half_segment(control):
    path = segment(control)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_flipped_chunk(control):
    path = segment(control)
    flip(path, 8 + 48 + 10)  # start mark, header of the first record, some stored byte


def without_pack(control):
    pack = pack_of(control, TIP)
    pack.with_suffix(".idx").unlink()
    pack.unlink()


def without_pack_index(control):
    pack_of(control, TIP).with_suffix(".idx").unlink()


def with_flipped_object(control):
    pack = pack_of(control, TIP)
    flip(pack, pack.stat().st_size // 2)


def entries(control):
    return sorted(each for each in (control / "operations").iterdir() if each.name.isdecimal())


def with_torn_entry(control):
    last = entries(control)[-1]
    last.write_bytes(last.read_bytes()[:100])


def without_entry(control):
    entries(control)[3].unlink()


def without_last_entry(control):
    entries(control)[-1].unlink()


def with_dangling_ref(control):
    (control / "git" / "refs" / "heads" / "lost").write_text("1234567890" * 4 + "\n")


def with_branch_set_back(control):
    parent = EXPECTATION["commits"][TIP]["parents"][0]
    (control / "git" / "refs" / "heads" / "main").write_text(parent + "\n")


def lease(control, purpose):
    """A lease of a machine that went away in 2025."""
    holder = {"boot": "x", "format": 1, "heartbeat_s": 1_750_000_000, "host": "gone", "pid": 1}
    record = {**holder, "purpose": purpose, "started": "1", "token": "ab" * 16}
    (control / "locks" / "refs").write_bytes(reader.canonical(record))


def with_stale_lock(control):
    lease(control, {"refs": {"refs/heads/main": TIP}})
    (control / "git" / "refs" / "heads" / "main.lock").write_text(TIP + "\n")


def with_lock_of_git(control):
    (control / "git" / "refs" / "heads" / "main.lock").write_text("")


def with_later_format(control):
    (control / "format").write_bytes(b"mgit 2\n")


def without_format(control):
    (control / "format").unlink()


def with_foreign_files(control):
    for name in (
        "segments/notes.txt",
        "segments/x.seg",
        "index/README",
        "index/.DS_Store",
        "thumbs.db",
    ):
        (control / "store" / name).write_bytes(b"not ours")
    (control / "git" / "description").write_text("Unnamed repository\n")
    (control.parent / "results.txt").write_text("outside of .mgit\n")


def with_leftovers(control):
    for name in (
        "store/segments",
        "store/index",
        "git/objects/pack",
        "operations",
        "git/refs/heads",
    ):
        (control / name / ".tmp-0123456789abcdef").write_bytes(b"half of some")


def with_garbage_in_the_cache(control):
    for name in ("commits", "roots", "states"):
        (control / "cache" / name).write_bytes(b"\xf7mgC" + b"\xff" * 60)


def branch_of(control, tree, message="made without mgit"):
    """A branch 'odd' whose only commit has this tree."""
    root = control.parent
    person = ("-c", "user.name=Eve", "-c", "user.email=eve@example.org")
    commit = git(root, *person, "commit-tree", "-m", message, tree).strip()
    (control / "git" / "refs" / "heads" / "odd").write_text(commit + "\n")
    return commit


def tree_of(control, *lines):
    listing = control / "cache" / "listing"
    listing.write_text("".join(f"{line}\n" for line in lines))
    return git(control.parent, "mktree", stdin=listing).strip()


def root_lines(control):
    tree = EXPECTATION["commits"][TIP]["tree"]
    return git(control.parent, "ls-tree", tree).splitlines()


def with_colliding_names(control):
    lines = root_lines(control)
    twin = next(line for line in lines if line.endswith("\tspecies")).replace("\ts", "\tS")
    branch_of(control, tree_of(control, *lines, twin))


def with_link_in_tree(control):
    lines = root_lines(control)
    blob = next(line for line in lines if line.endswith("\tprovenance.json"))
    link = blob.replace("100644", "120000").replace("provenance.json", "elsewhere")
    branch_of(control, tree_of(control, *lines, link))


def with_false_claim(control):
    zeros = "b3:" + "00" * 32
    message = f"Trust me\n\nMgit-State: {zeros}\nMgit-Root: {zeros}"
    branch_of(control, EXPECTATION["commits"][TIP]["tree"], message)


SOUND = [
    Case(recipe=untouched),
    Case(recipe=without_index),
    Case(recipe=with_foreign_files),
    Case(recipe=with_leftovers),
    Case(recipe=with_garbage_in_the_cache),
    Case(recipe=with_stale_lock),
    Case(recipe=with_lock_of_git, commit=Conflict),
]
BROKEN = [
    Case(recipe=with_damaged_index, kinds=frozenset({"index-unreadable"})),
    Case(
        recipe=without_segment,
        kinds=frozenset({"chunk-missing"}),
        reading=NotFound,
        independent=reader.Damaged,
    ),
    # The index still knows where the chunks lie, so nothing is lost yet.
    Case(
        recipe=with_short_footer,
        kinds=frozenset({"segment-footer"}),
        independent=(reader.Damaged, ValueError),
    ),
    Case(
        recipe=with_half_segment,
        kinds=frozenset({"segment-footer"}),
        follows=frozenset({"array-content", "particles"}),
        reading=Corrupt,
        independent=(reader.Damaged, ValueError),
    ),
    Case(
        recipe=with_flipped_chunk,
        kinds=frozenset({"stored-digest"}),
        reading=Corrupt,
        independent=reader.Damaged,
    ),
    Case(
        recipe=without_pack,
        kinds=frozenset({"object-missing"}),
        reading=NotFound,
        independent=reader.Damaged,
        commit=NotFound,
    ),
    Case(
        recipe=without_pack_index,
        kinds=frozenset({"object-missing"}),
        reading=(NotFound, Corrupt),
        independent=reader.Damaged,
        commit=MgitError,
    ),
    Case(
        recipe=with_flipped_object,
        kinds=frozenset({"git-object"}),
        follows=frozenset({"particle-item"}),
        reading=Corrupt,
        independent=(reader.Damaged, reader.zlib.error),
        commit=Corrupt,
    ),
    Case(recipe=with_torn_entry, kinds=frozenset({"operation-damaged"}), commit=Corrupt),
    Case(recipe=without_entry, kinds=frozenset({"operation-missing"})),
    Case(recipe=without_last_entry, kinds=frozenset({"operation-missing"})),
    Case(
        recipe=with_dangling_ref,
        kinds=frozenset({"foreign-ref", "object-missing"}),
        independent=reader.Damaged,
    ),
    Case(recipe=with_branch_set_back, kinds=frozenset({"ref-moved-back"})),
    Case(
        recipe=with_colliding_names,
        kinds=frozenset({"foreign-ref", "tree-grammar"}),
        independent=reader.Damaged,
    ),
    Case(
        recipe=with_link_in_tree,
        kinds=frozenset({"foreign-ref", "tree-grammar"}),
        independent=reader.Damaged,
    ),
    Case(
        recipe=with_false_claim,
        kinds=frozenset({"foreign-ref", "population-state", "root-digest"}),
        follows=frozenset({"provenance-edge", "provenance-parents"}),
        independent=reader.Damaged,
    ),
]
CLOSED = [
    Case(recipe=with_later_format, opening=Unsupported, independent=reader.Unsupported),
    Case(recipe=without_format, opening=Corrupt, independent=FileNotFoundError),
]


def name_of(case):
    return case.recipe.__name__


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Copies after their accident, for tests that only read: one for each recipe."""
    made = {}

    def copy(case):
        if name_of(case) not in made:
            made[name_of(case)] = damaged(tmp_path_factory.mktemp("copy"), case)
        return made[name_of(case)]

    return copy


def damaged(folder, case):
    root = thaw(folder)
    case.recipe(Path(root, ".mgit"))
    return root


def outcome(action, expected):
    """Run the action, which has to end as expected."""
    if expected is FINE:
        return action()
    with pytest.raises(expected) as raised:
        action()
    return raised.value


def read_everything(root):
    """Every array of every commit that was frozen; whatever is returned has to be right."""
    repository = mgit.open(root).repository
    seen = set()
    for name, commit in EXPECTATION["commits"].items():
        snapshot = repository.snapshot(name)
        for path, content in commit["arrays"].items():
            handle = snapshot.array(path)
            assert str(handle.content) == content
            if content not in seen:
                assert sha256(handle.read()) == EXPECTATION["contents"][content]["sha256"]
                seen.add(content)


def commit_something(root):
    repository = mgit.open(root).repository
    with repository.transaction(verb="set") as transaction:
        transaction.draft.set_attributes("notes", {"text": "after the accident"})
        transaction.commit(message="Go on", who=who(30), provenance={})


def files_of(root):
    """Content of every file but the throw-away ones."""
    found = [each for each in Path(root).rglob("*") if each.is_file()]
    return {each: each.read_bytes() for each in found if each.parent.name != "cache"}


@pytest.mark.parametrize("case", SOUND + BROKEN, ids=name_of)
def test_reading_gives_the_right_values_or_an_error(copies, case):
    outcome(lambda: read_everything(copies(case)), case.reading)


@pytest.mark.parametrize("case", SOUND + BROKEN + CLOSED, ids=name_of)
def test_the_independent_reader_comes_to_the_same_verdict(copies, case):
    outcome(lambda: reader.read_repository(copies(case)), case.independent)


@pytest.mark.parametrize("case", SOUND + BROKEN, ids=name_of)
def test_the_audit_names_the_accident_and_changes_nothing(copies, case):
    root = copies(case)
    before = files_of(root)
    report = verify(mgit.open(root).repository, Request(level=Level.CONTENT, domain=True))
    found = {each.kind for each in report.findings if each.severity != "note"}
    said = [each.record() for each in report.findings]
    assert case.kinds <= found <= case.kinds | case.follows, said
    assert report.clean == (case in SOUND)
    assert files_of(root) == before


@pytest.mark.parametrize("case", SOUND + BROKEN, ids=name_of)
def test_the_next_commit_goes_through_or_is_refused(tmp_path, case):
    root = damaged(tmp_path, case)
    outcome(lambda: commit_something(root), case.commit)


@pytest.mark.parametrize("case", CLOSED, ids=name_of)
def test_a_closed_repository_is_refused_before_anything_is_touched(copies, case):
    root = copies(case)
    before = files_of(root)
    error = outcome(lambda: mgit.open(root), case.opening)
    assert os.path.basename(root) in str(error)
    assert error.hint
    assert files_of(root) == before
