from pathlib import Path

from mgit.state.schema import ITEM_ARRAYS, ITEM_ATTRIBUTES, PARTICLE_COLUMNS, SPECIES_ATTRIBUTES
from mgit.state.schema_page import state_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "state.md"


def test_the_page_in_the_documentation_is_the_generated_one():
    """Write it again with state_page() after a change of the schema."""
    assert PAGE.read_text(encoding="utf-8") == state_page()


def test_every_array_and_attribute_has_its_line():
    page = state_page()
    for each in (*ITEM_ARRAYS, *ITEM_ATTRIBUTES, *PARTICLE_COLUMNS, *SPECIES_ATTRIBUTES):
        assert f"| `{each.name}` |" in page


def test_the_page_says_what_the_digest_covers():
    lines = state_page().splitlines()
    assert next(each for each in lines if "`tilt_angle`" in each).endswith("| x |")
    assert next(each for each in lines if "`source_row`" in each).endswith("|  |")


def test_rows_have_as_many_cells_as_their_heads():
    cells = None
    for line in state_page().splitlines():
        if not line.startswith("|"):
            cells = None
        elif cells is None:
            cells = line.count("|")
        else:
            assert line.count("|") == cells, line
