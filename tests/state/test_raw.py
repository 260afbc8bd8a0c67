import pytest

from mgit.digest import RawDigest
from mgit.errors import InvalidState
from mgit.state.raw import RawEntry, binding, raw_digest, raw_entries, raw_records

FULL = str(RawDigest.of(b"movie"))
QUICK = str(RawDigest.of(b"sampled"))


def entry(path="a.eer", role="movie", **known):
    return RawEntry(role=role, path=path, **known)


@pytest.mark.parametrize(
    ("entries", "level"),
    [
        ([], "unbound"),
        ([entry()], "unbound"),
        ([entry(quick=QUICK)], "quick"),
        ([entry(digest=FULL)], "full"),
        ([entry(digest=FULL, quick=QUICK)], "full"),
        ([entry(digest=FULL), entry(quick=QUICK)], "quick"),
        ([entry(digest=FULL), entry()], "unbound"),
    ],
)
def test_an_item_is_bound_as_well_as_its_worst_known_file(entries, level):
    assert binding(entries) == level
    prefix = {"unbound": "unbound", "quick": "quick:b3:", "full": "b3:"}[level]
    assert raw_digest(entries).startswith(prefix)


def test_names_urls_and_sizes_do_not_enter_the_raw_digest():
    here = [entry("a.eer", digest=FULL)]
    there = [entry("/data/b.eer", digest=FULL, size=7, url="empiar:10499")]
    assert raw_digest(here) == raw_digest(there)


def test_order_roles_and_digests_enter_the_raw_digest():
    one, two = entry(digest=FULL), entry(digest=QUICK)
    digests = {
        raw_digest([one, two]),
        raw_digest([two, one]),
        raw_digest([one]),
        raw_digest([one, one]),
        raw_digest([entry(role="gain", digest=FULL), two]),
        raw_digest([entry(quick=FULL), two]),
    }
    assert len(digests) == 6


def test_a_manifest_survives_being_written():
    entries = (entry(), entry("b", "gain", digest=FULL, quick=QUICK, size=0, url="empiar:1"))
    assert raw_entries(raw_records(entries)) == entries


def test_the_order_of_sections_survives_and_enters_the_raw_digest():
    entries = (entry("a.st", "stack", digest=FULL, sections=(3, 1, 2)),)
    records = raw_records(entries)
    assert records[0]["sections"] == [3, 1, 2]
    assert raw_entries(records) == entries
    plain = entry("a.st", "stack", digest=FULL)
    assert raw_digest(entries) != raw_digest([plain])
    assert "sections" not in raw_records([plain])[0]


@pytest.mark.parametrize("sections", [(0, 1), (1.0,), (True,)])
def test_sections_are_numbers_from_one(sections):
    with pytest.raises(InvalidState, match="section"):
        entry("a.st", "stack", sections=sections)


def test_what_is_unknown_is_absent_from_the_record():
    assert raw_records([entry()]) == [{"role": "movie", "path": "a.eer"}]


@pytest.mark.parametrize("known", [{"digest": "abc"}, {"quick": FULL.upper()}, {"size": -1}])
def test_a_malformed_entry_is_refused(known):
    with pytest.raises(InvalidState):
        entry(**known)


@pytest.mark.parametrize("record", [{"role": "movie"}, {"role": "a", "path": "b", "md5": "c"}])
def test_a_record_with_missing_or_unknown_fields_is_refused(record):
    with pytest.raises(InvalidState, match="fields"):
        raw_entries([record])
