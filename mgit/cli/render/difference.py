"""The difference of two trees in the terminal."""

from mgit.cli.console import Console
from mgit.cli.render.numbers import counted, quantity, rounded, symbol, word
from mgit.cli.render.scores import comparison_lines
from mgit.cli.render.species import resolution_text
from mgit.state.diff import ASTIGMATISM, ArrayChange, ItemDifference, ParticleDifference
from mgit.state.item_scores import ITEM_SCORE_ARRAYS
from mgit.survey.difference import (
    DocumentChange,
    ItemChange,
    SourceChange,
    SpeciesChange,
    TreeDifference,
)

__all__ = ["difference_lines", "show_difference"]

ITEMS_SHOWN = 20
_MARKS = {"added": "+", "removed": "-", "changed": "~"}
_COLOURS = {"+": "green", "-": "red", "~": "yellow"}
_BOOKKEEPING = {"state", "inputs", "raw"}


def show_difference(console: Console, difference: TreeDifference, *, limit: int | None) -> None:
    """Print a difference; limit: series shown per source, None for all."""
    for line in difference_lines(difference, limit=limit):
        mark = line.lstrip()[:1]
        console.out(console.styled(line, _COLOURS[mark]) if mark in _COLOURS else line)


def difference_lines(difference: TreeDifference, *, limit: int | None = None) -> list[str]:
    """A difference as lines: species first, then sources with their series."""
    lines = []
    for species in difference.species:
        lines += _species(species, limit)
    for source in difference.sources:
        lines += _source(source, limit)
    lines += [f"{_MARKS[each.kind]} {each.what} {each.path or '/'}" for each in difference.other]
    return lines


def _species(change: SpeciesChange, limit: int | None) -> list[str]:
    lines = [f"{_MARKS[change.kind]} species {change.name}"]
    only = change.after or change.before
    if change.kind != "changed" and only is not None:
        maps = ", ".join(map(word, only.maps)) or "no maps"
        lines.append(f"    {counted(only.particles, 'particle')} in {only.items} series; {maps}")
    if change.before is not None and change.after is not None:
        before, after = resolution_text(change.before), resolution_text(change.after)
        if before != after:
            lines.append(f"    resolution {before} -> {after}")
    found = change.difference
    if found is not None:
        moved = _particles(found.particles)
        lines += [f"    {each}" for each in moved]
        foreign = [each for each in found.columns_changed if each not in _CANONICAL]
        rows_differ = len(found.particles.added) or len(found.particles.removed)
        if foreign and not rows_differ:  # other rows change every column
            lines.append(f"    particle columns: {_listed(foreign)}")
        if found.maps_changed:
            lines.append(f"    maps: {', '.join(map(word, found.maps_changed))}")
        if found.network_changed:
            lines.append("    denoiser changed")
        metrics = [each for each in found.metrics_changed if each not in ITEM_SCORE_ARRAYS]
        if metrics:
            lines.append(f"    metrics: {_listed(metrics)}")
        lines += _attributes(found.attributes)
        if found.inputs_changed:
            lines.append("    estimated from other states of its series")
    if change.scores is not None:
        scores = comparison_lines(change.scores, every_item=limit is None)
        lines += [f"    {each}" for each in scores]
    return lines + [f"    {each}" for each in _documents(change.documents)]


_CANONICAL = frozenset(
    ("id", "item", "position", "angles", "half_set", "source_table", "source_row")
)


def _particles(found: ParticleDifference) -> list[str]:
    lines = []
    if len(found.added):
        lines.append(f"+ {counted(len(found.added), 'particle')}")
    if len(found.removed):
        lines.append(f"- {counted(len(found.removed), 'particle')}")
    if found.moved:
        shift = quantity(found.median_shift_angstrom, "angstrom")
        turn = quantity(found.median_rotation_degree, "degree")
        most = quantity(found.largest_shift_angstrom, "angstrom")
        most_turn = quantity(found.largest_rotation_degree, "degree")
        lines.append(
            f"{counted(found.moved, 'particle')} moved: median {shift} and {turn}, "
            f"at most {most} and {most_turn}"
        )
    if found.half_set_changed:
        lines.append(f"{counted(found.half_set_changed, 'particle')} changed their half-set")
    if found.item_changed:
        lines.append(f"{counted(found.item_changed, 'particle')} stand in another series")
    if found.resampled:
        lines.append("the number of temporal samples changed")
    return lines


def _source(change: SourceChange, limit: int | None) -> list[str]:
    lines = [f"{_MARKS[change.kind]} source {change.name}"]
    if change.kind != "changed":
        return [*lines, f"    {counted(len(change.items), 'series', 'series')}"]
    lines += _attributes(change.attributes)
    lines += [f"    {each}" for each in _documents(change.documents)]
    shown = change.items if limit is None else change.items[:limit]
    for item in shown:
        lines += _item(item)
    if len(shown) < len(change.items):
        rest = len(change.items) - len(shown)
        lines.append(f"    and {rest} more series differ: '--all' lists every one")
    return lines


def _item(change: ItemChange) -> list[str]:
    lines = [f"  {_MARKS[change.kind]} series {change.name}"]
    found = change.difference
    if found is not None:
        lines += _arrays(found)
        lines += [f"  {line}" for line in _attributes(found.attributes)]
        if found.raw_changed:
            lines.append("      raw data bound anew")
        if found.inputs_changed:
            lines.append("      refined against other states of the species")
    replaced = change.documents if change.kind == "changed" else ()
    return lines + [f"      {each}" for each in _documents(replaced)]


def _arrays(found: ItemDifference) -> list[str]:
    width = max((len(each.name) for each in found.arrays), default=0)
    return [f"      {each.name:<{width}}  {_array(each)}" for each in found.arrays]


def _array(change: ArrayChange) -> str:
    if change.change != "changed" or change.maximum is None or change.rms is None:
        return change.change
    if change.name == "use":
        return "other images are used"
    if change.maximum == 0 and change.name in ASTIGMATISM:
        return "the same in other words: U and V exchanged, or whole turns"
    if change.maximum == 0:
        return "same but for its attributes or whole turns"
    unit = symbol(change.unit)
    return f"by {rounded(change.rms)} RMS, at most {rounded(change.maximum)} {unit}".rstrip()


def _attributes(changes: object) -> list[str]:
    assert hasattr(changes, "items")
    lines = []
    for name, (old, new) in changes.items():
        if name in _BOOKKEEPING:
            continue
        if isinstance(new, bool) or isinstance(old, bool):
            lines.append(f"    {word(name)}: {_flag(old)} -> {_flag(new)}")
        else:
            lines.append(f"    {word(name)}: {_value(old)} -> {_value(new)}")
    return lines


def _flag(value: object) -> str:
    return "yes" if value else "no"


def _value(value: object) -> str:
    if value is None:
        return "none"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _documents(changes: "tuple[DocumentChange, ...]") -> list[str]:
    """A line per document; one that took the place of another of its role shares its line."""
    lines = []
    for role in sorted({each.role for each in changes}):
        mine = [each for each in changes if each.role == role]
        gone = [each for each in mine if each.kind == "removed"]
        fresh = [each for each in mine if each.kind == "added"]
        if len(gone) == len(fresh) == 1:
            lines.append(f"~ document {gone[0].path} -> {fresh[0].path} ({word(role)})")
            mine = [each for each in mine if each.kind == "changed"]
        lines += [f"{_MARKS[each.kind]} document {each.path} ({word(role)})" for each in mine]
    return lines


def _listed(names: "tuple[str, ...] | list[str]", most: int = 6) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
