"""Clone: a new repository that holds what a remote's branches and tags reach.

It is made in `.mgit-clone` beside where it will stand and appears at once, whole, by one rename.
What an interrupted clone had brought is used by the next one into the same directory.
"""

import os

from mgit.errors import NotFound, Refused
from mgit.history.commits import Signature
from mgit.history.layout import Layout
from mgit.history.operations import Change, Swap
from mgit.history.refs import BRANCH_PREFIX, SYMBOLIC, branch_ref
from mgit.history.repository import FIRST_BRANCH, Repository, lay_out
from mgit.store.files import Files
from mgit.sync.fetch import Fetched, fetch
from mgit.sync.remote import References, Remote
from mgit.sync.remotes import ORIGIN, write_remotes
from mgit.sync.transfer import Progress, silent

__all__ = ["clone"]

UNFINISHED = ".mgit-clone"
CLONE_LEASE = "clone"


def clone(
    remote: Remote,
    directory: str,
    *,
    url: str,
    who: Signature,
    files: Files | None = None,
    progress: Progress = silent,
) -> tuple[Repository, Fetched]:
    """Copy what a remote's branches and tags reach into a new repository.

    url: what the clone remembers as 'origin'. The current branch is the one of the remote's HEAD.

    Raises Refused if there is a repository already or the remote has no branch, Leased if another
    process clones into the same directory, Corrupt if anything that came fails a check.
    """
    files = files or Files()
    final = Layout(directory)
    if files.exists(final.control):
        raise Refused(
            f"'{final.root}' holds a repository already", hint="'mgit fetch' brings what is new"
        )
    if files.exists(final.root) and not os.path.isdir(final.root):
        raise Refused(f"'{final.root}' is no directory", hint="name a directory")
    remote.facts()
    branch = _first_branch(remote.references(), remote.url)
    files.make_directory(final.root)
    draft = Repository(Layout(final.root, control=UNFINISHED), files)
    with draft.leases.held(CLONE_LEASE, purpose={"url": url}):
        for path, _ in draft.leases.broken(CLONE_LEASE):
            draft.leases.forget(path)  # Whoever held it left nothing that needs clearing.
        if not files.exists(draft.layout.format):
            lay_out(draft.layout, files, {})
        if not draft.operations.names():
            # Before the log begins, so that no undo can lead back to a branch without a commit.
            draft.refs.set_head(SYMBOLIC + branch_ref(branch), expected=draft.refs.head().text)
        write_remotes(draft, {ORIGIN: url})
        fetched = fetch(draft, remote, name=ORIGIN, who=who, prune=True, progress=progress)
        _begin(draft, branch, url=url, who=who)
    files.rename(draft.layout.control, final.control)
    return Repository(final, files), fetched


def _first_branch(there: References, url: str) -> str:
    """The branch that a clone begins on: that of the remote's HEAD, else main, else the first."""
    branches = there.below(BRANCH_PREFIX)
    if not branches:
        raise Refused(
            "the remote has no branch yet",
            remote=url,
            hint="push a population to it: 'mgit remote add origin URL', 'mgit push'",
        )
    for name in (there.head, FIRST_BRANCH):
        if name is not None and name in branches:
            return name
    return next(iter(branches))


def _begin(repository: Repository, branch: str, *, url: str, who: Signature) -> None:
    """Make the current branch, and make it current."""
    ref = branch_ref(branch)
    value = repository.refs.get(f"refs/remotes/{ORIGIN}/{branch}")
    if value is None:
        raise NotFound(f"the remote has no branch '{branch}' any more", hint="clone again")
    head = repository.refs.head().text
    old = repository.refs.get(ref)
    refs: dict[str, Swap] = {} if old == value else {ref: (old, value)}
    wanted = SYMBOLIC + ref
    move = None if head == wanted else (head, wanted)
    if refs or move:
        repository.operations.perform(
            Change(refs=refs, head=move), verb="clone", message=f"clone {url}", who=who
        )
