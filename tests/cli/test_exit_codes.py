"""One table maps errors to exit codes."""

import pytest

from mgit import errors
from mgit.cli.exit_codes import MEANINGS, ExitCode, exit_code_of

EXPECTED = {
    "Refused": 1,
    "InvalidInput": 1,
    "InvalidState": 1,
    "DirtyStage": 1,
    "EmptyCommit": 1,
    "HookRefused": 1,
    "Unsupported": 1,
    "CodecUnavailable": 1,
    "MgitError": 1,
    "DeviceFailed": 1,
    "Conflict": 3,
    "RefMoved": 3,
    "MergeConflict": 3,
    "Collision": 3,
    "Leased": 3,
    "Corrupt": 4,
    "NotFound": 5,
    "StorageFailed": 6,
    "DiskFull": 6,
    "ReadOnlyStorage": 6,
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_the_code_of_its_group(name):
    assert exit_code_of(getattr(errors, name)("it failed")) == EXPECTED[name]


def test_every_code_has_a_meaning():
    assert [code for code, _ in MEANINGS] == sorted(ExitCode)
