"""What work of hours needs: to stop in an orderly way, and to keep its lease alive."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mgit.errors import Leased, StorageFailed
from mgit.history.lease import Lease, branch_lease
from mgit.history.repository import Repository

__all__ = ["branch_held", "stopping_signals"]

RENEW_S = 20.0
LEASE_WAIT_S = 1.0
"""Long enough to break the lease of a process that was killed."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def stopping_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGUSR1 raise KeyboardInterrupt inside the block.

    Outside the main thread, where signals cannot be handled, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def branch_held(repository: Repository, branch: str, *, run: str) -> Iterator[None]:
    """Hold the lease of long work on a branch, renewed as long as the block lasts.

    Raises Leased, which names the holder, when other long work is under way on the branch.
    """
    purpose = {"verb": "refine", "run": run}
    try:
        lease = repository.leases.acquire(
            branch_lease(branch), purpose=purpose, wait_s=LEASE_WAIT_S
        )
    except Leased as error:
        raise Leased(
            f"another refinement of this branch is under way: {error.message}",
            hint="wait for it, or give '--branch NEW' and work beside it",
            **error.fields,
        ) from error
    over = threading.Event()
    thread = threading.Thread(target=_renew, args=(lease, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        lease.release()


def _renew(lease: Lease, over: threading.Event) -> None:
    while not over.wait(RENEW_S):
        try:
            lease.renew()
        except Leased:
            # Whoever broke it moves the branch first; the commit notices that and goes aside.
            return
        except StorageFailed:
            # A share that was away for a moment: the lease outlives two missed heartbeats.
            continue
