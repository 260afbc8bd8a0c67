"""`mgit merge`: join another branch into the current one."""

from mgit.cli.changes import finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository
    from mgit.merge.join import Course

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "join another branch into the current one"
DESCRIPTION = """Join another branch (or any revision) into the current branch.

What only one side changed since the common ancestor is taken from that side. A
species (maps, network and particles, which were estimated together), a series
and a source's own attributes are each taken whole: where both sides changed the
same one differently, the merge is refused with exit code 3, every one is named
and nothing is written. Half-maps of two estimates are never combined.

Where one side changed a species' poses and the other the geometry of series that
hold its particles, the species is marked 'needs_refinement'.

examples:
  mgit merge refined
  mgit merge refined --no-ff -m "Take the refined defocus"
  mgit merge refined --dry-run
"""

SERIES_NAMED = 3


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", metavar="REV", help="branch or revision to join")
    parser.add_argument("-m", "--message", help="message of the merge commit")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--no-ff", action="store_true", help="make a commit even where moving the branch would do"
    )
    how.add_argument("--ff-only", action="store_true", help="only move the branch, or refuse")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen")
    parser.add_argument("--sign", action="store_true", help="sign with the key of the settings")
    # A merge cannot wait in the stage, which knows one parent only.
    parser.set_defaults(no_commit=False)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Find out which way it goes, and go."""
    from mgit.merge.join import course_of

    repository = open_repository(arguments)
    course = course_of(repository, arguments.revision)
    if course.kind == "up to date":
        console.out("already up to date")
        console.json({"kind": course.kind, "commit": course.ours})
        return ExitCode.OK
    if course.kind == "fast-forward" and not arguments.no_ff:
        return _fast_forward(repository, course, arguments, console)
    if arguments.ff_only:
        raise Refused(
            f"the branch and '{arguments.revision}' went different ways",
            hint="without '--ff-only' they are joined by a merge commit",
        )
    return _merge(repository, course, arguments, console)


def _fast_forward(
    repository: "Repository", course: "Course", arguments: "argparse.Namespace", console: Console
) -> int:
    from mgit.cli.context import signature
    from mgit.merge.join import fast_forward

    commit = repository.commit(course.theirs)
    if not arguments.dry_run:
        who = signature(repository.layout.control)
        message = f"fast-forward to {arguments.revision}"
        fast_forward(repository, course, who=who, message=message)
    prefix = "dry run: would fast-forward" if arguments.dry_run else "fast-forward"
    console.out(f"{prefix} {course.ours[:10]}..{course.theirs[:10]} {commit.subject}")
    console.json({"kind": course.kind, "commit": course.theirs, "dry_run": arguments.dry_run})
    return ExitCode.OK


def _merge(
    repository: "Repository", course: "Course", arguments: "argparse.Namespace", console: Console
) -> int:
    from mgit.curate.provenance import provenance
    from mgit.merge.join import merge_into
    from mgit.merge.slots import slot_name

    here = repository.refs.head().branch or "HEAD"
    parents = (course.ours, course.theirs)
    with repository.transaction(verb="merge", parents=parents) as transaction:
        merged = merge_into(transaction, repository, course)
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Merge '{arguments.revision}' into {here}",
            provenance=provenance({"ours": course.ours, "theirs": course.theirs}),
        )
    sides = [repository.snapshot(each) for each in (*parents, *course.bases)]
    taken = _names([slot_name(slot, *sides) for slot in merged.plan.theirs])
    stayed = _names([slot_name(slot, *sides) for slot in merged.plan.ours])
    for title, names in ((f"from '{arguments.revision}'", taken), (f"from {here}", stayed)):
        if names:
            console.out(f"  {title}: {', '.join(names)}")
    for each in merged.stale:
        console.warning(
            f"species '{each.name}' has poses of one side in {each.items} series whose geometry "
            "comes from the other: marked needs_refinement"
        )
    stale = [each.name for each in merged.stale]
    console.json({**facts, "kind": course.kind, "taken": taken, "kept": stayed, "stale": stale})
    return ExitCode.OK


def _names(slots: list[str]) -> list[str]:
    """Names of slots, series of one source as their number where they are many."""
    by_source: dict[str, list[str]] = {}
    for name in slots:
        series, of, source = name.partition(" of source ")
        by_source.setdefault(f"{of}{source}" if of else name, []).append(series)
    found: list[str] = []
    for source, names in by_source.items():
        few = len(names) <= SERIES_NAMED or not source.startswith(" of ")
        suffix = source if source.startswith(" of ") else ""
        found += [f"{name}{suffix}" for name in names] if few else [f"{len(names)} series{suffix}"]
    return found
