"""`mgit source exclude` takes series and tilts out of use, and deletes nothing."""


def test_a_series_is_excluded_with_its_reason(added, shown, tip):
    assert added("source", "exclude", "lam", "TS_02", "--reason", "too thick")[0] == 0
    assert shown()["TS_02"]["excluded"]
    assert shown()["TS_02"]["exclusion_reason"] == "too thick"
    assert tip() == "Exclude TS_02 of source lam"


def test_tilts_are_excluded_by_number(added, shown):
    assert added("source", "exclude", "lam", "TS_01", "--tilts", "1-3,41")[0] == 0
    assert shown()["TS_01"]["images_used"] == 37


def test_nonsense_changes_nothing(added, tip):
    before = tip()
    assert added("source", "exclude", "lam", "TS_01", "--tilts", "42")[0] == 1
    assert added("source", "exclude", "lam", "TS_01", "TS_02", "--tilts", "1")[0] == 1
    assert added("source", "exclude", "lam")[0] == 1
    assert added("source", "exclude", "lam", "TS_03")[0] == 5
    assert tip() == before
