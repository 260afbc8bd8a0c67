"""Level 4: raw files on this machine against the digests that the items record."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from mgit.history.commits import CommitRecord
from mgit.state.population import Population
from mgit.state.raw import RawEntry
from mgit.state.series import Item
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage, Finding, Level
from mgit.verify.graph import GraphAudit, Place
from mgit.verify.progress import Progress, bar, silent

__all__ = ["RawContent", "RawFiles", "check_raw"]


class RawContent(Protocol):
    """What a raw file is, as it was just read."""

    @property
    def size_bytes(self) -> int:
        """Length of the file."""
        ...

    @property
    def quick(self) -> str:
        """Quick digest, `b3:<hex>`."""
        ...

    @property
    def full(self) -> str | None:
        """Digest of the whole file, `b3:<hex>`."""
        ...


class RawFiles(Protocol):
    """The raw files that are linked on this machine; the command line hands them in."""

    def locate(self, source: str, path: str) -> str | None:
        """The file that a manifest of a source calls `path`, None if it is not here."""
        ...

    def read(self, place: str) -> RawContent:
        """Read a whole file, whatever is remembered of it. Raises NotFound or InvalidInput."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What one item of one commit says of one file."""

    item: str
    source: str
    commit: str
    entry: RawEntry


def check_raw(
    graph: GraphAudit,
    tips: Iterable[CommitRecord],
    raw: RawFiles,
    ledger: DamageLedger,
    coverage: Coverage,
    *,
    progress: Progress = silent,
) -> None:
    """Re-read every raw file of the given commits that is here and compare it.

    Items that record no digest are counted and noted as unverified; files that are not on this
    machine are counted.
    """
    places: dict[str, list[_Claim]] = {}
    for claim in _claims(graph, tips, ledger, coverage):
        with ledger.watch(
            level=Level.DOMAIN, kind="raw-unreadable", subject=claim.entry.path, severity="suspect"
        ):
            place = raw.locate(claim.source, claim.entry.path)
            if place is None:
                coverage.raw_files_absent += 1
            else:
                places.setdefault(place, []).append(claim)
    with bar(progress, "reading raw files", len(places), "files") as shown:
        for place, claims in places.items():
            with ledger.watch(
                level=Level.DOMAIN, kind="raw-unreadable", subject=place, severity="suspect"
            ):
                content = raw.read(place)
                coverage.raw_files += 1
                coverage.bytes_read += content.size_bytes
                for claim in claims:
                    _compare(place, claim, content, ledger)
            shown.advance(1)


def _claims(
    graph: GraphAudit, tips: Iterable[CommitRecord], ledger: DamageLedger, coverage: Coverage
) -> Iterator[_Claim]:
    seen: set[tuple[str, RawEntry]] = set()
    for record in tips:
        unbound = []
        for source, item in _items(graph, record, ledger):
            if item.binding == "unbound":
                unbound.append(item.name)
            for entry in item.raw:
                if entry.digest is None and entry.quick is None:
                    continue
                if (source, entry) not in seen:
                    seen.add((source, entry))
                    yield _Claim(item=item.name, source=source, commit=record.id, entry=entry)
        coverage.items_unbound += len(unbound)
        if unbound:
            finding = Finding(
                level=Level.DOMAIN,
                kind="raw-unverified",
                subject=f"{len(unbound)} items in {record.id[:10]}",
                message="unverified: they record no digest of their raw data: "
                + ", ".join(unbound[:3])
                + (", ..." if len(unbound) > 3 else ""),
                severity="note",
                commit=record.id,
                hint="'mgit source link NAME DIR' binds a source to its raw data",
            )
            ledger.add(finding)


def _items(
    graph: GraphAudit, record: CommitRecord, ledger: DamageLedger
) -> Iterator[tuple[str, Item]]:
    found: list[tuple[str, Item]] = []
    place = Place(commit=record.id, tree=record.tree, path="")
    with ledger.watch(
        level=Level.DOMAIN, kind="items-unreadable", subject=f"items in {record.id[:10]}"
    ):
        for source in Population(graph.snapshot(place)).sources():
            found += [(source.name, item) for item in source.items()]
    yield from found


def _compare(place: str, claim: _Claim, content: RawContent, ledger: DamageLedger) -> None:
    entry = claim.entry
    if entry.size is not None and entry.size != content.size_bytes:
        message = f"the file has {content.size_bytes} bytes, not {entry.size}"
    elif entry.digest is not None and entry.digest != content.full:
        message = f"the file's digest is {content.full}, not {entry.digest}"
    elif entry.digest is None and entry.quick != content.quick:
        message = f"the file's quick digest is {content.quick}, not {entry.quick}"
    else:
        return
    finding = Finding(
        level=Level.DOMAIN,
        kind="raw-file",
        subject=place,
        message=f"{message}: it is raw data ({entry.role}) of item '{claim.item}' "
        f"of source '{claim.source}'",
        commit=claim.commit,
        hint="restore the file from a copy; the digest is what 'b3sum' prints",
    )
    ledger.add(finding)
