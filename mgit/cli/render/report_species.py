"""One species in the report: facts, slices, curves, directions, series, provenance."""

from collections.abc import Mapping
from typing import Any

from mgit.cli.log_format import date_text, short
from mgit.cli.render.figures import CURVES, directions_figure, fsc_figure, slice_figure
from mgit.cli.render.markup import Markup, element, joined, name_of
from mgit.cli.render.numbers import counted, quantity, rounded, word
from mgit.cli.render.scores import counts_text, score_text
from mgit.cli.render.species import (
    FLAG_ADVICE,
    independence_text,
    resolution_text,
    settings_text,
)
from mgit.survey.commits import Origin
from mgit.survey.report import SeriesLine, SpeciesReport
from mgit.survey.species import SpeciesSummary

__all__ = ["SERIES_SHOWN", "species_section"]

SERIES_SHOWN = 400
"""Rows of the table of series; more make no page to read."""
TEXT_MAX = 600
"""Characters of the settings or metrics of one change."""


def species_section(report: SpeciesReport, *, anchor: str) -> Markup:
    """Everything about one species."""
    summary = report.summary
    flags = [
        element("p", element("strong", word(flag)), f": {FLAG_ADVICE.get(flag, '')}", class_="flag")
        for flag in summary.flags
    ]
    notes = [element("p", "note: ", note, class_="soft") for note in summary.notes]
    return element(
        "section",
        element("h2", name_of(summary.name)),
        _facts(report),
        *flags,
        *notes,
        _slices(report),
        element("div", _curves(report), _directions(report), class_="pair"),
        _series(report),
        _provenance(report),
        id=anchor,
    )


def _facts(report: SpeciesReport) -> Markup:
    summary = report.summary
    facts: list[tuple[str, object]] = [
        ("resolution", _resolution(report)),
        ("symmetry", summary.symmetry),
        ("particles", f"{summary.particles} in {summary.items} series"),
        ("half-sets", _half_sets(summary)),
        ("diameter", quantity(summary.diameter_angstrom, "angstrom", 4)),
    ]
    if summary.molecular_weight_kilodalton is not None:
        facts.append(("mass", quantity(summary.molecular_weight_kilodalton, "kilodalton", 4)))
    if summary.box_px is not None:
        pixel = quantity(summary.pixel_size_angstrom, "angstrom", 5)
        facts.append(
            ("maps", f"{', '.join(map(word, summary.maps))}; {summary.box_px}³ at {pixel}")
        )
    if summary.b_factor_angstrom2 is not None:
        facts.append(("B factor", quantity(summary.b_factor_angstrom2, "angstrom^2")))
    if report.maps_origin is not None:
        facts.append(("maps from", _maps_origin(report.maps_origin)))
    if summary.scores is not None:
        facts.append(("scores", counts_text(summary.scores)))
    facts.append(("state", element("code", summary.state or "not sealed")))
    rows = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *rows, class_="facts")


def _resolution(report: SpeciesReport) -> str:
    if report.summary.resolution is None and report.resolution_angstrom is not None:
        return f"{quantity(report.resolution_angstrom, 'angstrom')} (measured for this report)"
    return resolution_text(report.summary)


def _half_sets(summary: SpeciesSummary) -> str:
    one, two = summary.half_sets
    split = {"restarted": ", split anew", "imported": ", split as imported"}
    return f"{one} + {two}{split.get(summary.half_set_origin, '')}"


def _maps_origin(origin: Origin) -> Markup:
    commit = origin.commit
    verb = origin.provenance.get("verb", "?")
    return joined(f"mgit {verb}, ", element("code", short(commit.id)), " ", name_of(commit.subject))


def _slices(report: SpeciesReport) -> Markup:
    slices = report.slices
    if slices is None:
        return element("p", "There are no maps to show.", class_="soft")
    figures = [
        element(
            "figure",
            slice_figure(each, slices),
            element("figcaption", f"along {each.axis}: {each.right} right, {each.up} up"),
        )
        for each in slices.slices
    ]
    contour = "; the line is the mask at 0.5" if slices.masked else ""
    return joined(
        element("h3", "Slices through the centre"),
        element("div", *figures, class_="slices"),
        element("p", f"{report.map_description}{contour}", class_="soft small"),
    )


def _curves(report: SpeciesReport) -> Markup:
    curves = report.curves
    if curves is None:
        return element("div")
    legend = [
        element(
            "span",
            element(
                "svg",
                element("line", x1=0, x2=26, y1=4, y2=4, class_=f"curve {name}"),
                viewBox="0 0 26 8",
                aria_hidden="true",
            ),
            label,
        )
        for name, label in CURVES.items()
        if getattr(curves, name) is not None
    ]
    shared = independence_text(report.summary)
    sentence = shared[0].upper() + shared[1:]
    measured = ""
    if report.curves_measured:
        measured = "Measured for this report: the species keeps no curves. "
    return element(
        "div",
        element("h3", "Fourier shell correlation of the half-maps"),
        fsc_figure(curves, resolution_angstrom=report.resolution_angstrom),
        element("div", *legend, class_="legend"),
        element("p", f"{measured}{sentence}.", class_="soft small"),
    )


def _directions(report: SpeciesReport) -> Markup:
    found = report.directions
    if found is None:
        return element("div")
    empty = int((found.count == 0).sum())
    most = rounded(float(found.density.max()), 2)
    text = (
        f"Directions of the beam in the frame of {counted(found.particles, 'particle')}, areas to "
        f"scale. The fullest of {len(found.count)} cells has {most} times an even share; "
        f"empty cells: {empty}. Symmetry mates are not drawn."
    )
    return element(
        "div",
        element("h3", "Directions of view"),
        directions_figure(found),
        element("p", text, class_="soft small"),
    )


def _series(report: SpeciesReport) -> Markup:
    lines = report.series
    if not lines:
        return Markup("")
    scored = any(each.score is not None for each in lines)
    most = max(each.particles for each in lines)
    best = max((each.score.after for each in lines if each.score is not None), default=0.0)
    head = [
        element("th", "series"),
        element("th", "source"),
        element("th", "particles", class_="n"),
    ]
    if scored:
        head += [
            element("th", "score", class_="n"),
            element("th", "change", class_="n"),
            element("th", "", class_="bar"),
        ]
    else:
        head.append(element("th", "", class_="bar"))
    rows = [_row(each, scored=scored, most=best if scored else most) for each in lines]
    rest = ""
    if len(rows) > SERIES_SHOWN:
        rest = f"and {len(rows) - SERIES_SHOWN} more: 'mgit show sources/NAME --all'"
    order = "worst score first; 100 times the correlation with the projections"
    return joined(
        element("h3", f"Series, {order if scored else 'most particles first'}"),
        element(
            "div",
            element(
                "table",
                element("thead", element("tr", *head)),
                element("tbody", *rows[:SERIES_SHOWN]),
            ),
            class_="scroll",
        ),
        element("p", rest, class_="soft small") if rest else "",
    )


def _row(line: SeriesLine, *, scored: bool, most: float) -> Markup:
    name = joined(name_of(line.name), " (excluded)" if line.excluded else "")
    cells = [
        element("td", name, class_="name"),
        element("td", name_of(line.source), class_="name"),
        element("td", line.particles, class_="n"),
    ]
    value: float = line.particles
    if scored:
        value = 0.0 if line.score is None else line.score.after
        cells += _score_cells(line)
    share = min(max(value / most, 0.0), 1.0) if most > 0 else 0.0
    bar = element("span", style=f"width:{100 * share:.1f}%")
    return element("tr", *cells, element("td", bar, class_="bar"))


def _score_cells(line: SeriesLine) -> list[Markup]:
    if line.score is None:
        return [element("td", "-", class_="n"), element("td", "-", class_="n")]
    score = line.score
    verdict = "good" if score.change > 0 else "bad" if score.change < 0 else ""
    text = f"{score_text(score.before)} → {score_text(score.after)}"
    return [
        element("td", text, class_="n"),
        element("td", f"{score.change:+.2f}", class_=f"n {verdict}".strip()),
    ]


def _provenance(report: SpeciesReport) -> Markup:
    steps = [_step(each, report.summary.name) for each in report.history]
    if report.has_older:
        steps.append(element("li", "and earlier ones: 'mgit log' lists them", class_="soft"))
    return joined(
        element("h3", "How it came about, latest first"),
        element("ol", *steps, class_="chain"),
    )


def _step(origin: Origin, species: str) -> Markup:
    commit, record = origin.commit, origin.provenance
    author = commit.author.rpartition(" <")[0] or commit.author
    moment = date_text(commit.author_time, commit.author_zone)
    lines = [
        element("div", element("code", short(commit.id)), " ", name_of(commit.subject)),
        element("div", name_of(author), f", {moment}", class_="soft small"),
    ]
    for change in (record, *record.get("changes", ())):
        text = f"mgit {change.get('verb', '?')}{settings_text(change)}"
        lines.append(element("div", _cut(text), class_="small"))
        metrics = _metrics_text(change.get("metrics"), species)
        if metrics:
            lines.append(element("div", _cut(f"measured: {metrics}"), class_="small"))
    facts = [
        f"{word(name)} {word(str(record[name]))}"
        for name in ("raw_level", "device")
        if name in record
    ]
    facts += [f"{name} {each}" for name, each in record.get("versions", {}).items()]
    if facts:
        lines.append(element("div", _cut(", ".join(facts)), class_="soft small"))
    return element("li", *lines)


def _metrics_text(metrics: object, species: str) -> str:
    """Figures of one change that concern the species, without the scores of single series."""
    if not isinstance(metrics, Mapping):
        return ""
    own: Mapping[str, Any] = metrics
    if isinstance(metrics.get(species), Mapping):
        own = metrics[species]
    return ", ".join(
        f"{word(name)} {_number(value)}"
        for name, value in own.items()
        if not isinstance(value, (Mapping, list))
    )


def _number(value: object) -> str:
    """A decimal with the digits that eyes want; other values as they are."""
    if not isinstance(value, str):
        return str(value)
    try:
        return rounded(float(value), 4)
    except ValueError:
        return value


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"
