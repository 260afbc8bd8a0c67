"""`mgit tag`: names that do not move."""

import shutil
import subprocess

import pytest


def test_a_tag_names_a_commit_and_says_why(toy):
    assert toy("tag", "v1", "HEAD~1", "-m", "before the species") == 0
    assert toy.tip("v1") == toy.tip("HEAD~1")
    (line,) = toy.lines("tag")
    assert line.split() == ["v1", toy.tip("v1")[:10], "before", "the", "species"]
    assert toy.json("tag")[0]["message"] == "before the species"


def test_a_tag_without_a_reason_or_twice_is_refused(toy):
    assert toy("tag", "v1") == 1
    assert toy("tag", "v1", "-m", "x") == 0
    assert toy("tag", "v1", "-m", "x") == 1


def test_a_tag_is_deleted_by_name(toy):
    toy("tag", "v1", "-m", "x")
    assert toy("tag", "-d", "v2") == 5
    assert "v1" in toy.err
    assert toy("tag", "-d", "v1", "--dry-run") == 0
    assert len(toy.lines("tag")) == 1
    assert toy("tag", "-d", "v1") == 0
    assert toy.lines("tag") == []


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_a_signature_is_checked_against_the_signers(toy, tmp_path):
    key = tmp_path / "key"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(make, check=True)
    signers = tmp_path / "signers"
    signers.write_text("ada@example.org " + (tmp_path / "key.pub").read_text())
    assert toy("tag", "v0", "-m", "x", "--sign") == 1
    assert "user.signingkey" in toy.err
    toy("config", "user.signingkey", str(key))
    assert toy("tag", "v1", "-m", "x", "--sign") == 0
    assert toy("tag", "v2", "-m", "x") == 0
    assert toy("tag", "-v", "v1", "--signers", str(signers)) == 0
    assert "good signature by ada@example.org" in toy.out
    assert toy("tag", "-v", "v2", "--signers", str(signers)) == 1
    signers.write_text("")
    assert toy("tag", "-v", "v1", "--signers", str(signers)) == 1
    assert toy("tag", "-v", "v1") == 1
