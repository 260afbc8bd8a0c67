"""The step of a commit run again for `mgit verify --replay`; it imports torch."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from mgit.cli.console import Console
from mgit.cli.context import core_count
from mgit.cli.long_work import stopping_signals
from mgit.cli.raw_files import DigestedFiles, computing_versions
from mgit.cli.reconstruction import reconstructed
from mgit.cli.refinement import Course, finished, plan_of, refined
from mgit.cli.render.refinement import tell_plan
from mgit.curate.provenance import provenance
from mgit.digest import StateDigest
from mgit.errors import InvalidInput, NotFound, Refused, Unsupported
from mgit.history.commits import CommitRecord
from mgit.history.draft import Draft
from mgit.history.rehearsal import Rehearsal
from mgit.history.repository import Repository
from mgit.refine.accelerator import accelerator, chosen_device, device_facts
from mgit.refine.checkpoint import Checkpoint, Request
from mgit.refine.plan import bind, plan_reconstruction
from mgit.refine.refine_run import references_of
from mgit.refine.replay import Replay, compare
from mgit.refine.run import write_reconstruction
from mgit.refine.settings import RefineSettings
from mgit.survey.commits import provenance_of
from mgit.verify.findings import Replayed
from mgit.verify.replay import Replayer

__all__ = ["replayer_of"]

NOT_POSSIBLE = (NotFound, Refused, Unsupported)
"""What keeps a step from being run here; damage and failures of the machine are no such thing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Step:
    """What a commit says was done, and with how much of this machine it is done again."""

    repository: Repository
    commit: CommitRecord
    told: Mapping[str, Any]
    console: Console
    workers: int
    threads: int

    @property
    def parent(self) -> str:
        return self.commit.parents[0]

    def setting(self, name: str, kind: type) -> Any:
        """A recorded setting. Raises InvalidInput for one that is not there, or is no `kind`."""
        settings = self.told.get("settings")
        found = settings.get(name) if isinstance(settings, dict) else None
        if not isinstance(found, kind):
            raise InvalidInput("the provenance does not say how it was done", setting=name)
        return found

    def names(self, setting: str) -> tuple[str, ...]:
        """A recorded list of names. Raises InvalidInput as `setting` does."""
        return tuple(str(each) for each in self.setting(setting, list))


def replayer_of(
    repository: Repository, console: Console, *, workers: int = 1, threads: int | None = None
) -> Replayer:
    """Runs the step of a commit again and compares; no result depends on workers and threads.

    threads: of each worker; None shares the cores of the machine. Raises InvalidInput for less
    than one of either. What it returns raises Corrupt for damage, and what refining raises when
    the machine fails.
    """
    each = threads if threads is not None else max(1, core_count() // max(1, workers))
    if workers < 1 or each < 1:
        raise InvalidInput(
            "at least one worker and one thread are needed", workers=workers, threads=each
        )

    def replay(commit: CommitRecord) -> Replayed:
        told = _told(repository, commit)
        step = _Step(
            repository=repository,
            commit=commit,
            told=told,
            console=console,
            workers=workers,
            threads=each,
        )
        verb = str(told["verb"]) if "verb" in told else None
        try:
            run = _runner(step, verb)
            with stopping_signals(), Rehearsal(repository, step.parent) as rehearsal:
                notes = run(step, rehearsal.draft)
                found = _compared(step, rehearsal)
        except NOT_POSSIBLE as error:
            return Replayed(
                commit=commit.id,
                verb=verb,
                verdict="not replayable",
                reason=str(error),
                hint=error.hint,
            )
        return Replayed(
            commit=commit.id,
            verb=verb,
            verdict=found.verdict,
            details=found.sentences,
            doubts=found.doubts,
            versions=notes,
            species=tuple(asdict(each) for each in found.species),
        )

    return replay


def _told(repository: Repository, commit: CommitRecord) -> Mapping[str, Any]:
    """The provenance of a commit; of one change that was staged first, that of the change."""
    told = provenance_of(repository.snapshot(commit.id))
    changes = told.get("changes")
    alone = isinstance(changes, list) and len(changes) == 1 and isinstance(changes[0], dict)
    if told.get("verb") == "commit" and isinstance(changes, list) and alone:
        return dict(changes[0])
    return told


Run = Callable[[_Step, Draft], tuple[str, ...]]
"""Carries the step out in a draft; says what is not as it was recorded."""


def _runner(step: _Step, verb: str | None) -> Run:
    """How a verb is carried out. Raises Unsupported, naming the reason, where it is not."""
    run = {"reconstruct": _reconstruct, "refine": _refine}.get(verb or "")
    if len(step.commit.parents) != 1:
        what = "a merge" if step.commit.parents else "the first commit of a population"
        raise Unsupported(f"{what} is no computation", hint="name a commit of 'mgit refine'")
    if run is None:
        raise Unsupported(
            "only steps of 'mgit refine' and 'mgit reconstruct' are run again",
            hint="'mgit log' shows the others; name one of its commits",
            verb=verb or "(not recorded)",
        )
    if not step.commit.state:
        raise Unsupported("the commit records no state to compare with")
    return run


def _compared(step: _Step, rehearsal: Rehearsal) -> Replay:
    repository, commit = step.repository, step.commit
    states = StateDigest.parse(commit.state or ""), rehearsal.state()
    return compare(
        repository.snapshot(commit.id),
        rehearsal.draft,
        parent=repository.snapshot(step.parent),
        states=states,
    )


def _reconstruct(step: _Step, draft: Draft) -> tuple[str, ...]:
    ewald, batch = step.setting("ewald", str), step.setting("batch", int)
    if ewald not in ("auto", "on", "off") or batch < 1:
        raise InvalidInput("the provenance has an unknown option", ewald=ewald, batch=batch)
    plans = plan_reconstruction(draft, species=step.names("species"), own_optics="apart")
    results, _ = reconstructed(
        step.repository,
        plans,
        step.console,
        threads=step.threads * step.workers,
        ewald=ewald,
        batch=batch,
    )
    for plan, result in results:
        write_reconstruction(draft, plan, result)
    return _changed_versions(step, {})


def _refine(step: _Step, draft: Draft) -> tuple[str, ...]:
    repository, console = step.repository, step.console
    options = {name: str(text) for name, text in step.setting("options", dict).items()}
    settings = replace(RefineSettings().with_options(options), threads=step.threads)
    settings = replace(settings, device=_device(settings.device))
    request = Request(
        parent=step.parent,
        branch=None,
        rounds=(settings.as_text(),),
        species=step.names("species"),
        sources=step.names("sources"),
        versions={},
    )
    local = repository.layout.local
    place = local if os.access(local, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="replay-", dir=place) as directory:
        course = Course(
            repository=repository,
            checkpoint=Checkpoint(Path(directory), request),
            steps=(settings,),
            branch=None,
            workers=step.workers,
            force=False,
            null=False,
            signer=None,
        )
        plan = plan_of(course, step.parent, settings)
        with console.progress("checking raw files", total=None, unit="files") as bar:
            bound = bind(plan.species, DigestedFiles(repository), advance=bar.advance)
        references = references_of(plan.species, settings)
        tell_plan(plan, references, console, title=f"again {step.commit.id[:10]}")
        files = refined(course, plan, references, bound, console, number=1, parent=step.parent)
        finished(course, draft, plan, files, bound, console)
    facts = {f"device_{name}": text for name, text in device_facts(settings.device).items()}
    known = {each.name for each in fields(RefineSettings)} - {"threads"}
    unsaid = sorted(known - options.keys())
    return (
        *_changed_versions(step, facts),
        *(f"option '{name}' is not recorded: its default is taken" for name in unsaid),
    )


def _device(recorded: str) -> str:
    """The device that was recorded where it is there, else the best one that is."""
    try:
        accelerator(recorded)
    except Unsupported:
        return chosen_device("auto")
    return recorded


def _changed_versions(step: _Step, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Versions and devices that are not those that the commit records."""
    recorded = step.told.get("versions")
    then = recorded if isinstance(recorded, dict) else {}
    now = {**provenance({})["versions"], **computing_versions(), **facts}
    return tuple(
        f"{name.replace('_', ' ')} {then.get(name, '(not recorded)')} recorded, "
        f"{now.get(name, '(none)')} here"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    )
