"""How a commit is written in a log: lines like Git's, one line, or a JSON record."""

import time

TYPE_CHECKING = False  # `typing` is not imported here: the module is on the log's start-up path.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from mgit.cli.console import Console
    from mgit.history.commits import CommitRecord
    from mgit.history.refs import RefStore

__all__ = ["as_json", "as_lines", "as_one_line", "date_text", "decorations", "short"]

COMMIT_DIGITS = 10
STATE_DIGITS = 12
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def short(name: str) -> str:
    """An abbreviated commit id or digest, for eyes only."""
    if name.startswith("b3:"):
        return name[: 3 + STATE_DIGITS]
    return name[:COMMIT_DIGITS]


def date_text(time_s: int, zone_s: int) -> str:
    """A moment as Git writes it, e.g. `Sun Nov 22 14:05:09 2026 +0100`, in the author's zone."""
    there = time.gmtime(time_s + zone_s)
    sign, minutes = "-" if zone_s < 0 else "+", abs(zone_s) // 60
    clock = f"{there.tm_hour:02}:{there.tm_min:02}:{there.tm_sec:02}"
    day = f"{_DAYS[there.tm_wday]} {_MONTHS[there.tm_mon - 1]} {there.tm_mday}"
    return f"{day} {clock} {there.tm_year} {sign}{minutes // 60:02}{minutes % 60:02}"


def decorations(refs: "RefStore", resolve: "Callable[[str], str]") -> "dict[str, tuple[str, ...]]":
    """Names that point at each commit: HEAD and its branch first, then branches, then tags."""
    found: dict[str, list[str]] = {}
    head = refs.head()
    if head.commit is not None:
        label = f"HEAD -> {head.branch}" if head.branch is not None else "HEAD"
        found[head.commit] = [label]
    named = refs.all("refs/heads/")
    for ref, commit in named.items():
        name = ref.removeprefix("refs/heads/")
        if name != head.branch:
            found.setdefault(commit, []).append(name)
    for ref in refs.all("refs/tags/"):
        name = ref.removeprefix("refs/tags/")
        found.setdefault(resolve(ref), []).append(f"tag: {name}")
    return {commit: tuple(names) for commit, names in found.items()}


def as_one_line(commit: "CommitRecord", names: "Sequence[str]", console: "Console") -> str:
    """Short id, names and subject."""
    parts = [console.styled(short(commit.id), "yellow"), _names(names, console), commit.subject]
    return " ".join(part for part in parts if part)


def as_lines(commit: "CommitRecord", names: "Sequence[str]", console: "Console") -> list[str]:
    """Id, names, parents of a merge, author, date, state digest and the indented message."""
    head = " ".join(
        part
        for part in (console.styled(f"commit {commit.id}", "yellow"), _names(names, console))
        if part
    )
    lines = [head]
    if len(commit.parents) > 1:
        lines.append("Merge:  " + " ".join(map(short, commit.parents)))
    lines.append(f"Author: {commit.author}")
    lines.append(f"Date:   {date_text(commit.author_time, commit.author_zone)}")
    if commit.state:
        lines.append(f"State:  {short(commit.state)}")
    lines.append("")
    lines += [f"    {line}".rstrip() for line in commit.message.rstrip("\n").split("\n")]
    return lines


def as_json(commit: "CommitRecord", names: "Sequence[str]") -> "dict[str, Any]":
    """The commit as a JSON record; times in seconds since 1970, zones in seconds east of UTC."""
    name, _, address = commit.author.rpartition(" <")
    return {
        "id": commit.id,
        "parents": list(commit.parents),
        "names": list(names),
        "author": {
            "name": name,
            "email": address.removesuffix(">"),
            "time": commit.author_time,
            "zone": commit.author_zone,
        },
        "state": commit.state,
        "root": commit.root,
        "signed": commit.signature is not None,
        "subject": commit.subject,
        "message": commit.message,
    }


def _names(names: "Sequence[str]", console: "Console") -> str:
    return console.styled(f"({', '.join(names)})", "cyan") if names else ""
