"""`mgit source set` migrates what depends on a setting."""


def test_each_setting_is_one_commit(added, made, tip):
    table = ("--particles", made.particles, "--diameter", 150)
    added("species", "add", "blob", *table)
    code, out, _ = added("source", "set", "lam", "--pixel-size", "3.1")
    assert code == 0
    assert "8 particles of blob moved" in out
    assert tip() == "Set pixel size of source lam"
    assert added("source", "set", "lam", "--hand", "flip")[0] == 0
    assert added("source", "set", "lam", "--depth-sign", "1")[0] == 0


def test_nothing_or_nonsense_is_refused(added, tip):
    before = tip()
    assert added("source", "set", "lam")[0] == 1
    assert added("source", "set", "lam", "--pixel-size", "-3")[0] == 1
    assert added("source", "set", "lam", "--depth-sign", "-1")[0] == 1
    assert tip() == before
