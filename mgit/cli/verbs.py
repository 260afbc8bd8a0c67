"""The table of verbs: names, groups, one line of help and the module that holds each.

A verb module is imported only when its verb runs or its own help is asked for. It offers
`HELP` (one imperative line), `DESCRIPTION`, `configure(parser)` and `run(arguments, console)`,
which returns an exit code.
"""

__all__ = ["GROUPS", "VERBS", "Verb", "find", "modules"]


class Verb:
    """One verb, or a family of verbs when `children` is given."""

    __slots__ = ("children", "group", "help", "module", "name")

    def __init__(
        self,
        name: str,
        help: str,
        *,
        module: str | None = None,
        group: str = "",
        children: "tuple[Verb, ...]" = (),
    ) -> None:
        self.name = name
        self.help = help
        self.module = module
        self.group = group
        self.children = children


GROUPS = (
    "start a population",
    "data sources and species",
    "record and look",
    "branches and history",
    "sharing",
    "exchange and care",
)

_START, _CONTENT, _LOOK, _HISTORY, _SHARING, _CARE = GROUPS


def _family(package: str, rows: tuple[tuple[str, str], ...]) -> tuple[Verb, ...]:
    return tuple(Verb(name, text, module=f"mgit.cli.{package}.{name}") for name, text in rows)


_SOURCE = _family(
    "source",
    (
        ("add", "import a data source: series, deformation, imaging, raw digests"),
        ("link", "say where this machine keeps a source's raw data"),
        ("hash", "complete the full digests of linked raw data"),
        ("update", "take over new series or re-processed metadata"),
        ("set", "change the pixel size or the hand with everything that depends on it"),
        ("exclude", "take series or single tilts out of use"),
        ("include", "bring excluded series or tilts back"),
        ("list", "list the data sources"),
        ("show", "show one data source and its series"),
        ("remove", "remove a data source"),
    ),
)

_SPECIES = _family(
    "species",
    (
        ("add", "import a species: half-maps, mask, particles"),
        ("update", "take the result of another program as the next state of a species"),
        ("particles", "add particles to a species or remove them"),
        ("list", "list the species"),
        ("show", "show one species"),
        ("set", "change a property of a species"),
        ("remove", "remove a species"),
    ),
)

_REMOTE = _family(
    "remote",
    (
        ("add", "remember another repository by a name"),
        ("list", "list the remotes and their branches as last seen"),
        ("remove", "forget a remote"),
    ),
)


def _verb(name: str, help: str, group: str) -> Verb:
    return Verb(name, help, module=f"mgit.cli.{name}", group=group)


VERBS: tuple[Verb, ...] = (
    _verb("init", "create an empty population", _START),
    _verb("demo", "show a journey on a made-up project", _START),
    _verb("simulate", "make tilt series with a known truth", _START),
    _verb("config", "read and set the name, address and signing key of the author", _START),
    Verb("source", "import and tend data sources", group=_CONTENT, children=_SOURCE),
    Verb("species", "import and tend species", group=_CONTENT, children=_SPECIES),
    _verb("status", "show the branch and what is staged", _LOOK),
    _verb("commit", "record the staged changes", _LOOK),
    _verb("log", "list commits, newest first", _LOOK),
    _verb("show", "show a commit, a species, a source or any path of a revision", _LOOK),
    _verb("diff", "compare two revisions: species, particles, deformation, imaging", _LOOK),
    _verb("view", "show a revision as a page, or its maps in ChimeraX or napari", _LOOK),
    _verb("score", "compare commits with the truth of a simulation", _LOOK),
    _verb("refine", "refine poses, deformation and optics, and record the result", _LOOK),
    _verb("reconstruct", "make half-maps and their FSC from the present state", _LOOK),
    _verb("branch", "list, create, rename or delete branches", _HISTORY),
    _verb("switch", "make another branch the current one", _HISTORY),
    _verb("tag", "list, create or delete tags", _HISTORY),
    _verb("undo", "take back the last change of a branch", _HISTORY),
    _verb("revert", "commit the opposite of an earlier commit", _HISTORY),
    _verb("restore", "bring a path back as it was in another revision", _HISTORY),
    _verb("merge", "join another branch into the current one", _HISTORY),
    _verb("clone", "copy a population from somewhere else", _SHARING),
    Verb("remote", "say where other repositories are", group=_SHARING, children=_REMOTE),
    _verb("fetch", "bring what is new at a remote; branches stay", _SHARING),
    _verb("pull", "fetch, and take the news into the current branch", _SHARING),
    _verb("push", "bring commits to a remote and move its branches", _SHARING),
    _verb("export", "write files for other programs", _CARE),
    _verb("verify", "check every object and every link of the history", _CARE),
    _verb("fsck", "check the repository's files and rebuild what can be rebuilt", _CARE),
    _verb("du", "show disk use per species, source and commit", _CARE),
)


def find(name: str, verbs: tuple[Verb, ...] = VERBS) -> Verb | None:
    """The verb of that name, or None."""
    for verb in verbs:
        if verb.name == name:
            return verb
    return None


def modules(verbs: tuple[Verb, ...] = VERBS) -> tuple[str, ...]:
    """Names of all registered verb modules, families included."""
    found: list[str] = []
    for verb in verbs:
        if verb.module is not None:
            found.append(verb.module)
        found.extend(modules(verb.children))
    return tuple(found)
