"""A data source and its series in the terminal."""

from mgit.cli.console import Console
from mgit.cli.render.numbers import MICROMETRE, byte_count, counted, quantity, range_text, word
from mgit.cli.render.scores import score_text
from mgit.cli.render.species import origin_lines
from mgit.state.item_scores import ItemScore
from mgit.survey.commits import Origin
from mgit.survey.source import ItemSummary, SourceSummary

__all__ = ["bindings_text", "item_table", "show_source", "source_table"]

DOCUMENTS_SHOWN = 6


def source_table(console: Console, sources: "tuple[SourceSummary, ...]") -> None:
    """One line per source."""
    rows = [
        (
            each.name,
            word(each.kind),
            len(each.items),
            f"{each.images_used}/{each.images}",
            quantity(_number(each, "pixel_size_angstrom"), "angstrom", 5),
            quantity(_number(each, "voltage_kilovolt"), "kilovolt"),
            bindings_text(each),
        )
        for each in sources
    ]
    columns = ("source", "kind", "series", "images used", "pixel size", "voltage", "raw data")
    console.table(columns, rows, "llrrrrl")


def bindings_text(source: SourceSummary) -> str:
    """How well the raw data are known."""
    words = {"unbound": "unbound", "quick": "quick digest", "full": "full digest"}
    return ", ".join(f"{count} {words[kind]}" for kind, count in source.bindings.items())


def show_source(
    console: Console, source: SourceSummary, origin: Origin | None, *, limit: int | None = None
) -> None:
    """Everything about one source; its series in a table, worst first."""
    console.out(console.styled(f"source {source.name}", "bold"))
    for name, text in _facts(source):
        console.out(f"  {name:<13}{text}")
    console.out()
    shown = source.items if limit is None else source.items[:limit]
    item_table(console, shown)
    if len(shown) < len(source.items):
        console.out(f"  and {len(source.items) - len(shown)} more: '--all' lists every one")
    scored = "score, " if any(each.scores for each in source.items) else ""
    console.note(f"worst first: excluded, then {scored}unused images, then deformation")
    for line in origin_lines(origin):
        console.out(line)


def item_table(console: Console, items: "tuple[ItemSummary, ...]") -> None:
    """One line per series."""
    deformed = any(each.deformation_angstrom is not None for each in items)
    columns = ["series", "images used", "tilt deg", "exposure e/A^2", "defocus um"]
    columns += ["deformation RMS A"] if deformed else []
    species = sorted({name for each in items for name in each.scores})
    columns += [f"score {name}" for name in species]
    columns += ["raw data", ""]
    rows = []
    for each in items:
        row = [
            each.name,
            f"{each.images_used}/{each.images}",
            range_text(each.tilt_degree, decimals=1),
            range_text(each.exposure_e_per_angstrom2, decimals=1),
            range_text(each.defocus_angstrom, decimals=2, scale=MICROMETRE),
        ]
        if deformed:
            found = each.deformation_angstrom
            row.append("-" if found is None else f"{found:.2f}")
        row += [_score(each.scores.get(name)) for name in species]
        reason = f": {each.exclusion_reason}" if each.exclusion_reason else ""
        row += [each.binding, f"excluded{reason}" if each.excluded else ""]
        rows.append(row)
    console.table(columns, rows, "l" + "r" * (len(columns) - 3) + "ll")


def _score(score: ItemScore | None) -> str:
    return "-" if score is None else f"{score_text(score.before)} -> {score_text(score.after)}"


def _facts(source: SourceSummary) -> list[tuple[str, str]]:
    kind = word(source.kind)
    facts = [
        ("kind", kind + (f", from {source.format}" if source.format else "")),
        ("series", f"{len(source.items)}, {source.images_used} of {source.images} images used"),
        ("raw data", bindings_text(source)),
    ]
    optics = [
        ("", "pixel_size_angstrom", "angstrom"),
        ("", "voltage_kilovolt", "kilovolt"),
        ("Cs ", "spherical_aberration_millimetre", "millimetre"),
        ("amplitude contrast ", "amplitude_contrast", ""),
    ]
    known = [
        label + quantity(_number(source, name), unit, 5)
        for label, name, unit in optics
        if name in source.attributes
    ]
    if known:
        facts.append(("optics", ", ".join(known)))
    facts += [
        ("document", f"{each.path} ({word(each.role)}, {byte_count(each.size)})")
        for each in source.documents[:DOCUMENTS_SHOWN]
    ]
    if len(source.documents) > DOCUMENTS_SHOWN:
        rest = counted(len(source.documents) - DOCUMENTS_SHOWN, "more document")
        facts.append(("", f"and {rest}"))
    notes = source.attributes.get("notes", ())
    return facts + [("note", str(note)) for note in (notes if isinstance(notes, list) else ())]


def _number(source: SourceSummary, name: str) -> float | None:
    text = source.attributes.get(name)
    return None if text is None else float(str(text))
