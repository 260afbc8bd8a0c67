"""Errors a caller may catch, with a stable kind, data and a hint.

The module is on the start-up path of every verb, so it imports nothing.
Grammar of a message: lower case, no full stop, what failed first, the subject in single quotes.
"""

__all__ = [
    "CodecUnavailable",
    "Collision",
    "Conflict",
    "Corrupt",
    "DeviceFailed",
    "DirtyStage",
    "DiskFull",
    "EmptyCommit",
    "HookRefused",
    "InvalidInput",
    "InvalidState",
    "Leased",
    "MergeConflict",
    "MgitError",
    "NotFound",
    "ReadOnlyStorage",
    "RefMoved",
    "Refused",
    "StorageFailed",
    "Unsupported",
]


class MgitError(Exception):
    """Base of every error a caller may catch. `kind` codes are append-only."""

    kind = "error"
    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = {name: value for name, value in fields.items() if value is not None}
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        details = ", ".join(f"{name} '{value}'" for name, value in self.fields.items())
        return f"{self.message} ({details})" if details else self.message


class NotFound(MgitError):
    """A revision, path, name, file or object that was asked for does not exist."""

    kind = "not-found"


class Conflict(MgitError):
    """Two writers or two sides of a merge disagree."""

    kind = "conflict"


class RefMoved(Conflict):
    """Another writer moved the branch since it was read."""

    kind = "ref-moved"
    hint = "nothing was lost: read the branch again and repeat the change on its new tip"


class MergeConflict(Conflict):
    """Both sides of a merge changed the same path."""

    kind = "merge-conflict"


class Collision(Conflict):
    """Two particles would occupy the same space."""

    kind = "collision"


class Leased(Conflict):
    """Another live process holds the lease that this operation needs."""

    kind = "leased"
    hint = "wait for the other process, or remove its lock if that machine is gone"


class Corrupt(MgitError):
    """Stored bytes do not say what their name or their digest says."""

    kind = "corrupt"
    hint = "run 'mgit verify --deep' to see everything that is affected"


class Refused(MgitError):
    """The request is understood and declined; the message says why."""

    kind = "refused"


class InvalidInput(Refused):
    """A file from outside cannot be read as what it claims to be: names file, field and remedy."""

    kind = "invalid-input"


class InvalidState(Refused):
    """A value breaks an invariant of the population's state."""

    kind = "invalid-state"


class DirtyStage(Refused):
    """Staged changes are in the way."""

    kind = "dirty-stage"
    hint = (
        "run 'mgit commit -m MESSAGE' to keep the staged changes "
        "or 'mgit restore --staged' to drop them"
    )


class EmptyCommit(Refused):
    """The commit would not change the state."""

    kind = "empty-commit"


class HookRefused(Refused):
    """A local hook declined the operation."""

    kind = "hook-refused"
    hint = "see the hook's message above; '--no-verify' skips hooks"


class Unsupported(MgitError):
    """The format or term is newer or other than this version can apply."""

    kind = "unsupported"


class CodecUnavailable(Unsupported):
    """A stored object uses a codec this version does not know."""

    kind = "codec-unavailable"


class DeviceFailed(MgitError):
    """A device stopped computing; nothing was written."""

    kind = "device-failed"


class StorageFailed(MgitError):
    """The file system or a remote failed; trying again may succeed."""

    kind = "storage-failed"


class DiskFull(StorageFailed):
    """No space is left; nothing that existed was changed."""

    kind = "disk-full"
    hint = "free some space and repeat the command: nothing that existed was changed"


class ReadOnlyStorage(StorageFailed):
    """The repository cannot be written by this user."""

    kind = "read-only"
    hint = "check the permissions and the mount options of the directory"
