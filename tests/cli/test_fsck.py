import json
import subprocess

import pytest

from mgit.cli.main import main
from mgit.history.repository import Repository
from tests.verify.populations import begin, flip


@pytest.fixture
def repository(tmp_path):
    return begin(str(tmp_path))


def run(repository, capsys, *arguments):
    code = main(["-C", repository.root, "fsck", *arguments])
    return code, capsys.readouterr().out


def damage_index(repository):
    name = repository.chunks.catalogue.index_names()[0]
    flip(repository.chunks.catalogue.index_path(name), 70)


def test_sound_files_are_counted_in_one_line(repository, capsys):
    code, out = run(repository, capsys)
    assert code == 0
    assert out.strip().endswith(": sound")
    assert len(out.splitlines()) == 1


def test_an_index_is_repaired_and_checked_again(repository, capsys):
    damage_index(repository)
    code, out = run(repository, capsys)
    assert code == 4
    assert "fsck --repair" in out
    code, out = run(repository, capsys, "--repair", "--dry-run")
    assert code == 4
    code, out = run(repository, capsys, "--repair")
    assert code == 0
    assert "made the chunk index again" in out
    assert run(Repository.open(repository.root), capsys)[0] == 0


def test_what_cannot_be_repaired_is_still_told(repository, capsys):
    path = repository.chunks.catalogue.segment_path(repository.chunks.segments()[0])
    flip(path, 10)
    code, out = run(repository, capsys, "--repair")
    assert code == 4
    assert "record-header" in out


def test_json_is_one_document(repository, capsys):
    lease = repository.leases.acquire("refine", purpose={})
    code, out = run(repository, capsys, "--json")
    record = json.loads(out)
    assert (code, record["clean"], record["findings"]) == (0, True, [])
    assert list(record["locks"]) == ["locks/refine"]
    lease.release()


def test_what_plain_git_did_is_adopted_on_request(repository, capsys, monkeypatch):
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    tip = repository.resolve("HEAD")
    environment = {"GIT_DIR": repository.layout.git, "PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
    subprocess.run(["git", "branch", "aside", tip], check=True, env=environment)
    assert main(["-C", repository.root, "verify"]) == 1
    assert "refs/heads/aside" in capsys.readouterr().out
    code, out = run(repository, capsys, "--adopt", "--dry-run")
    assert "refs/heads/aside: nothing" in out
    assert main(["-C", repository.root, "verify"]) == 1
    capsys.readouterr()
    code, out = run(repository, capsys, "--adopt")
    assert (code, "recorded" in out) == (0, True)
    assert main(["-C", repository.root, "verify"]) == 0
    capsys.readouterr()
    assert "nothing moved" in run(repository, capsys, "--adopt")[1]
