"""The remotes that one repository knows by name: a local file, never pushed."""

import json
import os
import re
from collections.abc import Mapping

from mgit.errors import InvalidInput, NotFound, Refused
from mgit.history.commits import Signature
from mgit.history.operations import Change
from mgit.history.repository import Repository

__all__ = ["ORIGIN", "add", "read_remotes", "remove", "url_of", "write_remotes"]

ORIGIN = "origin"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


def read_remotes(repository: Repository) -> dict[str, str]:
    """URL of every remote by its name, sorted. Raises InvalidInput if the file is not ours."""
    path = _path(repository)
    try:
        record = json.loads(repository.files.read(path))
    except NotFound:
        return {}
    except ValueError as error:
        raise InvalidInput(
            "the file of remotes is not JSON", path=path, hint="correct or remove it"
        ) from error
    if not isinstance(record, dict) or not all(
        isinstance(url, str) and _NAME.fullmatch(name) for name, url in record.items()
    ):
        raise InvalidInput(
            "the file of remotes is not one mapping of names to URLs",
            path=path,
            hint="correct or remove it, then use 'mgit remote add NAME URL'",
        )
    return dict(sorted(record.items()))


def write_remotes(repository: Repository, remotes: Mapping[str, str]) -> None:
    """Replace the file of remotes atomically."""
    repository.files.make_directory(repository.layout.local)
    text = json.dumps(dict(remotes), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    repository.files.replace(_path(repository), text.encode())


def url_of(repository: Repository, name: str) -> str:
    """URL of a remote. Raises NotFound, with the names that exist."""
    remotes = read_remotes(repository)
    if name not in remotes:
        known = ", ".join(remotes)
        raise NotFound(
            f"there is no remote '{name}'",
            hint=f"the remotes are: {known}" if known else "'mgit remote add NAME URL' adds one",
        )
    return remotes[name]


def add(repository: Repository, name: str, url: str) -> None:
    """Remember a remote. Raises InvalidInput for a name that cannot be, Refused if it exists."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"'{name}' cannot name a remote", hint="use letters, digits, - and _")
    remotes = read_remotes(repository)
    if name in remotes or name.casefold() in map(str.casefold, remotes):
        raise Refused(f"a remote '{name}' exists already", hint="'mgit remote list' shows them")
    write_remotes(repository, {**remotes, name: url})


def remove(repository: Repository, name: str, *, who: Signature) -> int:
    """Forget a remote and its remote-tracking refs; how many of these. Raises NotFound."""
    url_of(repository, name)
    refs = repository.refs.all(f"refs/remotes/{name}/")
    if refs:
        change = Change(refs={ref: (value, None) for ref, value in refs.items()})
        message = f"remove {name}"
        repository.operations.perform(change, verb="remote", message=message, who=who)
    remotes = {each: url for each, url in read_remotes(repository).items() if each != name}
    write_remotes(repository, remotes)
    return len(refs)


def _path(repository: Repository) -> str:
    return os.path.join(repository.layout.local, "remotes.json")
