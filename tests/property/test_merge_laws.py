"""Laws of merging: symmetric but for the order of parents, identity with the base, idempotent.

A population is three slots here, each with a small number in it; an edit sets or removes some.
"""

import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import MergeConflict
from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.history.transaction import PROVENANCE
from mgit.merge.join import course_of, merge_into
from mgit.merge.slots import slot_identity
from mgit.merge.three_way import decide

ADA = Signature("Ada Test", "ada@example.org", 1_750_000_000, 0)
SLOTS = ("notes/a", "notes/b", "other")
VALUES = st.none() | st.integers(0, 2)
EDITS = st.fixed_dictionaries(dict.fromkeys(SLOTS, VALUES))
IDENTITY = st.none() | st.sampled_from("abc")


def write(draft, contents):
    """Make the slots what `contents` says; None is absent."""
    for slot, value in contents.items():
        if value is None and draft.exists(slot):
            draft.remove(slot)
        elif value is not None:
            draft.set_blob(slot, bytes([value]))


def grow(repository, contents, *, parents=(), branch="main"):
    """A commit with these contents, even if they equal the parent's."""
    options = {"branch": branch, **({"parents": parents} if parents else {})}
    with repository.transaction(verb="test", **options) as transaction:
        write(transaction.draft, contents)
        # A counter of its own lets two commits have equal slots and still be two commits.
        transaction.draft.set_blob(f"marks/{branch}", len(parents).to_bytes(1, "big"))
        return transaction.commit(message="edit", who=ADA, provenance={})


def contents(repository, commit):
    """The slots of a commit."""
    tree = repository.snapshot(commit)
    return {slot: tree.blob(slot)[0] if tree.exists(slot) else None for slot in SLOTS}


def fork(directory, base, ours, theirs):
    """A repository with a base and two branches on it."""
    repository = Repository.init(directory, name="law", who=ADA)
    root = grow(repository, base).id
    tips = [
        grow(repository, edit, parents=(root,), branch=branch).id
        for branch, edit in (("ours", ours), ("theirs", theirs))
    ]
    return repository, root, *tips


def merge(repository, branch, other):
    """Merge `other` into `branch`; the commit, or the names in conflict."""
    tip = repository.resolve(branch)
    head = repository.refs.head().text
    repository.refs.set_head(f"ref: refs/heads/{branch}", expected=head)
    course = course_of(repository, other)
    try:
        with repository.transaction(verb="merge", parents=(tip, course.theirs)) as transaction:
            merge_into(transaction, repository, course)
            return transaction.commit(message="merge", who=ADA, provenance={})
    except MergeConflict as refusal:
        return str(refusal.fields["conflicts"])


def expected(base, ours, theirs):
    """What a merge has to give, slot by slot, or None where somebody has to decide."""
    result = {}
    for slot in SLOTS:
        if ours[slot] == theirs[slot] or theirs[slot] == base[slot]:
            result[slot] = ours[slot]
        elif ours[slot] == base[slot]:
            result[slot] = theirs[slot]
        else:
            return None
    return result


def without_provenance(repository, commit):
    tree = repository.snapshot(commit)
    names = (*tree.children(""), *(name for name in tree.blobs("") if name != PROVENANCE))
    return {name: slot_identity(repository.objects, tree.tree, name) for name in names}


@given(bases=st.lists(IDENTITY, min_size=1, max_size=3), ours=IDENTITY, theirs=IDENTITY)
def test_a_decision_is_symmetric(bases, ours, theirs):
    mirrored = {"ours": "theirs", "theirs": "ours"}
    answer = decide(bases, ours, theirs)
    assert decide(bases, theirs, ours) == mirrored.get(answer, answer)
    assert decide(bases[::-1], ours, theirs) == answer


@given(base=IDENTITY, side=IDENTITY)
def test_the_base_is_the_identity_of_a_decision(base, side):
    assert decide([base], side, base) in ("ours", "same")
    assert decide([base], side, side) == "same"


@settings(max_examples=20)
@given(base=EDITS, ours=EDITS, theirs=EDITS)
def test_a_merge_takes_what_one_side_changed_and_loses_nothing_silently(base, ours, theirs):
    with tempfile.TemporaryDirectory() as directory:
        repository, *_ = fork(directory, base, ours, theirs)
        merged = merge(repository, "ours", "theirs")
        wanted = expected(base, ours, theirs)
        if wanted is None:
            assert isinstance(merged, str)
            assert contents(repository, "ours") == ours
        else:
            assert contents(repository, merged.id) == wanted


@settings(max_examples=20)
@given(base=EDITS, ours=EDITS, theirs=EDITS)
def test_both_directions_give_the_same_tree(base, ours, theirs):
    with tempfile.TemporaryDirectory() as directory:
        repository, *_ = fork(directory, base, ours, theirs)
        tips = {name: repository.resolve(name) for name in ("ours", "theirs")}
        first = merge(repository, "ours", tips["theirs"])
        second = merge(repository, "theirs", tips["ours"])
        assert isinstance(first, str) == isinstance(second, str)
        if not isinstance(first, str):
            assert first.parents == second.parents[::-1]
            trees = [without_provenance(repository, each.id) for each in (first, second)]
            assert trees[0] == trees[1]
            assert first.state == second.state


@settings(max_examples=10)
@given(base=EDITS, ours=EDITS, theirs=EDITS)
def test_merging_again_changes_nothing(base, ours, theirs):
    with tempfile.TemporaryDirectory() as directory:
        repository, root, _, tip = fork(directory, base, ours, theirs)
        assert course_of(repository, root).kind == "up to date"
        if not isinstance(merge(repository, "ours", "theirs"), str):
            assert course_of(repository, tip).kind == "up to date"
