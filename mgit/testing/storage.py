"""A repository's storage without its history: Git objects and chunks in a scratch folder."""

import os
from dataclasses import dataclass

import numpy as np

from mgit.history.objects import GitObjects
from mgit.history.tree import Draft, Snapshot
from mgit.state.protocol import Writer
from mgit.store.chunks import ChunkStore
from mgit.store.files import Files

__all__ = ["ScratchStorage", "fill_sample_tree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchStorage:
    """Git objects (a bare repository that plain Git accepts) and chunks below one folder."""

    directory: str
    objects: GitObjects
    chunks: ChunkStore

    @classmethod
    def new(cls, directory: str | os.PathLike[str]) -> "ScratchStorage":
        """Make an empty storage in a folder that exists."""
        root = os.fspath(directory)
        git_dir = os.path.join(root, "git")
        for folder in ("objects/pack", "refs/heads"):
            os.makedirs(os.path.join(git_dir, folder))
        with open(os.path.join(git_dir, "HEAD"), "w", encoding="ascii") as head:
            head.write("ref: refs/heads/main\n")
        with open(os.path.join(git_dir, "config"), "w", encoding="ascii") as config:
            config.write("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        return cls.open(root)

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> "ScratchStorage":
        """Look at a storage as another process would: nothing is remembered."""
        root = os.fspath(directory)
        files = Files()
        return cls(
            directory=root,
            objects=GitObjects(os.path.join(root, "git"), files, os.path.join(root, "cache")),
            chunks=ChunkStore(os.path.join(root, "store"), files),
        )

    @property
    def git_dir(self) -> str:
        """The bare Git repository."""
        return self.objects.git_dir

    def draft(self, base: Snapshot | None = None) -> Draft:
        """A tree to be changed, over a base or empty."""
        return Draft(self.objects, self.chunks, writer=self.chunks.writer(), base=base)

    def keep(self, draft: Draft) -> Snapshot:
        """Store a draft's chunks and objects and return its tree as a snapshot."""
        draft._writer.seal()
        tree, new = draft.write()
        self.objects.write_pack(new)
        return self.snapshot(tree)

    def snapshot(self, tree: str) -> Snapshot:
        """The stored tree with this Git id."""
        return Snapshot(self.objects, self.chunks, tree=tree)


def fill_sample_tree(tree: Writer) -> None:
    """Write a small tree that has every kind of node and array that the format knows."""
    numbers = np.random.default_rng(1)
    tree.set_attributes("", {"format": 1, "name": "sample"})
    tree.set_blob("provenance.json", b'{"verb":"sample"}')
    item = "sources/lab-0badcafe/items/7f/TS_01-7f0badca"
    tree.set_attributes("sources/lab-0badcafe", {"name": "lab", "pixel_size_angstrom": "1.5"})
    tree.set_attributes(item, {"name": "TS_01", "state": "b3:" + "7f" * 32})
    tree.set_array(
        f"{item}/tilt_angle", np.linspace(-60.0, 60.0, 41), attributes={"unit": "degree"}
    )
    tree.set_array(f"{item}/use", np.arange(41) % 5 != 0)
    tree.set_array(f"{item}/weight", np.array(0.25))
    species = "species/ribosome-00c0ffee"
    tree.set_attributes(species, {"name": "ribosome", "state": "b3:" + "00" * 32})
    volume = numbers.normal(size=(70, 66, 5)).astype(np.float32)
    volume[:64, :64] = 0  # one of the four chunks is not stored
    tree.set_array(f"{species}/half_map_1", volume, layout="volume")
    tree.set_array(f"{species}/mask", np.zeros((3, 4), np.float32), layout="volume")
    tree.set_array(f"{species}/particles/id", numbers.integers(0, 256, (9, 16), np.uint8))
    tree.set_array(f"{species}/particles/none", np.zeros((0, 3)))
    # Two chunks of rows: 2^19 rows of 8 bytes fill 4 MiB.
    tree.set_array(f"{species}/particles/score", np.arange(2**19 + 3, dtype=np.int64))
