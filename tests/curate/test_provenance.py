"""Provenance is canonical: what is absent is absent, and a float has no place in it."""

import pytest

from mgit.curate.provenance import provenance


def test_versions_are_recorded_and_inputs_sorted_once():
    record = provenance({"name": "x"}, inputs=["b", "a", "b"])
    assert record["inputs"] == ["a", "b"]
    assert set(record["versions"]) == {"mgit", "numpy", "python"}
    assert set(record) == {"settings", "versions", "inputs"}


def test_known_facts_are_recorded():
    record = provenance({}, metrics={"n": 3}, raw_level="movie", device="cpu", seed=0)
    assert record["seed"] == 0
    assert record["raw_level"] == "movie"


def test_floats_are_refused():
    with pytest.raises(TypeError, match="decimal string"):
        provenance({"pixel_size": 1.35})
