import shutil
import subprocess

import pytest

from mgit.history import tags
from mgit.history.commits import commit_id, with_signature, without_signature
from mgit.history.signing import AllowedSigners, Signer
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage, Level, VerifyReport
from mgit.verify.graph import GraphAudit
from mgit.verify.signatures import check_signatures
from tests.verify.populations import add_species, later

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
    (folder / "allowed").write_text(f"ada@example.org {(folder / 'ada.pub').read_text()}")
    return folder


def signed(repository, key, name="x"):
    with repository.transaction(verb="test") as transaction:
        add_species(transaction.draft, name)
        return transaction.commit(
            message="signed", who=later(9), provenance={}, sign=Signer(key_path=str(key))
        )


def check(repository, start, signers=None):
    ledger = DamageLedger()
    report = VerifyReport(level=Level.CONTENT, coverage=Coverage())
    graph = GraphAudit(repository, ledger, report.coverage)
    graph.walk([(start, "refs/tags/v2", ())])
    check_signatures(graph, ledger, report, signers)
    return report, [each.kind for each in ledger.findings()]


def test_a_signature_that_fits_counts_with_and_without_a_list(repository, keys):
    made = signed(repository, keys / "ada")
    for signers in (None, AllowedSigners(path=str(keys / "allowed"))):
        report, found = check(repository, made.id, signers)
        assert (report.signed, found) == ("partly", [])


def test_a_stranger_counts_only_where_there_is_no_list(repository, keys):
    made = signed(repository, keys / "eve")
    assert check(repository, made.id)[0].signed == "partly"
    report, found = check(repository, made.id, AllowedSigners(path=str(keys / "allowed")))
    assert (report.signed, found) == ("unsigned", ["unknown-signer"])


def test_a_signature_over_other_bytes_fails(repository, keys):
    made = signed(repository, keys / "ada")
    forged = without_signature(made.raw).replace(b"signed", b"forged")
    raw = with_signature(forged, made.signature)
    repository.objects.write_pack([("commit", raw)])
    report, found = check(repository, commit_id(raw))
    assert (report.signed, found) == ("failed", ["signature"])


def test_a_signature_of_another_kind_is_left_to_git(repository, keys):
    raw = with_signature(
        repository.commit("HEAD").raw, "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP-----"
    )
    repository.objects.write_pack([("commit", raw)])
    report, found = check(repository, commit_id(raw))
    assert (report.signed, found) == ("unsigned", ["signature-unchecked"])


def test_tags_are_checked_too(repository, keys):
    tags.create(
        repository, "v2", message="m", who=later(9), sign=Signer(key_path=str(keys / "eve"))
    )
    tag = repository.refs.get("refs/tags/v2")
    assert check(repository, tag)[1] == []
    assert check(repository, tag, AllowedSigners(path=str(keys / "allowed")))[1] == [
        "unknown-signer"
    ]
