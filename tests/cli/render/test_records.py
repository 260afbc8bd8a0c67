"""Summaries as JSON records."""

import json
from dataclasses import dataclass

import numpy as np

from mgit.cli.render.records import as_record


@dataclass(frozen=True)
class Inner:
    values: np.ndarray


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    pair: tuple
    table: dict


def test_nested_values_become_plain_ones():
    value = Outer(
        name="x", inner=Inner(np.array([1.0, 2.0])), pair=(1, None), table={"a": Inner(np.ones(1))}
    )
    assert as_record(value) == {
        "name": "x",
        "inner": {"values": [1.0, 2.0]},
        "pair": [1, None],
        "table": {"a": {"values": [1.0]}},
    }


def test_particle_ids_are_hexadecimal():
    assert as_record(np.zeros((2, 2), np.uint8)) == ["0000", "0000"]


def test_commits_are_as_in_the_log(toy):
    record = as_record(toy.repository.commit("HEAD"))
    assert record["subject"] == "Add species ribosome"
    json.dumps(record)
