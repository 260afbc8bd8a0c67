"""Commits, series, arrays and groups in the terminal."""

from collections.abc import Sequence

from mgit.cli.console import Console
from mgit.cli.log_format import as_lines
from mgit.cli.render.difference import show_difference
from mgit.cli.render.numbers import byte_count, counted, quantity, rounded, symbol, word
from mgit.cli.render.source import item_table, source_table
from mgit.cli.render.species import origin_lines, species_table
from mgit.history.tree_view import TreeView
from mgit.state.documents import read_documents
from mgit.state.raw import RawEntry
from mgit.state.series import Item
from mgit.survey.arrays import ArraySummary, array_summary
from mgit.survey.commits import CommitSummary, Origin
from mgit.survey.item_scores import scores_by_item
from mgit.survey.population import PopulationSummary
from mgit.survey.source import item_summary

__all__ = [
    "VALUES_SHOWN",
    "show_array",
    "show_commit",
    "show_group",
    "show_item",
    "show_population",
]

VALUES_SHOWN = 64
"""Largest array whose values are printed."""
_OWN = {"id", "inputs", "kind", "name", "raw", "state", "aliases", "excluded", "exclusion_reason"}


def show_commit(
    console: Console, summary: CommitSummary, names: Sequence[str], *, limit: int | None
) -> None:
    """Header, message, how it came about, and what it changed against its first parent."""
    for line in as_lines(summary.commit, names, console):
        console.out(line)
    console.out()
    for line in origin_lines(Origin(commit=summary.commit, provenance=summary.provenance))[2:]:
        console.out(line.strip())
    if summary.commit.signature is not None:
        console.out("signed; 'mgit verify' says by whom")
    console.out()
    if len(summary.commit.parents) > 1:
        console.out(f"against its first parent {summary.commit.parents[0][:10]}:")
    if summary.difference is None:
        console.out("the first commit of this population")
    elif summary.difference:
        show_difference(console, summary.difference, limit=limit)
    else:
        console.out("no difference to its parent")


def show_population(console: Console, population: PopulationSummary) -> None:
    """The lists of sources and species."""
    console.out(console.styled(f"population {population.name}", "bold"))
    if population.sources:
        console.out()
        source_table(console, population.sources)
    if population.species:
        console.out()
        species_table(console, population.species)
    if not population.sources and not population.species:
        console.out("  empty: 'mgit source add' imports data")


def show_item(console: Console, item: Item, origin: Origin | None) -> None:
    """One series: its facts, optics and arrays with shapes, units and ranges."""
    console.out(console.styled(f"series {item.name}", "bold"))
    scores = scores_by_item(item.reader).get(item.id)
    item_table(console, (item_summary(item, scores=scores),))
    console.out()
    for name, value in sorted(item.attributes.items()):
        if name not in _OWN:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            console.out(f"  {word(name):<34}{text}")
    console.out(f"  {'id':<34}{item.id}")
    console.out(f"  {'state':<34}{item.state or 'not sealed'}")
    for role, text in _raw_files(item):
        console.out(f"  {word(role):<34}{text}")
    console.out()
    rows = []
    for name, handle in item.arrays().items():
        found = array_summary(f"{item.path}/{name}", handle)
        rows.append((name, _shape(found.shape), symbol(found.unit), _range(found)))
    console.table(("array", "shape", "unit", "range"), rows, "lrll")
    for document in read_documents(item.reader, item.path):
        size = byte_count(document.size)
        console.out(f"document {document.path} ({word(document.role)}, {size})")
    for line in origin_lines(origin):
        console.out(line)


def show_array(console: Console, found: ArraySummary, values: object) -> None:
    """One array: form, statistics, and its values where they are few."""
    console.out(console.styled(f"array {found.path}", "bold"))
    if found.meaning:
        console.out(f"  {found.meaning}")
    console.out(f"  shape    {_shape(found.shape)} {found.dtype}")
    if found.unit:
        console.out(f"  unit     {symbol(found.unit)}")
    if found.minimum is not None and found.maximum is not None:
        console.out(f"  range    {_range(found)}")
        if found.dtype != "bool":
            console.out(f"  mean     {quantity(found.mean, found.unit, 5)}")
            console.out(f"  RMS      {quantity(found.rms, found.unit, 5)}")
    for name, value in found.attributes.items():
        console.out(f"  {word(name):<8} {value}")
    console.out(f"  content  {found.content}")
    if values is not None:
        console.out()
        console.out(str(values))


def show_group(console: Console, tree: TreeView, path: str) -> None:
    """What stands directly below a group."""
    console.out(console.styled(f"group {path}", "bold"))
    for name, value in tree.attributes(path).items():
        console.out(f"  {word(name)}: {value}")
    rows = []
    for child in tree.children(path):
        node = f"{path}/{child}"
        if tree.is_array(node):
            handle = tree.array(node)
            says = handle.attributes.get("path", handle.attributes.get("name", ""))
            rows.append((child, f"{_shape(handle.shape)} {handle.dtype}", says))
        else:
            rows.append((f"{child}/", "group", tree.attributes(node).get("name", "")))
    rows += [
        (name, f"file, {byte_count(len(tree.blob(f'{path}/{name}')))}", "")
        for name in tree.blobs(path)
    ]
    console.table(("name", "what", ""), rows)


def _raw_files(item: Item) -> list[tuple[str, str]]:
    """Per role of raw files: how many, the first and the last, how many have a digest."""
    roles: dict[str, list[RawEntry]] = {}
    for entry in item.raw:
        roles.setdefault(entry.role, []).append(entry)
    lines = []
    for role, entries in roles.items():
        known = sum(entry.digest is not None or entry.quick is not None for entry in entries)
        paths = entries[0].path + (f" .. {entries[-1].path}" if len(entries) > 1 else "")
        read = "all read" if known == len(entries) else f"{known} of {len(entries)} read"
        lines.append((role, f"{counted(len(entries), 'file')}, {read}: {paths}"))
    return lines


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one value"


def _range(found: ArraySummary) -> str:
    if found.minimum is None or found.maximum is None:
        return "-"
    if found.dtype == "bool":
        return f"{(found.mean or 0):.0%} true"
    if found.constant:
        return f"{rounded(found.minimum, 6)} everywhere"
    least, most = rounded(found.minimum, 6), rounded(found.maximum, 6)
    return f"{least} .. {most}" if least != most else f"about {least}"
