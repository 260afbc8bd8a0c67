"""Showing what stands at a path, with its JSON record."""

import pytest

from mgit.cli.console import Console
from mgit.cli.render.show_targets import show_target
from mgit.cli.targets import find_place


@pytest.mark.parametrize(
    ("place", "kind", "key"),
    [
        (":", "population", "species"),
        (":species/ribosome", "species", "resolution"),
        (":sources/grid", "source", "items"),
        (":sources/grid/items/TS_01", "item", "arrays"),
        (":sources/grid/items/TS_01/use", "array", "values"),
        (":species/ribosome/particles/item", "strings", "counts"),
        (":species/ribosome/documents/particles.star", "document", "size"),
        (":provenance.json", "file", "text"),
        (":species", "group", "children"),
    ],
)
def test_every_kind_has_a_record(toy, place, kind, key):
    repository = toy.repository
    console = Console(quiet=True)
    record = show_target(repository, find_place(repository, place), console, limit=None)
    assert record["what"] == kind
    assert key in record
