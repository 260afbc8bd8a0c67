"""`mgit refine`: read a commit, optimise, write a commit per round."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.cli.refinement_course import Start

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "refine poses, deformation and optics, and record the result"
DESCRIPTION = """Refine a commit: every round aligns each series' particles, deformation and
optics to the half-maps, reconstructs, and becomes one commit.

Without options the preset 'first' runs: image warp 3x3 and poses, one round. Family
options alone (--particles, --image-warp ...) make one round of just these; beside
--preset or --recipe they change every round of it. The plan is printed first:
parameters, memory, time; --dry-run ends there.

A round is judged by particles that took no part in fitting what particles share, and
by the FSC between the halves. One that gets worse beyond its noise is kept under
refs/mgit/refine/ with exit code 7, and the branch stays. If the branch moved
meanwhile, the result is kept there, too (exit code 3).

Ctrl-C, SIGTERM and SIGUSR1 stop the run with exit code 130; finished series are
kept, and --resume goes on. The result is the same for any number of workers and
threads, and for any number of interruptions (docs/howto/refine.md).

examples:
  mgit refine
  mgit refine --preset standard --rounds 3 --workers 4
  mgit refine --image-warp 4x4 --particles --stage-angles --iter 3
  mgit refine --particles --start-resolution 60 --resolution 30
  mgit refine --recipe rounds.toml --dry-run
  mgit refine --resume
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    from mgit.cli.refine_options import add_options

    add_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Plan, run the rounds, and say what became of them."""
    from mgit.cli.long_work import branch_held, stopping_signals
    from mgit.cli.refinement import refine_rounds, tell_done
    from mgit.cli.refinement_course import begun

    repository = open_repository(arguments)
    start = begun(arguments, repository, console)
    course = start.course
    if start.done == len(course.steps):
        if not arguments.dry_run:
            course.checkpoint.remove()
        console.out(f"nothing is left to do: '{start.branch_name}' has all rounds")
        console.json({"rounds": []})
        return ExitCode.OK
    if arguments.dry_run:
        return _planned(start, console)
    try:
        with (
            stopping_signals(),
            branch_held(repository, start.branch_name, run=course.checkpoint.request.id),
            course.checkpoint.under_way(),
        ):
            found = refine_rounds(
                course,
                console,
                done=start.done,
                parent=start.parent,
                branch=start.branch_name,
            )
    except KeyboardInterrupt:
        console.note("stopped; finished series are kept: 'mgit refine --resume' goes on")
        return ExitCode.INTERRUPTED
    return tell_done(found, console, branch=start.branch_name)


def _planned(start: "Start", console: Console) -> int:
    """Print the plan of the next round: later ones depend on what it finds."""
    from mgit.cli.refinement import plan_of
    from mgit.cli.render.refinement import planned_record, tell_plan, wording
    from mgit.refine.refine_run import references_of

    course = start.course
    settings = course.steps[start.done]
    plan = plan_of(course, start.parent, settings)
    references = references_of(plan.species, settings)
    title = f"round {start.done + 1} of {len(course.steps)}"
    tell_plan(plan, references, console, title=title)
    later = course.steps[start.done + 1 :]
    for number, step in enumerate(later, start=start.done + 2):
        console.out(f"round {number} of {len(course.steps)}: {wording(step)}")
    document = planned_record(plan, references)
    document["later_rounds"] = [step.as_text() for step in later]
    console.json({"dry_run": True, **document})
    return ExitCode.OK
