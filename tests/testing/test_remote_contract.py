"""The contract can fail: a remote that breaks a promise does not pass."""

import inspect

import pytest

from mgit.errors import MgitError
from mgit.sync.path_remote import PathRemote
from mgit.sync.quarantine import Quarantine
from mgit.testing.remote_contract import RemoteContract
from tests.sync.exchanges import bare


class Directory(RemoteContract):
    remote_class = PathRemote

    def make_remote(self, place):
        if not place.exists():
            bare(place)
        return self.remote_class(str(place))


class Trusting(PathRemote):
    """Takes segments as they come."""

    def propose(self, proposal):
        before = Quarantine.check_segments
        Quarantine.check_segments = lambda self, names: {}
        try:
            super().propose(proposal)
        finally:
            Quarantine.check_segments = before


class Careless(PathRemote):
    """Swaps refs whatever they were."""

    def _change(self, proposal):
        return None


class Short(PathRemote):
    """Returns what there is."""

    def read(self, kind, name, offset, length):
        return super().read(kind, name, offset, max(0, length - 1))


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Trusting, "test_what_is_proposed_is_there"),
        (Careless, "test_a_proposal_on_an_older_state_is_refused"),
        (Short, "test_files_are_read_in_ranges"),
    ],
)
def test_a_broken_remote_does_not_pass(broken, promise, tmp_path):
    class Suite(Directory):
        remote_class = broken

    suite = Suite()
    # The fixtures' functions, called as pytest would.
    remote = suite.make_remote(tmp_path / "remote")
    ours = inspect.unwrap(RemoteContract.ours)(suite, tmp_path)
    test = getattr(suite, promise)
    given = {"remote": remote, "ours": ours, "tmp_path": tmp_path}
    wanted = inspect.signature(test).parameters
    with pytest.raises((AssertionError, MgitError, pytest.fail.Exception)):
        test(**{name: given[name] for name in wanted})
