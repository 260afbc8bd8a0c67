"""The audit as a whole: which checks run at which depth, over what, in which order."""

import os
from dataclasses import dataclass

from mgit.history.commits import CommitRecord
from mgit.history.refs import BRANCH_PREFIX
from mgit.history.repository import Repository
from mgit.history.signing import AllowedSigners
from mgit.verify.against import compare_clones
from mgit.verify.contents import check_arrays
from mgit.verify.damage import DAMAGE, DamageLedger
from mgit.verify.domain import ParticleAudit
from mgit.verify.findings import Level, VerifyReport
from mgit.verify.graph import GraphAudit
from mgit.verify.lineage import check_inputs, check_provenance
from mgit.verify.progress import Progress, bar, silent
from mgit.verify.raw import RawFiles, check_raw
from mgit.verify.references import Start, check_references, starts_of
from mgit.verify.remembered import remembering
from mgit.verify.replay import Replayer, check_replay
from mgit.verify.signatures import check_signatures
from mgit.verify.states import check_owners, check_trailers
from mgit.verify.storage import check_presence, check_stored_bytes, check_structure

__all__ = ["Request", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to check.

    revision: only what this revision reaches; None: everything that refs, HEAD, the operation log
    and the stage reach. level: GRAPH to CONTENT. domain: particles, half-sets and provenance too.
    raw: where raw files are; None leaves them alone. signers: who may sign; None: anybody.
    against: another clone. radius_angstrom: see ParticleAudit.
    replayer: runs the step of `revision`, or of HEAD, again; None: no step is run.
    """

    revision: str | None = None
    level: Level = Level.PRESENCE
    domain: bool = False
    raw: RawFiles | None = None
    signers: AllowedSigners | None = None
    against: Repository | None = None
    radius_angstrom: float | None = None
    replayer: Replayer | None = None


def verify(
    repository: Repository, request: Request, *, progress: Progress = silent
) -> VerifyReport:
    """Check a repository and report everything that is wrong with it.

    Damage is reported, never raised. Raises NotFound if the revision that was asked for does not
    exist; whether the damage is why, an audit without a revision tells.
    """
    repository = remembering(repository)
    ledger = DamageLedger()
    beyond_graph = request.level >= Level.PRESENCE or request.domain
    report = VerifyReport(
        level=Level.DOMAIN if request.domain else request.level, signatures_checked=beyond_graph
    )
    graph = GraphAudit(repository, ledger, report.coverage)
    revision = None if request.revision is None else repository.resolve(request.revision)
    graph.check_packs()
    check_references(repository, ledger)
    starts: list[Start] = (
        starts_of(repository, ledger) if revision is None else [(revision, str(revision), ())]
    )
    graph.walk(starts)
    if beyond_graph:
        check_structure(repository.chunks, ledger)
        check_presence(repository.chunks, graph.arrays.values(), ledger, report.coverage)
    if request.level >= Level.STORED:
        _check_bytes(repository, graph, ledger, report, request, progress)
    if beyond_graph:
        check_owners(graph, ledger)
        check_trailers(repository, graph.commits, ledger)
        check_signatures(graph, ledger, report, request.signers)
    _check_domain(repository, graph, ledger, report, request, progress)
    if request.against is not None:
        compare_clones(repository, request.against, ledger)
    if request.replayer is not None:
        tips = _tips(repository, graph, request)
        # HEAD comes first; without any tip the graph's findings say why.
        report.replay = check_replay(tips[0], request.replayer, ledger) if tips else None
    report.findings = ledger.findings()
    return report


def _check_bytes(
    repository: Repository,
    graph: GraphAudit,
    ledger: DamageLedger,
    report: VerifyReport,
    request: Request,
    progress: Progress,
) -> None:
    store = repository.chunks
    with ledger.watch(level=Level.STORED, kind="store", subject="store"):
        paths = [store.catalogue.segment_path(name) for name in store.segments()]
        total = sum(os.path.getsize(path) for path in paths)
        with bar(progress, "hashing stored bytes", total, "B") as shown:
            check_stored_bytes(store, ledger, report.coverage, advance=shown.advance)
    if request.level >= Level.CONTENT:
        with bar(progress, "decoding arrays", len(graph.arrays), "arrays") as shown:
            check_arrays(repository, graph.arrays, ledger, report.coverage, advance=shown.advance)


def _check_domain(
    repository: Repository,
    graph: GraphAudit,
    ledger: DamageLedger,
    report: VerifyReport,
    request: Request,
    progress: Progress,
) -> None:
    if request.domain:
        check_provenance(graph, ledger)
        check_inputs(repository, graph, ledger)
        particles = ParticleAudit(
            graph, ledger, report.coverage, radius_angstrom=request.radius_angstrom
        )
        with bar(progress, "checking particles", len(graph.commits), "commits") as shown:
            for record in graph.commits.values():
                particles.check(record)
                shown.advance(1)
    if request.raw is not None:
        tips = _tips(repository, graph, request)
        check_raw(graph, tips, request.raw, ledger, report.coverage, progress=progress)


def _tips(repository: Repository, graph: GraphAudit, request: Request) -> list[CommitRecord]:
    """The revision that was asked for, or else HEAD and the tips of all branches."""
    names = [request.revision] if request.revision is not None else ["HEAD"]
    try:
        if request.revision is None:
            names += [name for name in repository.refs.names() if name.startswith(BRANCH_PREFIX)]
    except DAMAGE:
        names = ["HEAD"]  # `check_references` has reported it.
    found = {}
    for name in names:
        try:
            commit = repository.resolve(name)
        except DAMAGE:
            continue  # The same.
        if commit in graph.commits:
            found[commit] = graph.commits[commit]
    return list(found.values())
