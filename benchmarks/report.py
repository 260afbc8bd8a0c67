"""Tables from a result of storage_targets: medians over rounds, and the targets of the design."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["render"]

Entry = Mapping[str, Any]
ONE_ITEM_CPU_S = 0.25
LEVEL_2_SHARE = 0.7
HEADINGS = (
    "program", "first", "iteration", "history", "wall", "MB", "files",
    "verify", "wall", "log", "one item", "wall", "fsyncs",
)  # fmt: skip


def render(result: Mapping[str, Any]) -> str:
    """The printed report: facts, one line per program, targets met or missed."""
    machine, workload = result["machine"], result["workload"]
    lines = [
        f"{result['date']}  commit {result['commit']}  {machine['cores']} cores"
        f"  {machine['processor']}  {machine['kernel']}  Python {machine['python']}",
        f"workload {workload['bytes'] / 1e6:.0f} MB, box {workload['box_px']} px,"
        f" solvent {workload['solvent']}; CPU seconds (user + system of the process tree),"
        " median over rounds",
        "",
        *_table([HEADINGS, *(_row(entry) for entry in result["entries"])]),
        "",
        *(f"{e['name']:10} {e['version']}: {e['settings']}" for e in result["entries"]),
        "",
        *_targets({entry["name"]: entry for entry in result["entries"]}),
    ]
    return "\n".join(lines) + "\n"


def history(entry: Entry, what: str = "cpu_s") -> float | None:
    """Cost of all commits of a round, median over rounds."""
    return _median(entry, lambda r: sum(commit[what] for commit in r["commits"]))


def _median(entry: Entry, value: Callable[[Mapping[str, Any]], float]) -> float | None:
    return statistics.median(map(value, entry["rounds"])) if entry["rounds"] else None


def _row(entry: Entry) -> Sequence[str]:
    if not entry["rounds"]:
        return (entry["name"], str(entry["failure"]).splitlines()[0])
    figures = (
        _median(entry, lambda r: r["commits"][0]["cpu_s"]),
        _iteration(entry),
        history(entry),
        history(entry, "wall_s"),
        _median(entry, lambda r: r["bytes"] / 1e6),
        _median(entry, lambda r: r["files"]),
        _median(entry, lambda r: r["verify"]["cpu_s"]),
        _median(entry, lambda r: r["verify"]["wall_s"]),
        _median(entry, lambda r: r["log"]["cpu_s"]),
        _median(entry, lambda r: r["one_item"]["cpu_s"]),
        _median(entry, lambda r: r["one_item"]["wall_s"]),
    )
    fsyncs = "/".join(str(count) for count in entry["fsyncs"].values()) or "-"
    return (entry["name"], *(_figure(value) for value in figures), fsyncs)


def _iteration(entry: Entry) -> float | None:
    """CPU of one of the commits after the first."""
    return _median(entry, lambda r: statistics.median(c["cpu_s"] for c in r["commits"][1:]))


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Right-aligned columns; a row of two cells is a program that did not run."""
    full = [row for row in rows if len(row) == len(HEADINGS)]
    widths = [max(len(row[column]) for row in full) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        name = f"{row[0]:{max(widths[0], 10)}}"
        if len(row) == 2:
            lines.append(f"{name}  {row[1]}")
            continue
        cells = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([name, *cells]))
    return lines


def _targets(entries: Mapping[str, Entry]) -> list[str]:
    """One line per target of the design's table that this run can judge."""
    lines = []
    for title, ours, theirs, value, factor in _RATIOS:
        if not (entries.get(ours, {}).get("rounds") and entries.get(theirs, {}).get("rounds")):
            lines.append(f"{'not measured':12}  {title}")
            continue
        mine, other = value(entries[ours]), value(entries[theirs])
        ratio = other / mine
        line = f"{_verdict(ratio >= factor):12}  {title}: {ratio:.2f}x (goal {factor:.2f}x)"
        flat = entries.get("mgit-flat", {})
        if ours == "mgit" and flat.get("rounds"):
            line += f"; one array per file {other / value(flat):.2f}x"
        lines.append(line)
    return [*lines, *_absolute(entries.get("mgit", {"rounds": []}))]


def _absolute(ours: Entry) -> list[str]:
    """Targets that compare with no peer."""
    one_item = _median(ours, lambda r: r["one_item"]["cpu_s"])
    share = _median(ours, lambda r: r["rates"]["level_2_gb_per_s"] / r["rates"]["blake3_gb_per_s"])
    if one_item is None or share is None:
        return []
    return [
        f"{_verdict(one_item <= ONE_ITEM_CPU_S):12}  one-item commit: {one_item:.3f} CPU s"
        f" (goal {ONE_ITEM_CPU_S})",
        f"{_verdict(share >= LEVEL_2_SHARE):12}  level 2 of verify: {100 * share:.0f} % of the"
        f" BLAKE3 rate (goal {100 * LEVEL_2_SHARE:.0f} %)",
    ]


def _verdict(met: object) -> str:
    return "met" if met else "MISSED"


def _bytes(entry: Entry) -> float | None:
    return _median(entry, lambda r: r["bytes"])


def _verify(entry: Entry) -> float | None:
    return _median(entry, lambda r: r["verify"]["cpu_s"])


# What is compared, mgit's entry, the peer's, the figure, how many times smaller mgit's shall be.
_RATIOS: Sequence[tuple[str, str, str, Callable[[Entry], Any], float]] = (
    ("commit of an iteration, raw, vs git-lfs", "mgit-raw", "git-lfs", _iteration, 1.2),
    ("commit of an iteration, compressed, vs git-lfs", "mgit", "git-lfs", _iteration, 0.8),
    ("six commits vs git", "mgit", "git", history, 4.0),
    ("six commits vs dvc", "mgit", "dvc", history, 2.0),
    ("six commits vs datalad", "mgit", "datalad", history, 3.0),
    ("six commits vs icechunk", "mgit", "icechunk", history, 3.0),
    ("six commits vs restic", "mgit", "restic", history, 1.3),
    ("store size vs git-lfs", "mgit", "git-lfs", _bytes, 1 / 0.83),
    ("store size vs icechunk", "mgit", "icechunk", _bytes, 1 / 0.9),
    ("store size vs restic", "mgit", "restic", _bytes, 1 / 0.9),
    ("store size vs git", "mgit", "git", _bytes, 1 / 0.9),
    ("full verify vs restic", "mgit", "restic", _verify, 3.0),
    ("full verify vs git", "mgit", "git", _verify, 5.0),
)
