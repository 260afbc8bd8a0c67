"""`mgit restore`: bring paths back as they were in another revision, or drop the stage."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import Corrupt, EmptyCommit, NotFound, Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from mgit.history.draft import Draft
    from mgit.history.repository import Repository
    from mgit.history.snapshot import Snapshot

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "bring a path back as it was in another revision"
DESCRIPTION = """Bring species, sources, series or single arrays back as they were in a revision.

The path comes back whole, with its foreign documents; what is not there in REV
is removed. The change is committed at once; the rest of the population stays.
--staged drops everything that is staged instead.

examples:
  mgit restore species/capsid --from HEAD~3
  mgit restore sources/hiv/items/TS_43 --from before-polish
  mgit restore species sources --from v1
  mgit restore --staged
"""

_OWNERS = {"species": (2,), "sources": (2, 5)}
"""Lengths of paths that name a species, a source or a series: nodes that carry a name."""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="species/NAME, sources/NAME, ...")
    parser.add_argument("--from", dest="revision", metavar="REV", help="where they come from")
    parser.add_argument("--staged", action="store_true", help="drop what is staged")
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Take the paths over, or clear the stage."""
    repository = open_repository(arguments)
    if arguments.staged:
        return _drop_stage(repository, arguments, console)
    if not arguments.paths or not arguments.revision:
        raise Refused(
            "say what to restore and from which revision",
            hint="'mgit restore species/NAME --from REV', or '--staged' to drop the stage",
        )
    return _restore(repository, arguments, console)


def _drop_stage(repository: "Repository", arguments: "argparse.Namespace", console: Console) -> int:
    if arguments.paths or arguments.revision:
        raise Refused("'--staged' drops the whole stage", hint="leave out paths and '--from'")
    messages = _staged_messages(repository)
    if not messages:
        console.out("nothing is staged")
    elif arguments.dry_run:
        console.out("dry run: nothing was dropped; these would be")
    else:
        repository.stage.clear()
        console.out("dropped what was staged")
    for message in messages:
        console.out(f"  {message.splitlines()[0]}")
    console.json({"dropped": messages, "dry_run": bool(arguments.dry_run)})
    return ExitCode.OK


def _staged_messages(repository: "Repository") -> list[str]:
    """A line for each staged change; a damaged stage has to be droppable too."""
    try:
        staged = repository.stage.read()
    except Corrupt as error:
        return [f"what cannot be read: {error.message}"]
    return list(staged.messages) if staged else []


def _restore(repository: "Repository", arguments: "argparse.Namespace", console: Console) -> int:
    from mgit.curate.provenance import provenance
    from mgit.history.revert import restore
    from mgit.survey.loose_ends import refuse_homeless

    commit = repository.commit(arguments.revision)
    source = repository.snapshot(commit.id)
    with begin(repository, arguments, verb="restore") as transaction:
        paths = [_find(source, transaction.draft, text) for text in arguments.paths]
        _refuse_orphans(source, transaction.draft, paths)
        restore(transaction.draft, source, paths)
        changed = transaction.draft.changed_paths()
        refuse_homeless(transaction.draft, changed)
        if not changed:
            raise EmptyCommit("everything is as in that revision already", revision=commit.id[:10])
        gone = [
            text
            for text, path in zip(arguments.paths, paths, strict=True)
            if not source.exists(path)
        ]
        shown = ", ".join(arguments.paths)
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Restore {shown} from {commit.id[:10]}",
            provenance=provenance({"commit": commit.id, "paths": sorted(paths)}),
        )
    console.out(f"  {len(changed)} paths are as in {commit.id[:10]} {commit.subject}")
    for text in gone:
        console.out(f"  removed {text}, which is not in {commit.id[:10]}")
    console.json({**facts, "from": commit.id, "paths": paths, "removed": gone})
    return ExitCode.OK


def _find(source: "Snapshot", draft: "Draft", text: str) -> str:
    """The tree path that `text` means in the revision or, if it is to be removed, here."""
    from mgit.cli.tree_paths import find_path

    try:
        return find_path(source, text)
    except NotFound as error:
        try:
            return find_path(draft, text)
        except NotFound:
            raise error from error.__cause__


def _refuse_orphans(source: "Snapshot", draft: "Draft", paths: "Sequence[str]") -> None:
    """A series without its source, or an array without its species, would belong to nothing."""
    for path in paths:
        parts = path.split("/")
        for length in _OWNERS.get(parts[0], ()):
            owner = "/".join(parts[:length])
            if length < len(parts) and source.exists(path) and not draft.exists(owner):
                name = source.attributes(owner).get("name")
                raise Refused(
                    f"'{name}', which the path belongs to, does not exist here",
                    path=path,
                    hint=f"restore it whole: 'mgit restore {parts[0]}/{name} --from REV'",
                )
