"""What every remote must do, as tests that a backend's test class inherits.

class TestDirectory(RemoteContract):
    def make_remote(self, place):
        return PathRemote(str(place))
"""

import abc
from pathlib import Path

import numpy as np
import pytest

from mgit.errors import Conflict, Corrupt, InvalidInput, MgitError, NotFound, RefMoved, Refused
from mgit.history.commits import CommitId, Signature
from mgit.history.repository import Repository
from mgit.sync.push import PushPlan, plan_push
from mgit.sync.remote import FileKind, Proposal, Remote
from mgit.sync.segments import SegmentCopy

__all__ = ["RemoteContract"]

WHO = Signature("Ada Test", "ada@example.org", 1_700_000_000, 0)
MAIN = "refs/heads/main"
KINDS: tuple[FileKind, ...] = ("segment", "index", "pack", "pack-index")


class RemoteContract(abc.ABC):
    """Subclass as `Test...` and say how a remote is opened."""

    @abc.abstractmethod
    def make_remote(self, place: Path) -> Remote:
        """Open the remote that belongs to `place`, another handle at every call.

        The first call makes it, empty. `place` does not exist before.
        """

    @pytest.fixture
    def remote(self, tmp_path: Path) -> Remote:
        """An empty remote."""
        return self.make_remote(tmp_path / "remote")

    @pytest.fixture
    def ours(self, tmp_path: Path) -> Repository:
        """A population with two commits."""
        repository = Repository.init(str(tmp_path / "ours"), name="toy", who=WHO)
        _commit(repository, "notes/a", 1)
        return repository

    def test_an_empty_remote_has_no_refs_and_no_files(self, remote: Remote) -> None:
        """And it says which format it has."""
        assert remote.facts().format == 1
        assert dict(remote.references().refs) == {}
        assert [remote.files(kind) for kind in KINDS] == [{}, {}, {}, {}]

    def test_what_is_proposed_is_there(
        self, remote: Remote, ours: Repository, tmp_path: Path
    ) -> None:
        """Refs, segments, packs, and the indexes that the receiver made; for another handle too."""
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        remote.propose(_proposal(plan))
        for handle in (remote, self.make_remote(tmp_path / "remote")):
            assert dict(handle.references().refs) == {MAIN: ours.resolve("HEAD")}
            assert handle.references().head == "main"
            assert all(len(handle.files(kind)) == 1 for kind in KINDS)
            assert handle.quarantined("segment") == handle.quarantined("pack") == {}

    def test_files_are_read_in_ranges(self, remote: Remote, ours: Repository) -> None:
        """Ranges put together are the file that was uploaded; beyond its end is nothing."""
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        remote.propose(_proposal(plan))
        ((name, content),) = _segments(ours, plan).items()
        assert remote.files("segment") == {name: len(content)}
        read = [remote.read("segment", name, at, 1) for at in range(len(content))]
        assert b"".join(read) == content
        assert remote.read("segment", name, 3, 40) == content[3:43]
        with pytest.raises(Corrupt):
            remote.read("segment", name, len(content) - 3, 4)
        with pytest.raises(NotFound):
            remote.read("segment", f"{0:064x}.seg", 0, 1)

    @pytest.mark.parametrize("name", ["../format", "/etc/passwd", "", "A" * 64 + ".seg", "x.seg"])
    def test_a_name_that_is_no_digest_is_refused(self, remote: Remote, name: str) -> None:
        """So nothing outside the remote's own directories can be read or written."""
        with pytest.raises(InvalidInput):
            remote.read("segment", name, 0, 1)
        with pytest.raises(InvalidInput):
            remote.upload("segment", name, [b"x"])

    def test_an_upload_waits_in_quarantine(self, remote: Remote, ours: Repository) -> None:
        """Whole, once however often it comes, and not linked in."""
        plan = _plan(ours, remote)
        for _ in range(2):
            _upload(ours, remote, plan)
        lengths = {name: len(content) for name, content in _segments(ours, plan).items()}
        assert remote.quarantined("segment") == lengths
        assert remote.files("segment") == remote.files("pack") == {}
        assert dict(remote.references().refs) == {}

    def test_indexes_cannot_be_uploaded(self, remote: Remote) -> None:
        """The receiver makes its own."""
        with pytest.raises(Refused):
            remote.upload("index", f"{0:064x}.idx", [b"x"])

    def test_a_proposal_whose_reply_was_lost_succeeds_again(
        self, remote: Remote, ours: Repository
    ) -> None:
        """With and without its files being sent again."""
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        remote.propose(_proposal(plan))
        remote.propose(_proposal(plan))
        _upload(ours, remote, plan)
        remote.propose(_proposal(plan))
        assert remote.quarantined("segment") == {}

    def test_a_proposal_on_an_older_state_is_refused(
        self, remote: Remote, ours: Repository, tmp_path: Path
    ) -> None:
        """The winner's commit stays; nothing of the loser is linked in."""
        theirs = Repository.init(str(tmp_path / "theirs"), name="other", who=WHO)
        late = _plan(theirs, remote)
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        remote.propose(_proposal(plan))
        before = [remote.files(kind) for kind in KINDS]
        _upload(theirs, remote, late)
        with pytest.raises(RefMoved) as caught:
            remote.propose(_proposal(late))
        assert "pull first" in (caught.value.hint or "")
        assert dict(remote.references().refs) == {MAIN: ours.resolve("HEAD")}
        assert [remote.files(kind) for kind in KINDS] == before

    def test_all_refs_move_or_none(self, remote: Remote, ours: Repository) -> None:
        """One of two is not where the sender saw it."""
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        changes = {**plan.changes, "refs/heads/side": ("0" * 40, ours.resolve("HEAD"))}
        with pytest.raises(Conflict):
            remote.propose(_proposal(plan, changes=changes))
        assert dict(remote.references().refs) == {}
        changes["refs/heads/side"] = (None, ours.resolve("HEAD"))
        remote.propose(_proposal(plan, changes=changes))
        assert len(remote.references().refs) == 2

    @pytest.mark.parametrize("where", [0, 20, 60, 80, -150, -20, -1])
    def test_a_flipped_byte_of_a_segment_is_refused(
        self, remote: Remote, ours: Repository, where: int
    ) -> None:
        """Wherever it is; and a good upload goes in afterwards."""
        plan = _plan(ours, remote)
        ((name, content),) = _segments(ours, plan).items()
        damaged = bytearray(content)
        damaged[where] ^= 1
        remote.upload("segment", name, [bytes(damaged)])
        _refuses(remote, ours, plan)

    @pytest.mark.parametrize("cut", [1, 21, 200])
    def test_a_truncated_pack_is_refused(self, remote: Remote, ours: Repository, cut: int) -> None:
        """A pack ends with its checksum, which is its name."""
        plan = _plan(ours, remote)
        ((name, content),) = plan.packs.items()
        remote.upload("pack", name, [content[:-cut]])
        _refuses(remote, ours, plan)

    def test_what_is_not_uploaded_is_missed(self, remote: Remote, ours: Repository) -> None:
        """A chunk, or an object: connectivity is checked before anything is linked in."""
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        for lacking in ({"segments": ()}, {"packs": ()}):
            with pytest.raises(NotFound):
                remote.propose(_proposal(plan, **lacking))
            assert dict(remote.references().refs) == {}
            assert remote.files("segment") == remote.files("pack") == {}
        remote.propose(_proposal(plan))

    def test_a_branch_loses_commits_only_when_that_is_said(
        self, remote: Remote, ours: Repository
    ) -> None:
        """`rewind` is the receiver's own check, beside compare-and-swap."""
        first = ours.resolve("HEAD~1")
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        remote.propose(_proposal(plan))
        back = {MAIN: (ours.resolve("HEAD"), first)}
        proposal = {"changes": back, "segments": (), "packs": ()}
        with pytest.raises(Refused):
            remote.propose(_proposal(plan, **proposal))
        remote.propose(_proposal(plan, rewind=True, **proposal))
        assert dict(remote.references().refs) == {MAIN: first}

    def test_refs_that_differ_in_case_only_are_refused(
        self, remote: Remote, ours: Repository
    ) -> None:
        """Somebody's disk would take them for one."""
        plan = _plan(ours, remote)
        _upload(ours, remote, plan)
        changes = {**plan.changes, "refs/heads/Main": (None, ours.resolve("HEAD"))}
        with pytest.raises(MgitError):
            remote.propose(_proposal(plan, changes=changes))
        assert dict(remote.references().refs) == {}


def _commit(repository: Repository, path: str, value: int) -> CommitId:
    with repository.transaction(verb="test") as transaction:
        transaction.draft.set_array(path, np.full(64, value, dtype="<f8"))
        return transaction.commit(message=path, who=WHO, provenance={}).id


def _plan(ours: Repository, remote: Remote) -> PushPlan:
    return plan_push(ours, remote, {MAIN: MAIN}, name=None)


def _segments(ours: Repository, plan: PushPlan) -> dict[str, bytes]:
    def read(copy: SegmentCopy) -> bytes:
        return ours.files.read(ours.chunks.catalogue.segment_path(copy.name))

    return {f"{copy.name.hex}.seg": read(copy) for copy in plan.copies}


def _upload(ours: Repository, remote: Remote, plan: PushPlan) -> None:
    for name, content in _segments(ours, plan).items():
        remote.upload("segment", name, [content])
    for name, content in plan.packs.items():
        remote.upload("pack", name, [content])


def _proposal(plan: PushPlan, **other: object) -> Proposal:
    values: dict[str, object] = {
        "changes": plan.changes,
        "segments": tuple(f"{copy.name.hex}.seg" for copy in plan.copies),
        "packs": tuple(plan.packs),
        "who": WHO,
        **other,
    }
    return Proposal(**values)  # type: ignore[arg-type]  # a test says what differs


def _refuses(remote: Remote, ours: Repository, plan: PushPlan) -> None:
    """The damaged file that waits there is refused and gone; the good one is taken then."""
    _upload(ours, remote, plan)
    with pytest.raises(Corrupt):
        remote.propose(_proposal(plan))
    assert dict(remote.references().refs) == {}
    assert remote.files("segment") == remote.files("pack") == {}
    _upload(ours, remote, plan)
    remote.propose(_proposal(plan))
    assert dict(remote.references().refs) == {MAIN: ours.resolve("HEAD")}
