"""What state needs of storage: a tree of groups, arrays and small files, read and written lazily.

`history` implements both protocols over commits; `mgit.testing.memory` implements them in memory.
A path is a '/'-joined string of components without leading or trailing slash; '' is the root group.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from mgit.digest import ContentDigest

__all__ = ["ArrayHandle", "Attributes", "Layout", "Reader", "Writer"]

Attributes = Mapping[str, Any]
"""Canonical metadata: strings, integers, booleans, lists and mappings of these; never floats."""

Layout = Literal["table", "volume"]
"""How an array is cut: 'table' by rows along axis 0, 'volume' into 64^3 blocks."""


@runtime_checkable
class ArrayHandle(Protocol):
    """One array of a tree, not yet read."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the elements, little-endian where it has an order."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent along each axis."""
        ...

    @property
    def attributes(self) -> Attributes:
        """The array's own attributes, without the store's bookkeeping."""
        ...

    @property
    def content(self) -> ContentDigest:
        """Digest of dtype, shape and decoded bytes, as recorded in the manifest; costs no read."""
        ...

    def read(self) -> np.ndarray:
        """The whole array, C-contiguous. Raises Corrupt or NotFound, never returns other bytes."""
        ...

    def read_rows(self, start: int, stop: int) -> np.ndarray:
        """Rows start..stop along axis 0; reads only the chunks that hold them."""
        ...


@runtime_checkable
class Reader(Protocol):
    """A tree of a commit or of a draft."""

    def exists(self, path: str) -> bool:
        """Whether a group, array or blob stands at `path`."""
        ...

    def is_array(self, path: str) -> bool:
        """Whether an array stands at `path`."""
        ...

    def children(self, path: str) -> tuple[str, ...]:
        """Names of the groups and arrays directly below a group, sorted. Raises NotFound."""
        ...

    def attributes(self, path: str) -> Attributes:
        """Attributes of the group or array at `path`. Raises NotFound."""
        ...

    def array(self, path: str) -> ArrayHandle:
        """The array at `path`. Raises NotFound."""
        ...

    def arrays(self, path: str) -> Mapping[str, ArrayHandle]:
        """The arrays directly below a group by name, sorted. Raises NotFound."""
        ...

    def blob(self, path: str) -> bytes:
        """Content of a small file, e.g. 'provenance.json'. Raises NotFound."""
        ...


@runtime_checkable
class Writer(Reader, Protocol):
    """A tree being changed; reads see the changes."""

    def set_attributes(self, path: str, attributes: Attributes) -> None:
        """Create the group at `path` (and its parents) or replace its attributes entirely."""
        ...

    def set_array(
        self,
        path: str,
        values: np.ndarray,
        *,
        attributes: Attributes | None = None,
        layout: Layout = "table",
    ) -> ContentDigest:
        """Create or replace the array at `path`; parents become groups where absent."""
        ...

    def set_blob(self, path: str, content: bytes) -> None:
        """Create or replace a small file."""
        ...

    def remove(self, path: str) -> None:
        """Remove a group with everything below it, an array or a blob. Raises NotFound."""
        ...

    def take(self, path: str, source: Reader, source_path: str) -> None:
        """Replace what stands at `path` by the subtree of another tree, without reading arrays."""
        ...
