"""Names of commits: branches, tags, HEAD~2, A^2, main@{1}, abbreviated ids.

The grammar is Git's (docs/format/history.md, section 5). On the start-up path of every verb.
"""

import re

from mgit.errors import Corrupt, InvalidInput, MgitError, NotFound
from mgit.history.commits import CommitRecord, is_object_id
from mgit.history.refs import BRANCH_PREFIX, HEAD, TAG_PREFIX

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mgit.history.commits import CommitId
    from mgit.history.objects import GitObjects
    from mgit.history.refs import RefStore

    Past = Callable[[str], Sequence[str | None]]

__all__ = ["find_ref", "peel", "resolve", "split_path"]

GRAMMAR = "a revision is a branch, a tag, an id, or such with a step: main~2, HEAD^2, main@{1}"
_STEP = re.compile(r"~(\d*)|\^(\d+)|\^\{(commit|)\}|\^|@\{(\d+)\}", re.ASCII)
_ABBREVIATED = re.compile(r"[0-9a-fA-F]{4,40}", re.ASCII)
_PLACES = ("", "refs/", TAG_PREFIX, BRANCH_PREFIX, "refs/remotes/")
_TAG_DEPTH_MAX = 16
_SHOWN_MAX = 3


def resolve(
    revision: str, *, refs: "RefStore", objects: "GitObjects", past: "Past | None" = None
) -> "CommitId":
    """The commit that `revision` names.

    past: values that a ref had, the latest first, for `name@{n}`; the operation log knows them.

    Raises NotFound with close matches as its hint, InvalidInput if it is no revision at all, and
    Refused for an ambiguous abbreviation.
    """
    base, steps = _split(revision)
    start = _past_value(base, steps, refs=refs, past=past, revision=revision)
    name = _base(base, revision, refs=refs, objects=objects) if start is None else start
    commit = peel(name, objects)
    for step in steps:
        commit = _take(commit, step, revision, objects)
    return commit


def split_path(text: str) -> "tuple[str, str | None]":
    """Split `REV:path` at the first colon; the path is None if there is no colon."""
    revision, colon, path = text.partition(":")
    return revision, path.strip("/") if colon else None


def find_ref(name: str, refs: "RefStore") -> "tuple[str, str] | None":
    """Full name and value of the ref that a short name means: a tag before a branch, as in Git."""
    for prefix in _PLACES:
        full = prefix + name
        if full.startswith("refs/"):
            try:
                value = refs.get(full)
            except InvalidInput:  # what is no ref name is no ref
                return None
            if value is not None:
                return full, value
    return None


def peel(name: str, objects: "GitObjects") -> "CommitId":
    """The commit that an object id leads to, through annotated tags. Raises NotFound or Corrupt."""
    for _ in range(_TAG_DEPTH_MAX):
        kind, content = objects.read(name)
        if kind == "commit":
            return name
        if kind != "tag":
            raise NotFound(f"'{name}' is a {kind}, not a commit")
        first = content.partition(b"\n")[0].decode("ascii", "replace")
        name = first.removeprefix("object ")
        if not is_object_id(name):
            raise Corrupt("a tag names no object", tag=name)
    raise Corrupt("tags point at tags without end", tag=name)


def _split(revision: str) -> "tuple[str, list[re.Match[str]]]":
    end = len(revision)
    start = min((revision.find(mark) for mark in "~^" if mark in revision), default=end)
    at = revision.find("@{")
    start = start if at < 0 else min(start, at)
    base, rest = revision[:start], revision[start:]
    steps = []
    position = 0
    while position < len(rest):
        step = _STEP.match(rest, position)
        if step is None:
            raise InvalidInput(f"'{revision}' is no revision", hint=GRAMMAR)
        steps.append(step)
        position = step.end()
    if not base and not (steps and steps[0][4] is not None):
        raise InvalidInput(f"'{revision}' is no revision", hint=GRAMMAR)
    return base or "@", steps


def _past_value(
    base: str, steps: "list[re.Match[str]]", *, refs: "RefStore", past: "Past | None", revision: str
) -> "str | None":
    """Value that `base@{n}` had; None if the revision asks for no past value. Takes that step."""
    if not steps or steps[0][4] is None:
        return None
    count = int(steps.pop(0)[4])
    name = _logged_name(base, revision, refs)
    values = past(name) if past is not None else ()
    value = values[count] if count < len(values) else None
    if value is None:
        raise NotFound(
            f"'{base}' had no {count}-th value before its present one",
            hint=f"the operation log knows {len(values)} values of it",
        )
    return value


def _logged_name(base: str, revision: str, refs: "RefStore") -> str:
    if base in ("@", HEAD):
        # In Git '@{1}' alone is the current branch's past, and HEAD@{1} is HEAD's own.
        branch = refs.head().branch if revision.startswith("@{") else None
        return HEAD if branch is None else BRANCH_PREFIX + branch
    found = find_ref(base, refs)
    if found is not None:
        return found[0]
    return base if base.startswith("refs/") else BRANCH_PREFIX + base


def _base(name: str, revision: str, *, refs: "RefStore", objects: "GitObjects") -> str:
    if name in ("@", HEAD):
        head = refs.head()
        if head.commit is None:
            raise NotFound(f"the branch '{head.branch}' has no commit yet")
        return head.commit
    if is_object_id(name) and name in objects:
        return name
    found = find_ref(name, refs)
    if found is not None:
        return found[1]
    if _ABBREVIATED.fullmatch(name):
        try:
            return objects.resolve_prefix(name, kind="commit")
        except NotFound as error:
            raise _unknown(revision, name, refs) from error
    raise _unknown(revision, name, refs)


def _take(commit: "CommitId", step: "re.Match[str]", revision: str, objects: "GitObjects") -> str:
    tilde, caret, braces, past = step.groups()
    if past is not None:
        raise InvalidInput(f"'{revision}' is no revision: '@{{{past}}}' follows a name only")
    if braces is not None:
        return commit
    if tilde is not None:
        for _ in range(int(tilde or 1)):
            commit = _parent(commit, 1, revision, objects)
        return commit
    number = int(caret or 1) if step.group() != "^0" else 0
    return commit if number == 0 else _parent(commit, number, revision, objects)


def _parent(commit: "CommitId", number: int, revision: str, objects: "GitObjects") -> str:
    parents = CommitRecord.parse(objects.read_commit(commit)).parents
    if number > len(parents):
        raise NotFound(
            f"'{revision}' goes beyond the history: commit {commit[:12]} has {len(parents)} parents"
        )
    return parents[number - 1]


def _unknown(revision: str, name: str, refs: "RefStore") -> MgitError:
    import difflib  # deferred: only a failure needs it

    short = [full.split("/", 2)[2] for full in refs.all() if full.count("/") >= 2]
    close = difflib.get_close_matches(name, [*short, HEAD], n=_SHOWN_MAX, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(match) for match in close)}?" if close else None
    shown = f"'{revision}'" if revision == name else f"'{name}' in '{revision}'"
    return NotFound(f"no branch, tag or commit is called {shown}", hint=hint)
