"""The work of `mgit refine` between its options and its commits; it imports torch."""

import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgit.cli.console import Console
from mgit.cli.context import environment, signature
from mgit.cli.exit_codes import ExitCode
from mgit.cli.raw_files import DigestedFiles
from mgit.cli.refinement_record import message_of, recorded
from mgit.cli.render.refinement import (
    round_record,
    tell_null_tests,
    tell_plan,
    tell_round,
)
from mgit.errors import DiskFull, RefMoved
from mgit.history.draft import Draft
from mgit.history.operations import Change as RefChange
from mgit.history.repository import Repository
from mgit.history.transaction import PayloadSigner
from mgit.refine.checkpoint import Checkpoint, RoundFiles
from mgit.refine.inputs import ReferenceSet
from mgit.refine.null_test import NullTest, null_results, null_test
from mgit.refine.plan import bind
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.reconstruct_item import Budget
from mgit.refine.refine_items import refine_work
from mgit.refine.refine_plan import RefinePlan, plan_refinement
from mgit.refine.refine_run import Round, finish_round, references_of
from mgit.refine.settings import RefineSettings
from mgit.refine.workers import run_workers
from mgit.state.digests import seal

__all__ = [
    "Course",
    "Done",
    "aside_ref",
    "finished",
    "plan_of",
    "refine_rounds",
    "refined",
    "tell_done",
]

ASIDE = "refs/mgit/refine/"
NULL = "refs/mgit/null/"
DISK_MARGIN = 1.5
Bound = Mapping[str, tuple[BoundFile, ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A refinement to be run.

    steps: settings of every round. branch: short name or full ref that moves; None where HEAD
    points. workers: processes; 1 stays in this one.
    """

    repository: Repository
    checkpoint: Checkpoint
    steps: tuple[RefineSettings, ...]
    branch: str | None
    workers: int
    force: bool
    null: bool
    signer: PayloadSigner | None

    @property
    def threads(self) -> int:
        """Of a worker."""
        return self.steps[0].threads


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Done:
    """One round that became a commit. aside: the ref that holds it instead of the branch.

    tests: the round repeated on noise, where that was asked for.
    """

    commit: str
    state: str
    subject: str
    result: Round
    aside: str | None
    code: ExitCode
    tests: tuple[NullTest, ...] = ()


def aside_ref(checkpoint: Checkpoint, number: int) -> str:
    """Where the result of a round is kept when the branch does not take it."""
    return f"{ASIDE}{checkpoint.request.id}-{number}"


def refine_rounds(
    course: Course, console: Console, *, done: int, parent: str, branch: str
) -> list[Done]:
    """Run the rounds after the first `done`, the next one from `parent`; one commit each.

    branch: the one that moves, in words, for the line that names the commit of each round.
    Stops after a round that the branch did not take. Raises what planning, binding, refining and
    committing raise; finished items stay in the checkpoint then.
    """
    found: list[Done] = []
    for number in range(done + 1, len(course.steps) + 1):
        settings = course.steps[number - 1]
        plan = plan_of(course, parent, settings)
        title = f"round {number} of {len(course.steps)}"
        with console.progress("checking raw files", total=None, unit="files") as bar:
            bound = bind(plan.species, DigestedFiles(course.repository), advance=bar.advance)
        references = references_of(plan.species, settings)
        tell_plan(plan, references, console, title=title)
        _refuse_full_disk(course, plan, references)
        results = refined(course, plan, references, bound, console, number=number, parent=parent)
        outcome = _committed(
            course, plan, results, references, bound, console, number=number, parent=parent
        )
        tell_round(outcome.result, console, title=title)
        console.out(f"[{outcome.aside or branch} {outcome.commit[:10]}] {outcome.subject}")
        found.append(outcome)
        if outcome.code != ExitCode.OK:
            break
        parent = outcome.commit
    course.checkpoint.remove()
    return found


def tell_done(found: Sequence[Done], console: Console, *, branch: str) -> ExitCode:
    """Where the branch did not take the last commit, what to do about it; all as JSON."""
    last = found[-1]
    if last.code == ExitCode.CONFLICT:
        console.warning(
            f"'{branch}' moved meanwhile; the result is kept: 'mgit merge {last.aside}' takes it in"
        )
    if last.code == ExitCode.WORSE:
        fallen = ", ".join(f"{each.measure} of {each.species}" for each in last.result.worse)
        why = f"{fallen} fell beyond its noise" if fallen else "no series improved"
        console.warning(
            f"'{branch}' stays as it was: {why}; "
            f"see 'mgit diff {branch} {last.aside}', take it all the same with "
            f"'mgit merge {last.aside}', or refine fewer parameters"
        )
    console.json(
        {
            "rounds": [
                {
                    "commit": each.commit,
                    "state": each.state,
                    "aside": each.aside,
                    **round_record(each.result, each.tests),
                }
                for each in found
            ]
        }
    )
    return last.code


def plan_of(course: Course, parent: str, settings: RefineSettings) -> RefinePlan:
    """The plan of a round over the tree of a commit."""
    request = course.checkpoint.request
    snapshot = course.repository.snapshot(parent)
    return plan_refinement(snapshot, settings, species=request.species, sources=request.sources)


def refined(
    course: Course,
    plan: RefinePlan,
    references: tuple[ReferenceSet, ...],
    bound: Bound,
    console: Console,
    *,
    number: int,
    parent: str,
) -> RoundFiles:
    """Refine every item of the plan that has no result yet; returns where the results are."""
    files = course.checkpoint.round(number)
    names = [work.key for work in plan.works]
    kept = sum(files.done(name) for name in names)
    if kept:
        console.note(f"going on with {kept} of {len(names)} series that are done already")
    images = {name: work.images for name, work in zip(names, plan.works, strict=True)}
    missing = [name for name in names if not files.done(name)]
    with console.progress(
        "refining", total=sum(images[name] for name in missing), unit="images"
    ) as bar:
        if not missing or plan.settings.iterations == 0:
            return files
        if course.workers == 1:
            for name, work in zip(names, plan.works, strict=True):
                if name in missing:
                    files.write(name, refine_work(plan, work, references, bound))
                    bar.advance(images[name])
            return files
        job = {
            "repository": str(Path(course.repository.layout.root).resolve()),
            "commit": parent,
            "settings": plan.settings.as_text(),
            "threads": course.threads,
            "species": list(course.checkpoint.request.species),
            "sources": list(course.checkpoint.request.sources),
        }
        files.write_job(job, references, bound)
        token = secrets.token_hex(8)
        run_workers(
            files,
            missing,
            command=[
                sys.executable, "-m", "mgit.cli.refine_worker", str(files.directory), token,
            ],
            environment=environment(),
            count=course.workers,
            advance=lambda name: bar.advance(images[name]),
        )  # fmt: skip
    return files


def finished(
    course: Course,
    draft: Draft,
    plan: RefinePlan,
    files: RoundFiles,
    bound: Bound,
    console: Console,
) -> Round:
    """The results of a round in a draft of the tree to come, reconstructed and judged."""
    works = plan.works if plan.settings.iterations else ()
    total = sum(each.images for each in plan.species)
    with console.progress("reconstructing", total=total, unit="images") as bar:
        return finish_round(
            draft,
            plan,
            [(work, files.read(work.key)) for work in works],
            bound=bound,
            budget=Budget(
                threads=course.threads * course.workers,
                device=plan.settings.device,
                advance=bar.advance,
            ),
            seal=lambda: seal(draft, draft.touched_paths()),
        )


def _committed(
    course: Course,
    plan: RefinePlan,
    files: RoundFiles,
    references: tuple[ReferenceSet, ...],
    bound: Bound,
    console: Console,
    *,
    number: int,
    parent: str,
) -> Done:
    repository = course.repository
    aside, code = None, ExitCode.OK
    with repository.transaction(verb="refine", branch=course.branch, parents=(parent,)) as change:
        result = finished(course, change.draft, plan, files, bound, console)
        tests: tuple[NullTest, ...] = ()
        if course.null:
            tests = _null_tested(course, result, references, bound, console, parent=parent)
            tell_null_tests(tests, console)
        if (result.worse or not result.moved) and not course.force:
            aside, code = aside_ref(course.checkpoint, number), ExitCode.WORSE
            change.divert(aside)
        message = course.checkpoint.request.message or message_of(result, number, len(course.steps))
        who = signature(repository.layout.control)
        record = recorded(course.checkpoint.request, result, tests, number=number)
        try:
            made = change.commit(message=message, who=who, provenance=record, sign=course.signer)
            commit, state = made.id, made.state
        except RefMoved as error:
            if "commit" not in error.fields:
                raise
            commit = str(error.fields["commit"])
            state = repository.commit(commit).state
            aside, code = aside_ref(course.checkpoint, number), ExitCode.CONFLICT
            repository.operations.perform(
                RefChange(refs={aside: (repository.refs.get(aside), commit)}),
                verb="refine", message=message, who=who,
            )  # fmt: skip
    return Done(
        commit=commit,
        state=state or "",
        subject=message.splitlines()[0],
        result=result,
        aside=aside,
        code=code,
        tests=tests,
    )


def _null_tested(
    course: Course,
    result: Round,
    references: tuple[ReferenceSet, ...],
    bound: Bound,
    console: Console,
    *,
    parent: str,
) -> tuple[NullTest, ...]:
    """The round again with noise in place of images, in a draft that nobody keeps."""
    plan = result.plan
    images = sum(work.images for work in plan.works)
    with console.progress("null test: refining noise", total=images, unit="images") as bar:
        null = null_results(plan, references, bound, advance=bar.advance)
    reference = f"{NULL}{course.checkpoint.request.id}"
    total = 3 * sum(each.images for each in plan.species)
    with (
        course.repository.transaction(verb="refine", branch=reference, parents=(parent,)) as change,
        console.progress("null test: reconstructing", total=total, unit="images") as bar,
    ):
        return tuple(
            null_test(
                change.draft,
                plan,
                null,
                result.maps,
                references,
                bound=bound,
                budget=Budget(threads=course.threads * course.workers, advance=bar.advance),
                seal=lambda: seal(change.draft, change.draft.touched_paths()),
            )
        )


def _refuse_full_disk(course: Course, plan: RefinePlan, references: Sequence[ReferenceSet]) -> None:
    """Before any work: maps, tables, references and results must fit."""
    maps = sum(2 * 4 * each.grid.box**3 for each in plan.species)
    tables = sum(100 * len(each.particles) for each in plan.species)
    volumes = sum(each.references.first.nbytes * 2 for each in references)
    needed = int(DISK_MARGIN * (maps + tables + volumes * (course.workers > 1)))
    place = course.repository.layout.control
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DiskFull(
            "the disk is too full for the result of a refinement",
            hint="make room before it begins: nothing was done yet",
            directory=place,
            free_mb=free // 1_000_000,
            needed_mb=needed // 1_000_000 + 1,
        )
