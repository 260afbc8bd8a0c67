"""The page of the command line is what the help texts say today."""

import sys

import pytest

from mgit.cli.reference import page
from mgit.cli.verbs import modules
from tests.conftest import ROOT


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the page is written with the argparse of Python 3.11"
)
def test_the_page_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text() == page(), "run python -m mgit.cli.reference"


def test_every_verb_has_a_section():
    for module in modules():
        words = module.removeprefix("mgit.cli.").replace(".", " ")
        assert f"\n## mgit {words}\n" in page()
