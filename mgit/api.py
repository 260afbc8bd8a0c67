"""The public API for notebooks: a repository, its commits as values and as arrays.

`mgit.open(DIRECTORY)` returns an `OpenRepository`. For Zarr readers: docs/howto/read_with_zarr.md.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mgit.history.repository import Repository
from mgit.history.snapshot import Snapshot

if TYPE_CHECKING:
    from mgit.history.zarr_view import SnapshotStore
    from mgit.state.population import Population

__all__ = ["OpenRepository"]


@dataclass(frozen=True, slots=True)
class OpenRepository:
    """A repository opened for reading; commits are named as on the command line ('HEAD~2', 'v1').

    Every method raises NotFound for a revision that does not exist.
    """

    repository: Repository
    """History, refs, operation log and transactions."""

    def snapshot(self, revision: str = "HEAD") -> Snapshot:
        """The tree of a commit: groups, arrays and small files by path."""
        return self.repository.snapshot(revision)

    def population(self, revision: str = "HEAD") -> "Population":
        """The sources, items and species of a commit."""
        from mgit.state.population import Population  # deferred: imports numpy

        return Population(self.snapshot(revision))

    def zarr(self, revision: str = "HEAD") -> "SnapshotStore":
        """The tree of a commit as a read-only Zarr v3 store, for zarr-python, dask and napari."""
        from mgit.history.zarr_view import zarr_store  # deferred: imports zarr

        return zarr_store(self.snapshot(revision))
