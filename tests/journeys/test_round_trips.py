"""What is imported comes out of an export as it went in: all real documents that are read."""

import pytest

from tests.journeys.round_trips import CASES, PAGE, row_of, table_in, table_of


@pytest.fixture(scope="module")
def published():
    """The rows of docs/formats.md by the documents they are about."""
    lines = table_in(PAGE.read_text("utf-8")).splitlines()[2:]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_a_document_comes_back_as_it_was(case, shared_data, tmp_path, published):
    row = row_of(case, shared_data, tmp_path)
    assert row.verdict == case.verdict, list(row.changed.items())[:5]
    assert str(row) == published[case.path], "run 'python -m tests.journeys.round_trips'"


def test_the_page_lists_every_case_once(published):
    assert list(published) == [case.path for case in CASES]
    assert table_of([]).splitlines()[0] in PAGE.read_text("utf-8")
