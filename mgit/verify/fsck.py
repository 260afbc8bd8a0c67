"""Care for the files of a repository: what is damaged, what can be made again, what lies about.

Nothing that holds data is removed or rewritten. The index follows from the footers of the segments
and the caches from the graph; those are made again, everything else is only named.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mgit.history.cache_file import unreadable_bytes
from mgit.history.lease import Holder
from mgit.history.repository import Repository
from mgit.store.checks import orphans
from mgit.store.files import TEMPORARY_PREFIX
from mgit.verify.damage import DAMAGE, DamageLedger
from mgit.verify.findings import Coverage, Finding, Level
from mgit.verify.graph import GraphAudit
from mgit.verify.references import check_references
from mgit.verify.storage import check_structure

__all__ = ["FilesReport", "check_files", "repair"]

UNFINISHED = ".mgit-init-"
"""Begin of the name of a repository that a crash kept from being finished."""

CACHES = ("commits", "roots", "states")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesReport:
    """What a look at the files found.

    findings: damage. orphans: files that nothing uses: temporary files of processes that died or
    are at work, packs without an index. locks: lease and ref lock files, with who holds them.
    All paths are relative to the repository's directory.
    """

    findings: tuple[Finding, ...]
    orphans: tuple[str, ...]
    locks: tuple[tuple[str, str], ...]
    files: int
    size_bytes: int

    @property
    def damaged(self) -> int:
        """How many findings are damage."""
        return sum(finding.severity != "note" for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Whether nothing is damaged; notes, orphans and locks are no damage."""
        return self.damaged == 0


def check_files(repository: Repository) -> FilesReport:
    """Look at segments, index, packs, operation log, refs, stage, locks and temporary files.

    What the files say about the population is `mgit.verify.audit`'s business.
    """
    ledger = DamageLedger()
    GraphAudit(repository, ledger, Coverage()).check_packs()
    check_references(repository, ledger)
    with ledger.watch(level=Level.GRAPH, kind="stage", subject="index"):
        repository.stage.read()
    check_structure(repository.chunks, ledger)
    _check_caches(repository, ledger)
    paths = list(_files_below(repository.layout.control))
    return FilesReport(
        findings=tuple(ledger.findings()),
        orphans=tuple(sorted(_relative(repository, each) for each in _orphans(repository, paths))),
        locks=tuple(sorted(_locks(repository, paths))),
        files=len(paths),
        size_bytes=sum(os.path.getsize(path) for path in paths if os.path.exists(path)),
    )


def repair(repository: Repository) -> tuple[str, ...]:
    """Make the index and the caches again; what was done, one line each. Removes nothing else."""
    done = []
    repository.chunks.rebuild_index()
    names = repository.chunks.catalogue.index_names()
    done.append(f"made the chunk index again from {len(repository.chunks.segments())} footers")
    done += [f"wrote store/index/{name}" for name in names]
    for name in CACHES:
        path = os.path.join(repository.layout.cache, name)
        if repository.files.exists(path):
            repository.files.remove(path)
            done.append(f"dropped cache/{name}: it fills again by itself")
    return tuple(done)


def _check_caches(repository: Repository, ledger: DamageLedger) -> None:
    for name in CACHES:
        count = unreadable_bytes(os.path.join(repository.layout.cache, name))
        if count:
            finding = Finding(
                level=Level.GRAPH,
                kind="cache",
                subject=f"cache/{name}",
                message=f"{count:,} bytes belong to no whole entry; they are passed over",
                severity="note",
                hint="'mgit fsck --repair' drops the cache; it fills again by itself",
            )
            ledger.add(finding)


def _files_below(directory: str) -> Iterator[str]:
    for folder, _, names in os.walk(directory):
        yield from (os.path.join(folder, name) for name in sorted(names))


def _orphans(repository: Repository, paths: list[str]) -> set[str]:
    found = set(orphans(repository.chunks))
    for name in repository.files.listing(repository.layout.root):
        if name.startswith(UNFINISHED):
            found.add(os.path.join(repository.layout.root, name))
    there = set(paths)
    incoming = repository.layout.incoming + os.sep
    found.update(path for path in paths if path.startswith(incoming))
    for path in paths:
        stem, ending = os.path.splitext(path)
        pair = {".pack": ".idx", ".idx": ".pack"}.get(ending)
        in_packs = os.path.dirname(path).endswith(os.path.join("objects", "pack"))
        if os.path.basename(path).startswith(TEMPORARY_PREFIX) or (
            in_packs and pair is not None and stem + pair not in there
        ):
            found.add(path)
    return found


def _locks(repository: Repository, paths: list[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        below_git = path.startswith(repository.layout.git + os.sep)
        if path.startswith(repository.layout.locks + os.sep):
            yield _relative(repository, path), _holder(repository, path)
        elif below_git and path.endswith(".lock"):
            yield _relative(repository, path), "a lock of Git or of a process that died"


def _holder(repository: Repository, path: str) -> str:
    try:
        holder = Holder.decode(repository.files.read(path))
    except DAMAGE:
        return "released meanwhile"
    if holder is None:
        return "cannot be read: its holder died while taking it, or the file is damaged"
    return f"process {holder.process.pid} on '{holder.process.host}'"


def _relative(repository: Repository, path: str) -> str:
    return os.path.relpath(path, repository.layout.control)
