"""Adding sources, and taking over re-processed metadata without losing what was refined here."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.curate.raw_digests import FileDigest
from mgit.curate.sources import add_source, merge_raw, update_from
from mgit.errors import InvalidInput, Refused
from mgit.exchange.records import GridValues
from mgit.state.population import Population
from mgit.state.raw import RawEntry
from mgit.state.series import update_item_arrays
from tests.curate.conftest import TILTS, make_series, make_source

DIGEST = "b3:" + "1" * 64


def unknown(_raw):
    return None


def known(raw):
    return FileDigest(size_bytes=7, quick=DIGEST, full=DIGEST) if raw.path == "a.mrc" else None


def test_a_source_arrives_with_items_documents_and_bindings(tree):
    record = make_source(make_series("A", raw=("a.mrc",)), make_series("B", raw=("b.mrc",)))
    report = add_source(tree, "hiv", record, digest_of=known)
    assert (report.items, report.tilts) == (2, 2 * TILTS)
    assert report.bindings == {"unbound": 1, "quick": 0, "full": 1}
    source = Population(tree).source("hiv")
    assert [item.name for item in source.items()] == ["A", "B"]
    assert tree.exists(f"{source.path}/documents")


def test_the_same_name_twice_is_refused(tree):
    add_source(tree, "hiv", make_source(make_series("A")), digest_of=unknown)
    with pytest.raises(Refused, match="exists"):
        add_source(tree, "hiv", make_source(make_series("B")), digest_of=unknown)
    with pytest.raises(InvalidInput, match="same name"):
        add_source(tree, "x", make_source(make_series("A"), make_series("A")), digest_of=unknown)
    with pytest.raises(InvalidInput, match="no series"):
        add_source(tree, "x", make_source(), digest_of=unknown)


def test_raw_data_that_another_source_holds_are_refused_by_name(tree):
    add_source(tree, "hiv", make_source(make_series("A", raw=("a.mrc",))), digest_of=known)
    with pytest.raises(Refused, match="hiv: A"):
        add_source(tree, "copy", make_source(make_series("Z", raw=("a.mrc",))), digest_of=known)


def test_new_series_are_added_and_absent_ones_stay(tree):
    add_source(tree, "hiv", make_source(make_series("A")), digest_of=unknown)
    report = update_from(
        tree, "hiv", make_source(make_series("B")), digest_of=unknown, replace=False
    )
    assert report.added == ("B",)
    assert report.absent == ("A",)
    assert {item.name for item in Population(tree).source("hiv").items()} == {"A", "B"}


def test_what_was_changed_here_stays_unless_it_is_replaced(tree, monkeypatch):
    original = make_series("A")
    add_source(tree, "hiv", make_source(original), digest_of=unknown)
    # The documents of these tests have no reader: say what the import said.
    monkeypatch.setattr("mgit.curate.sources.imported_records", lambda *_arguments: {"A": original})
    item = next(Population(tree).source("hiv").items())
    refined = np.full(TILTS, 21_234.5)
    update_item_arrays(tree, item.path, {"defocus": (refined, {})})
    newer = replace(
        make_series("A", defocus=30_000.0),
        arrays={
            **make_series("A", defocus=30_000.0).arrays,
            "axis_angle": GridValues(values=np.full(TILTS, 84.0)),
        },
    )
    report = update_from(tree, "hiv", make_source(newer), digest_of=unknown, replace=False)
    assert report.changed == {"A": ("axis_angle",)}
    assert report.kept == {"A": ("defocus",)}
    item = next(Population(tree).source("hiv").items())
    np.testing.assert_array_equal(item.array("defocus").read(), refined)
    np.testing.assert_array_equal(item.array("axis_angle").read(), 84.0)

    report = update_from(tree, "hiv", make_source(newer), digest_of=unknown, replace=True)
    assert report.changed == {"A": ("defocus",)}
    np.testing.assert_array_equal(
        next(Population(tree).source("hiv").items()).array("defocus").read(), 30_000.0
    )


def test_an_update_keeps_ids_exclusions_and_digests(tree):
    add_source(tree, "hiv", make_source(make_series("A", raw=("a.mrc",))), digest_of=known)
    before = next(Population(tree).source("hiv").items())
    newer = make_series("A", defocus=1.0, raw=("a.mrc",))
    update_from(tree, "hiv", make_source(newer), digest_of=unknown, replace=True)
    after = next(Population(tree).source("hiv").items())
    assert after.id == before.id
    assert after.raw == before.raw
    assert after.raw[0].digest == DIGEST


def test_metadata_of_another_kind_are_refused(tree):
    add_source(tree, "hiv", make_source(make_series("A")), digest_of=unknown)
    frames = replace(make_source(make_series("A")), kind="frame_series")
    with pytest.raises(InvalidInput, match="another kind"):
        update_from(tree, "hiv", frames, digest_of=unknown, replace=False)


def test_a_manifest_keeps_what_it_knows():
    old = (RawEntry(role="movie", path="a", digest=DIGEST), RawEntry(role="movie", path="b"))
    new = (RawEntry(role="movie", path="b"), RawEntry(role="movie", path="a"))
    assert merge_raw(old, new) == (old[1], old[0])
    assert merge_raw(old, ()) == old
    better = RawEntry(role="movie", path="b", digest=DIGEST)
    assert merge_raw(old, (better,)) == (better,)
