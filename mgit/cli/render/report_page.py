"""The report on a revision as one HTML page: no script, nothing from elsewhere."""

from collections.abc import Sequence

from mgit.cli.log_format import date_text, short
from mgit.cli.render.markup import Markup, element, joined, name_of
from mgit.cli.render.numbers import counted
from mgit.cli.render.report_species import species_section
from mgit.cli.render.report_style import STYLE
from mgit.history.commits import CommitRecord
from mgit.survey.report import Report, SpeciesReport

__all__ = ["GENERATOR", "report_page"]

GENERATOR = "mgit report"
"""What the page says made it; a file with this may be replaced by a later report."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Browsers refuse whatever else a page asks for, should a name ever slip through."""


def report_page(report: Report, *, version: str) -> str:
    """The whole page. The same commit and version of mgit give the same text."""
    title = f"{report.population} {short(report.commit.id)}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="generator", content=GENERATOR),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", STYLE),
    )
    sections = [
        species_section(each, anchor=f"s{position}") for position, each in enumerate(report.species)
    ]
    nothing = element("section", element("p", "This revision has no species."))
    body = element(
        "body",
        _header(report),
        element("main", *(sections or [nothing])),
        _footer(report.commit, version),
    )
    return "<!doctype html>\n" + element("html", head, "\n", body, lang="en") + "\n"


def _header(report: Report) -> Markup:
    commit, counts = report.commit, report.counts
    author = commit.author.rpartition(" <")[0] or commit.author
    moment = date_text(commit.author_time, commit.author_zone)
    said = ", ".join(
        (
            counted(counts.species, "species", "species"),
            counted(counts.particles, "particle"),
            f"{counts.items} series of {counted(counts.sources, 'source')}",
        )
    )
    return element(
        "header",
        element("h1", name_of(report.population)),
        element("p", element("code", commit.id), " ", name_of(commit.subject)),
        element("p", name_of(author), f", {moment}", class_="soft"),
        element("p", said, class_="soft"),
        _contents(report.species),
    )


def _contents(species: Sequence[SpeciesReport]) -> Markup:
    if len(species) < 2:
        return Markup("")
    links = [
        element("a", name_of(each.summary.name), href=f"#s{position}")
        for position, each in enumerate(species)
    ]
    return element("nav", *links)


def _footer(commit: CommitRecord, version: str) -> Markup:
    names = {"state": commit.state, "root": commit.root}
    digests = [
        element("p", f"{name} ", element("code", value)) for name, value in names.items() if value
    ]
    verify = joined(
        "This page is a copy. What it tells is checked against the data by ",
        element("code", f"mgit verify {short(commit.id)}"),
        ", which audits every object, the half-sets in space and the provenance of each commit; "
        "hashes prove that nothing changed since, not that a computation took place.",
    )
    return element(
        "footer",
        element("p", verify),
        *digests,
        element("p", f"made by mgit {version}"),
        class_="soft small",
    )
