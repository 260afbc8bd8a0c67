"""Foreign documents read by other people's parsers, cell by cell, to compare exports with."""

import xml.etree.ElementTree
from pathlib import Path

import pandas
import starfile


def fields(path):
    """Every field of a document by its place: STAR cells, XML nodes and attributes, mdoc lines."""
    path = Path(path)
    if path.suffix == ".star":
        return _star(path)
    if path.suffix in (".xml", ".settings", ".source", ".species", ".population"):
        return _xml(path)
    return dict(enumerate(path.read_text("utf-8").splitlines()))


def differences(before, after):
    """Places whose values differ, or that only one of two documents has."""
    first, second = fields(before), fields(after)
    return {
        place: (first.get(place), second.get(place))
        for place in first.keys() | second.keys()
        if first.get(place) != second.get(place)
    }


def _star(path):
    found = {}
    columns = [line.split()[0][1:] for line in _labels(path)]
    blocks = starfile.read(path, always_dict=True, parse_as_string=columns)
    for block, content in blocks.items():
        if isinstance(content, pandas.DataFrame):
            for column in content.columns:
                for row, value in enumerate(content[column].astype(str)):
                    found[block, column, row] = value
        else:
            found.update({(block, name, 0): str(value) for name, value in content.items()})
    return found


def _labels(path):
    lines = path.read_text("utf-8").splitlines()
    return [line for line in lines if line.startswith("_") and line.split()]


def _xml(path):
    found = {}
    root = xml.etree.ElementTree.parse(path).getroot()
    pending = [(root, (root.tag,))]
    while pending:
        node, place = pending.pop()
        text = (node.text or "").split("\n")
        found.update({(*place, "text", line): value.strip() for line, value in enumerate(text)})
        found.update({(*place, "@", name): value for name, value in node.attrib.items()})
        pending.extend((child, (*place, child.tag, at)) for at, child in enumerate(node))
    return found
