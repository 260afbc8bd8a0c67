"""One way of showing for each kind of thing that can stand at a path."""

import json
from typing import Any

import numpy as np

from mgit.cli.console import Console
from mgit.cli.render import nodes
from mgit.cli.render.numbers import byte_count, counted, word
from mgit.cli.render.records import as_record
from mgit.cli.render.source import show_source
from mgit.cli.render.species import show_species
from mgit.cli.targets import Place
from mgit.history.repository import Repository
from mgit.history.snapshot import Snapshot
from mgit.state.documents import StoredDocument
from mgit.state.population import Population
from mgit.state.series import read_item
from mgit.state.source import read_source
from mgit.state.species import read_species
from mgit.state.strings import read_strings
from mgit.survey.arrays import array_summary
from mgit.survey.commits import last_change
from mgit.survey.item_scores import scores_by_item
from mgit.survey.population import population_summary
from mgit.survey.source import item_summary, source_summary
from mgit.survey.species import species_summary

__all__ = ["JSON_VALUES_MAX", "show_target"]

JSON_VALUES_MAX = 10_000
"""Largest array whose values stand in the JSON document."""
DOCUMENT_LINES = 40
STRINGS_SHOWN = 20


def show_target(
    repository: Repository, place: Place, console: Console, *, limit: int | None
) -> dict[str, Any]:
    """Show what stands at a place; returns the same as a JSON record.

    limit: series that are listed of a source, None for all.
    """
    assert place.target is not None
    tree, path, kind = place.snapshot, place.target.path, place.target.kind
    if kind in ("species", "source", "item"):
        return _show_owner(repository, place, console, limit)
    match kind:
        case "population":
            population = population_summary(tree)
            nodes.show_population(console, population)
            record = as_record(population)
        case "array":
            record = _show_array(console, tree, path)
        case "strings":
            record = _show_strings(console, tree, path)
        case "document":
            record = _show_document(console, tree, path)
        case "file":
            record = _show_file(console, tree, path)
        case _:
            nodes.show_group(console, tree, path)
            record = {
                "attributes": dict(tree.attributes(path)),
                "children": list(tree.children(path)),
                "files": list(tree.blobs(path)),
            }
    return {"what": kind, "path": path, **record}


def _show_owner(
    repository: Repository, place: Place, console: Console, limit: int | None
) -> dict[str, Any]:
    """A species, a source or a series, with the commit that last changed it."""
    assert place.target is not None
    tree, path = place.snapshot, place.target.path
    origin = last_change(repository, place.commit, path)
    match place.target.kind:
        case "species":
            species = species_summary(read_species(tree, path))
            show_species(console, species, origin)
            record = as_record(species)
        case "source":
            source = source_summary(read_source(tree, path))
            show_source(console, source, origin, limit=limit)
            record = as_record(source)
        case _:
            item = read_item(tree, path)
            nodes.show_item(console, item, origin)
            arrays = {
                name: as_record(array_summary(f"{path}/{name}", handle))
                for name, handle in item.arrays().items()
            }
            summary = item_summary(item, scores=scores_by_item(tree).get(item.id))
            record = {**as_record(summary), "id": item.id, "arrays": arrays}
            record["attributes"] = dict(item.attributes)
    return {"what": place.target.kind, **record, "last_change": as_record(origin)}


def _show_array(console: Console, tree: Snapshot, path: str) -> dict[str, Any]:
    handle = tree.array(path)
    found = array_summary(path, handle)
    size = int(np.prod(handle.shape))
    values = handle.read() if size <= JSON_VALUES_MAX else None
    few = values if values is not None and size <= nodes.VALUES_SHOWN else None
    nodes.show_array(console, found, few)
    if few is None:
        console.note(
            f"{counted(size, 'value')}: '--json' lists up to {JSON_VALUES_MAX}, "
            "'mgit export' writes files"
        )
    return {**as_record(found), "values": None if values is None else values.tolist()}


def _show_strings(console: Console, tree: Snapshot, path: str) -> dict[str, Any]:
    column = read_strings(tree, path)
    counts = np.bincount(column.codes, minlength=len(column.dictionary))
    order = np.argsort(-counts, kind="stable")[:STRINGS_SHOWN]
    console.out(console.styled(f"column of text {path}", "bold"))
    console.out(f"  {counted(len(column), 'row')}, {len(column.dictionary)} different")
    names = _series_names(tree) if path.endswith("/particles/item") else {}
    rows = [
        (column.dictionary[each], int(counts[each]), names.get(column.dictionary[each], ""))
        for each in order
    ]
    console.table(("value", "rows", "series" if names else ""), rows, "lr")
    if len(order) < len(column.dictionary):
        console.out(f"and {len(column.dictionary) - len(order)} more")
    texts = dict(zip(column.dictionary, counts.tolist(), strict=True))
    return {"rows": len(column), "counts": texts if len(texts) <= JSON_VALUES_MAX else None}


def _series_names(tree: Snapshot) -> dict[str, str]:
    return {identity: item.name for identity, item in Population(tree).items_by_id().items()}


def _show_document(console: Console, tree: Snapshot, path: str) -> dict[str, Any]:
    handle = tree.array(path)
    record = handle.attributes
    document = StoredDocument(
        role=str(record.get("role", "")), path=str(record.get("path", "")), node=path, handle=handle
    )
    console.out(console.styled(f"document {document.path}", "bold"))
    console.out(f"  {word(document.role)}, {byte_count(document.size)}; '--raw' writes it whole")
    console.out()
    lines = document.content().decode("utf-8", "replace").splitlines()
    for line in lines[:DOCUMENT_LINES]:
        console.out(line)
    if len(lines) > DOCUMENT_LINES:
        console.out(f"... and {len(lines) - DOCUMENT_LINES} more lines")
    return {"role": document.role, "document": document.path, "size": document.size}


def _show_file(console: Console, tree: Snapshot, path: str) -> dict[str, Any]:
    content = tree.blob(path)
    text = content.decode("utf-8", "replace")
    if path.endswith(".json"):
        text = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    console.out(text)
    return {"size": len(content), "text": text}
