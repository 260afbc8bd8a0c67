"""Where a refinement begins: the commit and branch, or the checkpoint that it goes on with."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.cli.changes import signer_of
from mgit.cli.console import Console
from mgit.cli.context import core_count
from mgit.cli.raw_files import computing_versions
from mgit.cli.refine_options import FAMILIES, given_options, refuse_changes, settings_of
from mgit.cli.refinement import Course
from mgit.curate.provenance import provenance
from mgit.errors import InvalidInput, NotFound, Refused
from mgit.history.refs import branch_ref
from mgit.history.repository import Repository
from mgit.refine.checkpoint import Checkpoint, Request
from mgit.refine.settings import RefineSettings
from mgit.state.population import Population
from mgit.survey.commits import provenance_of

if TYPE_CHECKING:
    import argparse

__all__ = ["Start", "begun", "checkpoints", "present_versions"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """A course, the rounds of it that are commits already, and the commit that it goes on from."""

    course: Course
    done: int
    parent: str

    @property
    def branch_name(self) -> str:
        """The branch in words, for leases and messages."""
        return self.course.checkpoint.request.branch or "(detached HEAD)"


def begun(arguments: "argparse.Namespace", repository: Repository, console: Console) -> Start:
    """The refinement that the command line means, checked against branch and stage.

    Raises Refused for a REV that is no tip, DirtyStage, NotFound when there is nothing to resume.
    """
    if arguments.workers < 1:
        raise InvalidInput("at least one worker is needed", workers=arguments.workers)
    threads = arguments.threads
    if threads is None:
        threads = max(1, core_count() // arguments.workers)
    if threads < 1:
        raise InvalidInput("at least one thread is needed", threads=threads)
    if arguments.resume:
        refuse_changes(arguments)
        checkpoint = _last(arguments, repository)
        steps = tuple(
            replace(RefineSettings().with_options(each), threads=threads)
            for each in checkpoint.request.rounds
        )
    else:
        steps = settings_of(arguments, device=_device(arguments.device), threads=threads)
        steps = _fitted_to_data(steps, arguments, repository, console)
        request = _request(arguments, repository, steps)
        checkpoint = Checkpoint.of(checkpoints(repository), request)
    done, parent = _progress(repository, checkpoint.request)
    course = Course(
        repository=repository,
        checkpoint=checkpoint,
        steps=steps,
        branch=checkpoint.request.branch,
        workers=arguments.workers,
        force=arguments.force,
        null=arguments.null_test,
        signer=signer_of(arguments, repository),
    )
    repository.transaction(verb="refine", branch=course.branch, parents=(parent,)).abort()
    if checkpoint.request.versions != present_versions():
        console.warning(
            "this refinement was begun with other versions of mgit or its libraries; "
            "its result may differ from an undisturbed one in the last digits"
        )
    if done:
        console.note(f"going on after round {done} of {len(steps)}")
    return Start(course=course, done=done, parent=parent)


def checkpoints(repository: Repository) -> Path:
    """The directory below which refinements under way keep what is done."""
    return Path(repository.layout.local) / "refine"


def _fitted_to_data(
    steps: tuple[RefineSettings, ...],
    arguments: "argparse.Namespace",
    repository: Repository,
    console: Console,
) -> tuple[RefineSettings, ...]:
    """A preset without what extracted particles cannot tell, where there are only these.

    Families that the user names stay, and are refused by name.
    """
    if arguments.recipe is not None or any(name in given_options(arguments) for name in FAMILIES):
        return steps
    sources = Population(repository.snapshot(arguments.revision)).sources()
    kinds = {each.kind for each in sources if not arguments.source or each.name in arguments.source}
    fitted = tuple(each.of_extracted_particles() for each in steps)
    if kinds != {"particle_series"} or fitted == steps:
        return steps
    console.note("extracted particles: the preset's image warp and defocus are left out")
    return fitted


def _device(name: str) -> str:
    """The device that a name means, opened: one that cannot be used is refused at once."""
    from mgit.refine.accelerator import accelerator, chosen_device

    device = chosen_device(name)
    accelerator(device)
    return device


def _request(
    arguments: "argparse.Namespace", repository: Repository, steps: tuple[RefineSettings, ...]
) -> Request:
    commit = repository.resolve(arguments.revision)
    branch = arguments.branch
    if branch is not None:
        if repository.refs.get(branch_ref(branch)) is not None:
            raise Refused("a branch of that name exists", hint="name a new one", branch=branch)
    elif commit != repository.resolve("HEAD"):
        raise Refused(
            "only the tip of the current branch is refined in place",
            hint="give '--branch NEW': the refinement of an earlier commit begins a branch",
            revision=arguments.revision,
        )
    else:
        branch = repository.refs.head().branch
    return Request(
        parent=commit,
        branch=branch,
        rounds=tuple(each.as_text() for each in steps),
        species=tuple(dict.fromkeys(arguments.species)),
        sources=tuple(dict.fromkeys(arguments.source)),
        versions=present_versions(),
        message=arguments.message,
    )


def present_versions() -> dict[str, str]:
    """Versions of mgit and of the libraries that numbers come from, as they are installed."""
    return {**provenance({})["versions"], **computing_versions()}


def _last(arguments: "argparse.Namespace", repository: Repository) -> Checkpoint:
    branch = arguments.branch or repository.refs.head().branch
    for each in Checkpoint.present(checkpoints(repository)):
        if each.request.branch == branch:
            return each
    raise NotFound(
        "no refinement of this branch waits to be resumed",
        hint="'mgit refine' without '--resume' begins one",
        branch=branch or "(detached HEAD)",
    )


def _progress(repository: Repository, request: Request) -> tuple[int, str]:
    """Rounds of a request that are commits of its branch already, and the last of these.

    What others committed after it is passed over: the next round is then kept beside the branch.
    """
    if request.branch is None:
        tip = repository.refs.head().commit
    else:
        tip = repository.refs.get(branch_ref(request.branch))
    while tip is not None and tip != request.parent:
        settings = provenance_of(repository.snapshot(tip)).get("settings", {})
        if settings.get("run") == request.id:
            return int(settings["round"]), tip
        tip = next(iter(repository.commit(tip).parents), None)
    return 0, request.parent
