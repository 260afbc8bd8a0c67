"""Random single-bit flips over every file of a repository: each is found, or changes nothing.

'Changes nothing' is strict: refs, HEAD, the log, the stage, and every commit with every group,
array and small file read exactly as before, through caches that may be damaged.
"""

import collections
import os
import random
import shutil
import subprocess
import sys

import pytest

from mgit.errors import MgitError
from mgit.history import branches
from mgit.history.merkle import MerkleCache, state_digest, tree_digest
from mgit.history.repository import Repository
from mgit.verify.audit import Request, verify
from mgit.verify.findings import Level
from tests.verify.populations import add_species, begin, flip, later

SEED = 20261122
KINDS = {
    "store/segments": "segment",
    "store/index": "chunk index",
    "git/objects/pack": "pack",
    "git/objects": "loose object",
    "git/refs": "ref",
    "git/packed-refs": "packed refs",
    "git/HEAD": "HEAD",
    "git/config": "git config",
    "operations/confirmed": "confirmed",
    "operations": "operation",
    "format": "format",
    "index": "stage",
    "locks": "lock",
    "local": "local setting",
    "hooks": "hook",
    "cache": "cache",
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A repository with every kind of file that one can have."""
    directory = str(tmp_path_factory.mktemp("flips"))
    repository = begin(directory)
    git = ["git", f"--git-dir={repository.layout.git}"]
    subprocess.run([*git, "pack-refs", "--all"], check=True)
    hash_object = [*git, "hash-object", "-w", "--stdin"]
    subprocess.run(hash_object, input=b"loose", check=True, capture_output=True)
    branches.create(repository, "loose", who=later(6))
    with repository.transaction(verb="test") as transaction:
        add_species(transaction.draft, "staged")
        transaction.stage(message="staged")
    control = repository.layout.control
    for name, content in {
        "local/config.json": b'{"user.name": "Ada"}\n',
        "local/links.json": b'{"grid":"/data"}',
        "local/raw-digests.json": b"{}",
        "locks/refine": b'{"boot":"","format":1,"heartbeat_s":1,"host":"a","pid":1,"token":"b"}',
        "hooks/pre-commit": b"#!/bin/sh\nexit 0\n",
        "store/segments/.tmp-left": b"MGITSEG1 and what a crash left",
    }.items():
        with open(os.path.join(control, name), "wb") as stream:
            stream.write(content)
    assert set(map(kind_of, files_of(control))) >= set(KINDS.values()) - {"temporary file"}
    return repository.root


def files_of(control):
    return sorted(
        os.path.relpath(os.path.join(folder, name), control)
        for folder, _, names in os.walk(control)
        for name in names
    )


def kind_of(path):
    if path.endswith((".pack", ".idx")) and path.startswith("git"):
        return path.rpartition(".")[2].replace("idx", "pack index")
    if "/.tmp-" in path:
        return "temporary file"
    return next(kind for start, kind in KINDS.items() if path.startswith(start))


def content_of(root):
    """Everything that can be asked of a repository, read by the ways that verbs read."""
    repository = Repository.open(root)
    cache = MerkleCache(repository.layout.cache)
    refs = repository.refs.all()
    answer = {
        "refs": refs,
        "head": repository.refs.head(),
        "log": [entry.encode() for entry in repository.operations.applied()],
        "stage": repository.stage.read(),
    }
    for name in ["HEAD", *refs]:
        for record in repository.walk(name):
            if record.id in answer:
                continue
            snapshot = repository.snapshot(record.id)
            digests = [
                str(digest(repository.objects, record.tree, cache=cache))
                for digest in (state_digest, tree_digest)
            ]
            answer[record.id] = (record.raw, digests, dict(nodes_of(snapshot, "")))
    for name, value in refs.items():
        answer[name] = repository.objects.read(value)
    return answer


def nodes_of(snapshot, path):
    if snapshot.is_array(path):
        array = snapshot.array(path)
        values = array.read()
        yield (
            path,
            (
                dict(array.attributes),
                str(array.content),
                values.dtype.str,
                values.shape,
                values.tobytes(),
            ),
        )
        return
    yield path, snapshot.metadata(path)
    for name in snapshot.blobs(path):
        yield f"{path}/{name}", snapshot.blob(f"{path}/{name}".lstrip("/"))
    for name in snapshot.children(path):
        yield from nodes_of(snapshot, f"{path}/{name}".lstrip("/"))


def places(control, count, seed):
    """(file, byte, bit): half of them uniform over all bits, half uniform over the files."""
    chosen = random.Random(seed)
    files = files_of(control)
    sizes = [os.path.getsize(os.path.join(control, name)) for name in files]
    for number in range(count):
        if number % 2:
            (name,) = chosen.choices(files, weights=sizes)
        else:
            name = chosen.choice([name for name, size in zip(files, sizes, strict=True) if size])
        size = os.path.getsize(os.path.join(control, name))
        yield name, chosen.randrange(size), chosen.randrange(8)


def judge(root):
    """'refused' at opening, 'found' by the audit, or 'silent'."""
    try:
        repository = Repository.open(root)
    except MgitError:
        return "refused"
    report = verify(repository, Request(level=Level.CONTENT, domain=True))
    return "silent" if report.clean else "found"


def flip_and_judge(original, tmp_path, count, seed):
    """Outcomes of random flips by kind of file, and the silent ones that changed an answer."""
    flips = [
        (name, lambda path, offset=offset, bit=bit: flip(path, offset, bit))
        for name, offset, bit in places(f"{original}/.mgit", count, seed)
    ]
    return damage_and_judge(original, tmp_path, flips)


def damage_and_judge(original, tmp_path, damages):
    """The same for any (file, what is done to it)."""
    before = content_of(original)
    table = collections.defaultdict(collections.Counter)
    missed = []
    for number, (name, damage) in enumerate(damages):
        copy = str(tmp_path / str(number))
        shutil.copytree(original, copy)
        damage(os.path.join(copy, ".mgit", name))
        outcome = judge(copy)
        if outcome == "silent":
            try:
                same = content_of(copy) == before
            except MgitError as error:
                same = False
                missed.append((number, name, repr(error)))
            else:
                if not same:
                    missed.append((number, name, "another answer"))
            outcome = "harmless" if same else "MISSED"
        table[kind_of(name)][outcome] += 1
        shutil.rmtree(copy)
    return table, missed


def lines_of(table):
    rows = [
        (kind, *(table[kind][each] for each in ("found", "refused", "harmless", "MISSED")))
        for kind in sorted(table)
    ]
    total = ["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])]
    return [" ".join(f"{cell!s:>15}" for cell in row) for row in [*rows, total]]


def test_the_repository_of_this_test_is_clean_and_reads_the_same_twice(original):
    assert judge(original) == "silent"
    assert content_of(original) == content_of(original)


def test_sixty_flips_are_found_or_harmless(original, tmp_path):
    table, missed = flip_and_judge(original, tmp_path, 60, SEED)
    assert missed == [], "\n".join(lines_of(table))


@pytest.mark.slow
def test_a_thousand_flips_are_found_or_harmless(original, tmp_path, capsys):
    table, missed = flip_and_judge(original, tmp_path, 1000, SEED + 1)
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines_of(table)) + "\n")
    assert missed == [], "\n".join(lines_of(table))


def cut(path):
    with open(path, "r+b") as stream:
        stream.truncate(os.path.getsize(path) // 2)


def empty(path):
    with open(path, "wb"):
        pass


def grow(path):
    with open(path, "ab") as stream:
        stream.write(b"\0more")


UNSEEN = {"stage", "loose object", "cache", "hook", "lock", "local setting", "temporary file"}
"""Kinds of file whose disappearance is no damage: a stage that is gone was restored, say."""


@pytest.mark.parametrize("damage", [cut, empty, grow, os.unlink], ids=lambda each: each.__name__)
def test_files_that_are_cut_emptied_grown_or_gone_are_found_or_harmless(original, tmp_path, damage):
    files = files_of(f"{original}/.mgit")
    one_of_each = {kind_of(name): name for name in files}.values()
    table, missed = damage_and_judge(original, tmp_path, [(name, damage) for name in one_of_each])
    if damage is os.unlink:
        missed = [each for each in missed if kind_of(each[1]) not in UNSEEN]
    assert missed == [], "\n".join(lines_of(table))
