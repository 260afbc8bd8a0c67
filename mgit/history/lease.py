"""Leases: locks that name their holder and outlive neither its process nor its heartbeat.

A lease is one file that is created exclusively (docs/format/history.md, section 4), so it works on
file systems where advisory locks do not. The file says who holds it and for what; whoever finds
the holder dead may break it, and learns what the dead process was about.
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from mgit.digest import canonical_bytes, short_id
from mgit.errors import InvalidInput, Leased, NotFound
from mgit.store.files import Files

__all__ = ["Holder", "Lease", "LeaseDirectory", "Process", "branch_lease", "this_process"]

LEASE_FORMAT = 1
HEARTBEAT_EXPIRES_S = 60  # a holder on another machine renews at least every third of this
TORN_EXPIRES_S = 2.0  # a lease file that cannot be read is a crash in the making of it
WAIT_FIRST_S = 0.002
WAIT_LONGEST_S = 0.05
_BROKEN = ".broken-"
_BREAKING = ".breaking-"
_NAME_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Identity of a process that survives the reuse of its number.

    boot: boot id of the kernel and the process-number namespace, '' where the system has neither.
    started: the process's start time in the kernel's own count, '' where unknown.
    """

    host: str
    pid: int
    boot: str
    started: str

    def is_gone(self, observer: "Process") -> bool | None:
        """Whether the process has ended, as `observer` can tell; None if it cannot know."""
        if not self.boot or (self.host, self.boot) != (observer.host, observer.boot):
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return _started(self.pid) not in ("", self.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Content of a lease file.

    token: 32 hex digits, unique to this one taking of the lease.
    heartbeat_s: Unix time of the last renewal, whole seconds.
    purpose: what the holder is about to do, for whoever finds it dead.
    """

    process: Process
    token: str
    heartbeat_s: int
    purpose: Mapping[str, Any]

    def encode(self) -> bytes:
        """Canonical bytes of the lease file."""
        record = {"format": LEASE_FORMAT, **asdict(self.process), "token": self.token}
        return canonical_bytes(
            {**record, "heartbeat_s": self.heartbeat_s, "purpose": dict(self.purpose)}
        )

    @classmethod
    def decode(cls, content: bytes) -> "Holder | None":
        """Read a lease file; None if it is torn."""
        try:
            record = json.loads(content)
            process = Process(
                host=str(record["host"]),
                pid=int(record["pid"]),
                boot=str(record["boot"]),
                started=str(record["started"]),
            )
            return cls(
                process=process,
                token=str(record["token"]),
                heartbeat_s=int(record["heartbeat_s"]),
                purpose=dict(record["purpose"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


def branch_lease(branch: str) -> str:
    """Name of the lease that long work on a branch holds, e.g. a refinement.

    Branch names may hold '/' and letters of any script, so a digest stands for them.
    """
    return "branch-" + short_id("mgit branch lease v1", branch.encode()).hex()


def this_process() -> Process:
    """Identity of the calling process."""
    boot = _first_line("/proc/sys/kernel/random/boot_id")
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    pid = os.getpid()
    return Process(
        host=socket.gethostname(),
        pid=pid,
        boot=f"{boot} {namespace}".strip(),
        started=_started(pid),
    )


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as stream:
            return stream.readline().strip()
    except OSError:
        return ""


def _started(pid: int) -> str:
    # The command name, field 2, may hold spaces and brackets; start time is field 22.
    fields = _first_line(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


class Lease:
    """One lease that this process holds, until `release`."""

    def __init__(self, directory: "LeaseDirectory", *, path: str, holder: Holder) -> None:
        self._directory = directory
        self._path = path
        self._holder = holder

    @property
    def token(self) -> str:
        """What tells this taking of the lease from every other."""
        return self._holder.token

    def renew(self) -> None:
        """Write a new heartbeat. Raises Leased if the lease was broken meanwhile."""
        self._holder = self._directory.rewrite(self._path, self._holder)

    def release(self) -> None:
        """Give the lease back; a lease that another process broke meanwhile is left alone."""
        self._directory.drop(self._path, self._holder)


class LeaseDirectory:
    """Every lease of one repository: files `<name>` in one directory."""

    def __init__(
        self,
        path: str,
        files: Files,
        *,
        process: Process | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._files = files
        self._process = process
        self._clock = clock
        self._sleep = sleep

    @contextmanager
    def held(
        self, name: str, *, purpose: Mapping[str, Any], wait_s: float = 10.0
    ) -> Iterator[Lease]:
        """Hold the lease `name` for the length of a `with` block. Raises Leased."""
        lease = self.acquire(name, purpose=purpose, wait_s=wait_s)
        try:
            yield lease
        finally:
            lease.release()

    def acquire(self, name: str, *, purpose: Mapping[str, Any], wait_s: float = 10.0) -> Lease:
        """Take the lease `name`, waiting up to `wait_s` seconds for a living holder.

        Raises Leased, which names the holder, when the time is up.
        """
        path = os.path.join(self._path, _checked(name))
        deadline_s = self._clock() + wait_s
        pause_s = WAIT_FIRST_S
        self._files.make_directory(self._path)
        while True:
            holder = self._new_holder(purpose)
            if self._files.create_exclusive(path, holder.encode()):
                return Lease(self, path=path, holder=holder)
            if self._clock() >= deadline_s:
                raise self._leased(name, path)
            if not self._break_if_dead(name, path):
                self._sleep(pause_s)
                pause_s = min(2 * pause_s, WAIT_LONGEST_S)

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease `name`, None if it is free or its file is torn."""
        return self._read(os.path.join(self._path, _checked(name)))

    def broken(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Leases `name` that were broken and not yet cleared: (file, purpose of the dead holder).

        The purpose is empty where the holder died while it took the lease. Call while holding
        `name`: clear what the dead process left, then `forget` the file.
        """
        prefix = _checked(name) + _BROKEN
        names = [entry for entry in self._files.listing(self._path) if entry.startswith(prefix)]
        paths = [os.path.join(self._path, entry) for entry in names]
        holders = [self._read(path) for path in paths]
        return [
            (path, {} if holder is None else holder.purpose)
            for path, holder in zip(paths, holders, strict=True)
        ]

    def forget(self, broken: str) -> None:
        """Remove the file of a broken lease whose traces are cleared."""
        self._files.remove(broken)

    def rewrite(self, path: str, holder: Holder) -> Holder:
        """Renew a heartbeat; for `Lease.renew`."""
        found = self._read(path)
        if found is None or found.token != holder.token:
            raise Leased("the lease was broken by another process", file=path)
        renewed = replace(holder, heartbeat_s=int(self._clock()))
        self._files.replace(path, renewed.encode())
        return renewed

    def drop(self, path: str, holder: Holder) -> None:
        """Remove a lease file if it is still `holder`'s; for `Lease.release`."""
        found = self._read(path)
        if found is not None and found.token == holder.token:
            self._files.remove(path)

    def _new_holder(self, purpose: Mapping[str, Any]) -> Holder:
        process = self._process or this_process()
        return Holder(
            process=process,
            token=secrets.token_hex(16),
            heartbeat_s=int(self._clock()),
            purpose=purpose,
        )

    def _read(self, path: str) -> Holder | None:
        try:
            return Holder.decode(self._files.read(path))
        except NotFound:
            return None

    def _is_dead(self, path: str, holder: Holder | None) -> bool:
        now_s = self._clock()
        if holder is None:
            return now_s - _changed_s(path, now_s) > TORN_EXPIRES_S
        # What the kernel of this machine says about a process beats any clock.
        gone = holder.process.is_gone(self._process or this_process())
        return now_s - holder.heartbeat_s > HEARTBEAT_EXPIRES_S if gone is None else gone

    def _break_if_dead(self, name: str, path: str) -> bool:
        """Move a dead holder's file aside; True if the lease may be free."""
        if not self._files.exists(path):
            return True
        holder = self._read(path)
        if not self._is_dead(path, holder):
            return False
        token = "torn" if holder is None else holder.token
        # Breaking is itself leased, under a name that holds the dead token, so that nobody who
        # judged the old holder dead can move away the file of the next, living one.
        with self.held(f"{name}{_BREAKING}{token}"[-_NAME_LONGEST:], purpose={}):
            found = self._read(path)
            same = found is None if holder is None else found is not None and found.token == token
            if same and self._files.exists(path) and self._is_dead(path, found):
                unique = secrets.token_hex(8) if holder is None else token
                self._files.rename(path, f"{path}{_BROKEN}{unique}")
        return True

    def _leased(self, name: str, path: str) -> Leased:
        holder = self._read(path)
        if holder is None:
            return Leased(f"the lease '{name}' is being taken by another process", file=path)
        return Leased(
            f"process {holder.process.pid} on '{holder.process.host}' holds the lease '{name}'",
            since=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(holder.heartbeat_s)) + " UTC",
            file=path,
        )


def _checked(name: str) -> str:
    allowed = all(character.isalnum() or character in "._-" for character in name)
    if not name or name.startswith(".") or not allowed:
        raise InvalidInput(f"'{name}' cannot name a lease")
    return name


def _changed_s(path: str, now_s: float) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return now_s
