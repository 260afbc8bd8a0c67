"""`mgit source include` brings back in one line what was excluded."""


def test_everything_excluded_comes_back(added, shown):
    added("source", "exclude", "lam", "TS_01", "TS_02")
    added("source", "exclude", "lam", "TS_01", "--tilts", "5-9")
    assert added("source", "include", "lam")[0] == 0
    assert not any(item["excluded"] for item in shown().values())
    assert shown()["TS_01"]["images_used"] == 36
    assert added("source", "include", "lam", "TS_01", "--tilts", "5-9")[0] == 0
    assert shown()["TS_01"]["images_used"] == 41


def test_nothing_to_bring_back_is_refused(added):
    code, _, errors = added("source", "include", "lam")
    assert code == 1
    assert "would change nothing" in errors
