"""What every changing verb shares: its options, and how a finished draft becomes a commit."""

from mgit.cli.console import Console

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

    from mgit.history.repository import Repository
    from mgit.history.transaction import PayloadSigner, Transaction

__all__ = ["begin", "change_options", "finish", "open_repository", "signer_of"]


def change_options(parser: "argparse.ArgumentParser") -> None:
    """Add the options of verbs that make a commit."""
    group = parser.add_argument_group("recording")
    group.add_argument("-m", "--message", help="message of the commit; default: what was done")
    group.add_argument(
        "--no-commit", action="store_true", help="stage the change; 'mgit commit' records it"
    )
    group.add_argument("--dry-run", action="store_true", help="say what would change")
    group.add_argument("--sign", action="store_true", help="sign with the key of 'user.signingkey'")


def open_repository(arguments: "argparse.Namespace") -> "Repository":
    """The repository that the command line means. Raises NotFound."""
    from mgit.history.repository import Repository

    return Repository.open(arguments.directory)


def signer_of(arguments: "argparse.Namespace", repository: "Repository") -> "PayloadSigner | None":
    """The signer that `--sign` asks for, or None. Raises Refused when no key is configured."""
    if not getattr(arguments, "sign", False):
        return None
    from mgit.cli.context import setting
    from mgit.errors import Refused
    from mgit.history.signing import Signer

    key = setting("user.signingkey", repository.layout.control)
    if not key:
        raise Refused(
            "no signing key is configured",
            hint="run 'mgit config user.signingkey PATH' with the path of an SSH key",
        )
    return Signer(key_path=key)


def finish(
    transaction: "Transaction",
    repository: "Repository",
    arguments: "argparse.Namespace",
    console: Console,
    *,
    message: str,
    provenance: "Mapping[str, Any]",
) -> "dict[str, Any]":
    """Commit or stage what the draft holds, or drop it for --dry-run; tell in one line.

    Returns the facts for the verb's JSON document: `commit`, `branch`, `message`, `staged`,
    `dry_run`. With --no-commit later changes build on the staged ones.

    Raises EmptyCommit when nothing would change, RefMoved when the branch moved meanwhile.
    """
    from mgit.cli.context import signature

    text = arguments.message or message
    facts = {"commit": None, "message": text, "staged": False, "dry_run": bool(arguments.dry_run)}
    if arguments.dry_run:
        transaction.abort()
        console.out(f"dry run: nothing was recorded; it would be '{text.splitlines()[0]}'")
        return facts
    if arguments.no_commit:
        transaction.stage(message=text, provenance=provenance)
        console.out(f"staged: {text.splitlines()[0]}")
        return {**facts, "staged": True}
    record = transaction.commit(
        message=text,
        who=signature(repository.layout.control),
        provenance=provenance,
        sign=signer_of(arguments, repository),
    )
    branch = repository.refs.head().branch
    console.out(f"[{branch or 'detached HEAD'} {record.id[:10]}] {record.subject}")
    return {**facts, "commit": record.id, "branch": branch, "state": record.state}


def begin(repository: "Repository", arguments: "argparse.Namespace", *, verb: str) -> "Transaction":
    """A transaction on the current branch; with --no-commit it builds on what is staged."""
    return repository.transaction(verb=verb, continue_stage=bool(arguments.no_commit))
