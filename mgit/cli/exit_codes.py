"""The exit codes of mgit: the one table that maps errors to numbers."""

from enum import IntEnum  # argparse has imported enum already: no cost at start-up

from mgit.errors import (
    Conflict,
    Corrupt,
    MgitError,
    NotFound,
    Refused,
    StorageFailed,
    Unsupported,
)

__all__ = ["MEANINGS", "ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """What the process tells its caller."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    CONFLICT = 3
    CORRUPT = 4
    NOT_FOUND = 5
    STORAGE = 6
    WORSE = 7
    BUG = 70
    INTERRUPTED = 130


MEANINGS = (
    (ExitCode.OK, "ok"),
    (ExitCode.REFUSED, "refused: the message says why"),
    (ExitCode.USAGE, "usage: the command line is not understood"),
    (ExitCode.CONFLICT, "conflict, collision or lost race"),
    (ExitCode.CORRUPT, "corrupt: stored bytes do not match their names"),
    (ExitCode.NOT_FOUND, "not found"),
    (ExitCode.STORAGE, "storage or remote failed; trying again may succeed"),
    (ExitCode.WORSE, "got worse or took no step; the result is kept aside"),
    (ExitCode.BUG, "a bug in mgit"),
    (ExitCode.INTERRUPTED, "interrupted"),
)

# Subclasses share the code of their group, so the order does not matter: the groups are disjoint.
_CODES: tuple[tuple[type[MgitError], ExitCode], ...] = (
    (Refused, ExitCode.REFUSED),
    (Unsupported, ExitCode.REFUSED),
    (Conflict, ExitCode.CONFLICT),
    (Corrupt, ExitCode.CORRUPT),
    (NotFound, ExitCode.NOT_FOUND),
    (StorageFailed, ExitCode.STORAGE),
)


def exit_code_of(error: MgitError) -> ExitCode:
    """The exit code of an error; one outside every group is a refusal."""
    for group, code in _CODES:
        if isinstance(error, group):
            return code
    return ExitCode.REFUSED
