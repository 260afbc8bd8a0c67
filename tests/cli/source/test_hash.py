"""`mgit source hash` completes digests, and --again notices what changed behind the cache."""

import os

from mgit.curate import raw_digests


def test_hash_completes_quick_digests(added, made, shown, monkeypatch):
    # As if these files were large: only then is a quick digest not the full one.
    monkeypatch.setattr(raw_digests, "QUICK_BYTES_MIN", -1)
    assert added("source", "link", "lam", made.directory)[0] == 0
    assert {item["binding"] for item in shown().values()} == {"quick"}
    code, out, _ = added("source", "hash", "lam")
    assert code == 0
    assert "2 full" in out
    assert {item["binding"] for item in shown().values()} == {"full"}


def test_hashing_again_changes_nothing_until_a_file_does(added, made):
    added("source", "link", "lam", made.directory)
    assert "nothing new" in added("source", "hash", "lam")[1]
    file = made.directory / "tilts" / "TS_01_003.mrc"
    before = file.stat()
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert added("source", "hash", "lam")[0] == 0
    code, _, errors = added("source", "hash", "lam", "--again")
    assert code == 1
    assert "TS_01_003.mrc" in errors
