"""`mgit source link` binds raw files and never takes another file for the recorded one."""


def test_linking_binds_what_is_found(added, made, shown, tip):
    code, out, _ = added("source", "link", "lam", made.directory)
    assert code == 0
    assert "raw data: 2 full" in out
    assert tip().startswith("Record raw data of source lam")
    assert {item["binding"] for item in shown().values()} == {"full"}
    assert added("source", "link", "lam")[1].strip() == str(made.directory)


def test_a_partly_present_series_stays_unbound_and_the_absent_files_are_listed(added, made, shown):
    (made.directory / "tilts" / "TS_02_007.mrc").unlink()
    code, out, _ = added("source", "link", "lam", made.directory)
    assert code == 0
    assert "TS_02_007.mrc" in out
    assert shown()["TS_02"]["binding"] == "unbound"
    assert shown()["TS_01"]["binding"] == "full"


def test_other_data_under_the_same_names_are_refused(added, made, tip):
    added("source", "link", "lam", made.directory)
    before = tip()
    (made.directory / "tilts" / "TS_01_003.mrc").write_bytes(b"other")
    code, _, errors = added("source", "link", "lam", made.directory)
    assert code == 1
    assert "TS_01_003.mrc" in errors
    assert tip() == before


def test_a_link_can_be_forgotten_and_nothing_found_is_said(added, made, tmp_path):
    (tmp_path / "empty").mkdir()
    assert added("source", "link", "lam", tmp_path / "empty")[0] == 5
    assert added("source", "link", "lam")[0] == 1
    added("source", "link", "lam", made.directory)
    assert added("source", "link", "lam", "--forget")[0] == 0
    assert added("source", "link", "lam")[0] == 1
    assert added("source", "link", "nosuch", made.directory)[0] == 5
