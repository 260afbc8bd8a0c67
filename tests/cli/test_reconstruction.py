"""The work between the options of `mgit reconstruct` and its commit."""

from mgit.cli.console import Console
from mgit.cli.reconstruction import reconstructed, recorded
from mgit.refine.plan import plan_reconstruction
from tests.refine.populations import SPECIES, populated


def test_results_are_written_into_the_draft_with_their_provenance(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    repository = populated(tmp_path)
    plans = plan_reconstruction(repository.snapshot("HEAD"))
    results, levels = reconstructed(repository, plans, Console(), threads=1, ewald="auto")
    assert "40/40 images" in capsys.readouterr().err.replace("reconstructing: ", "")
    with repository.transaction(verb="reconstruct") as transaction:
        record = recorded(transaction, results, levels, revision="HEAD", ewald="auto")
        assert transaction.draft.exists(f"{SPECIES}/half_map_2")
    assert record["settings"] == {
        "species": ["made"],
        "revision": "HEAD",
        "batch": 8,
        "ewald": "auto",
    }
    assert record["raw_level"] == "tilt_image"
