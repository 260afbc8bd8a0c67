"""Leases of long work: kept alive through what passes, given up when they are gone."""

import threading

import pytest

from mgit.cli import long_work
from mgit.errors import Leased, StorageFailed


class Flaky:
    """A lease that raises these in turn when it is renewed; then it stops the renewal."""

    def __init__(self, *errors):
        self.errors, self.renewed, self.over = list(errors), 0, threading.Event()

    def renew(self):
        self.renewed += 1
        if self.errors:
            raise self.errors.pop(0)
        self.over.set()


@pytest.mark.parametrize(
    ("errors", "renewed"),
    [((), 1), ((StorageFailed("away"), StorageFailed("away")), 3), ((Leased("broken"),), 1)],
)
def test_a_lease_is_renewed_until_it_is_broken_though_the_share_is_away_at_times(
    monkeypatch, errors, renewed
):
    monkeypatch.setattr(long_work, "RENEW_S", 0.001)
    lease = Flaky(*errors)
    long_work._renew(lease, lease.over)
    assert lease.renewed == renewed
