"""The tree of a commit, read lazily: the Reader protocol of mgit.state over Git objects."""

from typing import TYPE_CHECKING

from mgit.history.git_tree import Entry
from mgit.history.objects import GitObjects
from mgit.history.tree_view import Node, TreeCache, TreeView

if TYPE_CHECKING:
    from mgit.store.chunks import ChunkStore

__all__ = ["Snapshot"]


class Snapshot(TreeView):
    """An immutable tree; one object is read per directory visited, chunks only for values.

    Trees are hostile: whatever breaks docs/format/graph.md raises Corrupt when it is reached.
    """

    def __init__(
        self,
        objects: GitObjects,
        chunks: "ChunkStore",
        *,
        tree: str,
        trees: TreeCache | None = None,
    ) -> None:
        """tree: id of the root's Git tree. trees: parsed trees to share between snapshots."""
        super().__init__(objects, chunks, trees=trees or TreeCache(objects))
        self.tree = tree

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self.tree == other.tree

    def __hash__(self) -> int:
        return hash(self.tree)

    def __repr__(self) -> str:
        return f"Snapshot({self.tree!r})"

    def _top(self) -> Node:
        return Entry(is_tree=True, name=self.tree)
