"""The scratch storage is a repository that plain Git accepts."""

import subprocess

from mgit.testing.storage import ScratchStorage, fill_sample_tree


def test_plain_git_accepts_it(tmp_path):
    storage = ScratchStorage.new(tmp_path)
    draft = storage.draft()
    fill_sample_tree(draft)
    snapshot = storage.keep(draft)
    listing = subprocess.run(
        ["git", "-C", storage.git_dir, "ls-tree", "--name-only", snapshot.tree],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listing.stdout.split() == ["provenance.json", "sources", "species", "zarr.json"]


def test_another_look_at_it_sees_what_was_kept(tmp_path):
    storage = ScratchStorage.new(tmp_path)
    draft = storage.draft()
    fill_sample_tree(draft)
    tree = storage.keep(draft).tree
    again = ScratchStorage.open(tmp_path).snapshot(tree)
    assert again.array("species/ribosome-00c0ffee/particles/score").read_rows(7, 8).tolist() == [7]
