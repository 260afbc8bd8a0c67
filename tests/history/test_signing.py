import shutil
import subprocess

import pytest

from mgit.errors import InvalidInput, NotFound, Refused
from mgit.history.commits import CommitRecord, with_signature
from mgit.history.signing import AllowedSigners, Signer, verify_commit
from tests.history.histories import ADA, commit

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two keys, and a list that allows the first."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "eve"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name]
        subprocess.run(command, check=True)
    public = (folder / "ada.pub").read_text()
    (folder / "allowed").write_text(f"ada@example.org {public}")
    return folder


def signed(repository, key):
    with repository.transaction(verb="x") as transaction:
        transaction.draft.set_attributes("a", {"key": key.name})
        return transaction.commit(
            message="signed", who=ADA, provenance={}, sign=Signer(key_path=str(key))
        )


def git(repository, allowed, *arguments):
    command = ["git", "--git-dir", repository.layout.git, "-c", "gpg.format=ssh"]
    command += ["-c", f"gpg.ssh.allowedSignersFile={allowed}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_signed_commit_is_good_here_and_for_git(repository, keys):
    made = signed(repository, keys / "ada")
    found = verify_commit(made, AllowedSigners(path=str(keys / "allowed")))
    assert (found.verdict, found.principal) == ("good", "ada@example.org")
    judged = git(repository, keys / "allowed", "verify-commit", made.id)
    assert judged.returncode == 0, judged.stderr
    shown = git(repository, keys / "allowed", "log", "-1", "--show-signature")
    assert 'Good "git" signature for ada@example.org' in shown.stdout


def test_what_git_signed_is_good_here(repository, keys):
    tree = repository.commit("HEAD").tree
    names = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    key = ["-c", f"user.signingKey={keys / 'ada'}"]
    made = git(repository, keys / "allowed", *names, *key, "commit-tree", "-S", "-m", "m", tree)
    assert made.returncode == 0, made.stderr
    record = CommitRecord.parse(repository.objects.read_commit(made.stdout.strip()))
    assert verify_commit(record, AllowedSigners(path=str(keys / "allowed"))).verdict == "good"


def test_a_stranger_is_unknown_and_a_changed_commit_is_bad(repository, keys):
    allowed = AllowedSigners(path=str(keys / "allowed"))
    made = signed(repository, keys / "eve")
    assert verify_commit(made, allowed).verdict == "unknown-signer"
    other = signed(repository, keys / "ada")
    from mgit.history.commits import without_signature

    forged = without_signature(other.raw).replace(b"signed", b"forged")
    record = CommitRecord.parse(with_signature(forged, other.signature))
    assert verify_commit(record, allowed).verdict == "bad"


def test_an_unsigned_commit_says_so(repository, keys):
    made = commit(repository)
    assert verify_commit(made, AllowedSigners(path=str(keys / "allowed"))).verdict == "unsigned"


def test_another_kind_of_signature_is_bad(keys):
    found = AllowedSigners(path=str(keys / "allowed")).verify(b"x", "-----BEGIN PGP SIGNATURE-----")
    assert found.verdict == "bad"


def test_missing_files_are_named(keys, tmp_path):
    with pytest.raises(NotFound, match="nokey"):
        Signer(key_path=str(tmp_path / "nokey")).sign(b"x")
    with pytest.raises(NotFound, match="nolist"):
        AllowedSigners(path=str(tmp_path / "nolist")).verify(b"x", "")


def test_a_file_that_is_no_key_cannot_sign(tmp_path):
    (tmp_path / "key").write_text("no key")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(Refused, match="cannot sign"):
        Signer(key_path=str(tmp_path / "key")).sign(b"x")


def test_a_principal_that_looks_like_an_option_is_refused(keys, tmp_path):
    public = (keys / "ada.pub").read_text()
    (tmp_path / "allowed").write_text(f"-f {public}")
    signature = Signer(key_path=str(keys / "ada")).sign(b"x")
    with pytest.raises(InvalidInput):
        AllowedSigners(path=str(tmp_path / "allowed")).verify(b"x", signature)
