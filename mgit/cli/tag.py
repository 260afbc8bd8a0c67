"""`mgit tag`: list, create, delete and verify tags."""

from mgit.cli.changes import open_repository, signer_of
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "list, create or delete tags"
DESCRIPTION = """List tags, or create, delete or verify one. A tag is a name that does not move.

  mgit tag                          list
  mgit tag NAME [REV] -m MESSAGE    create one at a revision, by default HEAD
  mgit tag NAME -m MESSAGE --sign   sign it with the key of 'user.signingkey'
  mgit tag -d NAME                  delete
  mgit tag -v NAME --signers FILE   check the signature against a list of signers

FILE has the form of ssh-keygen's ALLOWED SIGNERS: a line 'name key-type key' per
signer. A signature that does not check exits 4, an unsigned tag exits 1.
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the tag")
    parser.add_argument("revision", nargs="?", metavar="REV", help="default: HEAD")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-d", "--delete", action="store_true", help="delete the tag")
    what.add_argument("-v", "--verify", action="store_true", help="check the signature")
    parser.add_argument("-m", "--message", help="why this commit has a name")
    parser.add_argument("--sign", action="store_true", help="sign with the key of the settings")
    parser.add_argument("--signers", metavar="FILE", help="with -v: who may sign")
    parser.add_argument("--dry-run", action="store_true", help="say what would change")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """List, create, delete or verify."""
    repository = open_repository(arguments)
    if arguments.name is None:
        if arguments.delete or arguments.verify:
            raise Refused("name the tag")
        return _list(repository, console)
    if arguments.verify:
        return _verify(repository, arguments, console)
    done = (_delete if arguments.delete else _create)(repository, arguments)
    console.out(f"dry run: {done}" if arguments.dry_run else done)
    console.json({"done": done, "dry_run": bool(arguments.dry_run)})
    return ExitCode.OK


def _list(repository: "Repository", console: Console) -> int:
    from mgit.history.tags import list_tags

    tags = list_tags(repository)
    rows = []
    for tag in tags:
        says = tag.message.partition("\n")[0] or repository.commit(tag.commit).subject
        rows.append((tag.name, tag.commit[:10], "signed" if tag.signature else "", says))
    console.table(("", "", "", ""), rows)
    if not tags:
        console.note("no tags yet: 'mgit tag NAME -m MESSAGE' makes one")
    console.json(
        [
            {
                "name": tag.name,
                "commit": tag.commit,
                "tagger": tag.tagger,
                "time": tag.time_s,
                "message": tag.message,
                "signed": tag.signature is not None,
            }
            for tag in tags
        ]
    )
    return ExitCode.OK


def _create(repository: "Repository", arguments: "argparse.Namespace") -> str:
    from mgit.cli.context import signature
    from mgit.history import tags

    if not arguments.message:
        raise Refused("a tag says why it is there", hint="add '-m MESSAGE'")
    commit = repository.commit(arguments.revision or "HEAD")
    if not arguments.dry_run:
        tags.create(
            repository,
            arguments.name,
            target=commit.id,
            message=arguments.message,
            who=signature(repository.layout.control),
            sign=signer_of(arguments, repository),
        )
    return f"tagged {commit.id[:10]} {commit.subject} as '{arguments.name}'"


def _delete(repository: "Repository", arguments: "argparse.Namespace") -> str:
    from mgit.cli.context import signature
    from mgit.errors import NotFound
    from mgit.history import tags
    from mgit.history.refs import tag_ref

    value = repository.refs.get(tag_ref(arguments.name))
    if value is None:
        known = ", ".join(tag.name for tag in tags.list_tags(repository)) or "none yet"
        raise NotFound(f"there is no tag '{arguments.name}'", hint=f"the tags are: {known}")
    commit = repository.resolve(tag_ref(arguments.name))
    if not arguments.dry_run:
        tags.delete(repository, arguments.name, who=signature(repository.layout.control))
    return f"deleted tag '{arguments.name}' (was {commit[:10]})"


def _verify(repository: "Repository", arguments: "argparse.Namespace", console: Console) -> int:
    from mgit.history.signing import AllowedSigners
    from mgit.history.tags import verify_tag

    if not arguments.signers:
        raise Refused("a signature is checked against a list of signers", hint="add --signers FILE")
    result = verify_tag(repository, arguments.name, AllowedSigners(path=arguments.signers))
    words = {
        "good": f"good signature by {result.principal}",
        "unknown-signer": "the signature fits, but its key is not in the list of signers",
        "bad": "the signature does not fit the tag",
        "unsigned": "the tag is not signed",
    }
    console.out(f"{arguments.name}: {words[result.verdict]}")
    console.json({"tag": arguments.name, "verdict": result.verdict, "signer": result.principal})
    codes = {"good": ExitCode.OK, "bad": ExitCode.CORRUPT}
    return codes.get(result.verdict, ExitCode.REFUSED)
