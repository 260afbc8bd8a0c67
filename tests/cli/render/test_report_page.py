"""The page: balanced, self-contained, the same for the same commit, and safe for any name."""

import re

import pytest

from mgit.cli.render.report_page import GENERATOR, report_page
from mgit.survey.report import DisplayMap, population_report
from tests.cli.render.pages import Page
from tests.survey.populations import CUBE, add_series, add_species, commit

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=https://example.org/x onerror=alert(1)>',
    "]]></style></title><base href=//example.org>",
    "\u202e\u2066 right to left",
    "a" * 300,
    "naïve ✓ 名前",
)


def page_of(repository, **options):
    shown = DisplayMap(values=CUBE, description="the mean of the half-maps")
    report = population_report(repository, "HEAD", display=lambda _species: shown, **options)
    return report_page(report, version="1.2.3")


def test_the_page_needs_nothing_from_elsewhere(toy):
    text = page_of(toy.repository)
    page = Page(text)
    addresses = page.addresses()
    assert len(addresses) == 3
    assert all(each.startswith("data:image/png;base64,") for each in addresses)
    assert page.tags().isdisjoint({"script", "link", "iframe", "object", "embed", "base", "form"})
    assert "//" not in re.sub(r"base64,[^\"]*", "", text)
    assert "@import" not in text
    assert "url(" not in text
    (policy,) = [each for tag, each in page.elements if tag == "meta" and "http-equiv" in each]
    assert policy["content"].startswith("default-src 'none'")


def test_the_page_fits_phones_and_dark_rooms(toy):
    text = page_of(toy.repository)
    assert 'name="viewport" content="width=device-width' in text
    assert "prefers-color-scheme:dark" in text
    assert text.startswith("<!doctype html>\n<html lang=")
    assert f'content="{GENERATOR}"' in text[:400]


def test_the_same_commit_gives_the_same_bytes(toy):
    assert page_of(toy.repository) == page_of(toy.repository)


def test_the_commit_and_its_audit_are_named(toy):
    text = Page(page_of(toy.repository)).text
    assert toy.tip() in text
    assert f"mgit verify {toy.tip()[:10]}" in text
    assert "Ada Test" in text
    assert "made by mgit 1.2.3" in text


def test_several_species_have_a_list_that_leads_to_them(toy):
    commit(toy.repository, lambda writer: add_species(writer, "virus"))
    page = Page(page_of(toy.repository))
    links = [each["href"] for tag, each in page.elements if tag == "a"]
    anchors = ["#" + each["id"] for tag, each in page.elements if tag == "section"]
    assert links == anchors == ["#s0", "#s1"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_any_text_stay_text(toy, name):
    def edit(writer):
        add_series(writer, name)
        add_species(writer, name, series=(name, "TS_01"))

    commit(toy.repository, edit, message=name)
    page = Page(page_of(toy.repository, species=[name]))
    assert page.text.count(name) >= 3  # species, series, message
    assert page.tags().isdisjoint({"script", "img", "base"})
    assert page.addresses()
    assert all(each.startswith("data:image/png") for each in page.addresses())
    assert not any(attribute.startswith("on") for _, own in page.elements for attribute in own)


def test_a_population_without_species_says_so(toy):
    commit(toy.repository, lambda writer: writer.remove("species"))
    assert "This revision has no species." in Page(page_of(toy.repository)).text
