"""The style sheet covers what the page uses and asks for nothing."""

import re

from mgit.cli.render.report_style import STYLE
from tests.cli.render.pages import Page
from tests.cli.render.test_report_page import page_of


def test_colours_that_are_used_are_defined_for_light_and_dark():
    light, dark = re.findall(r":root\{([^}]*)\}", STYLE)
    used = set(re.findall(r"var\((--\w+)\)", STYLE))
    for scheme in (light, dark):
        assert used <= set(re.findall(r"(--\w+):", scheme))


def test_the_sheet_is_well_formed_and_closes_no_element():
    assert STYLE.count("{") == STYLE.count("}")
    assert "<" not in STYLE
    assert "url(" not in STYLE


def test_every_class_of_the_page_has_a_rule(toy):
    named = {
        name
        for _, each in Page(page_of(toy.repository)).elements
        for name in each.get("class", "").split()
    }
    assert named <= set(re.findall(r"\.([a-z_]+)", STYLE)) | {"plot", "end"}
