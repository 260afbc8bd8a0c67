"""`.tomostar` files: the tilt images of one series as Warp found them, before any processing."""

from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.star import parse_star

__all__ = ["Tomostar", "read_tomostar"]

REQUIRED = ("wrpMovieName", "wrpAngleTilt", "wrpDose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tomostar:
    """One row per tilt in file order.

    movies: paths relative to the file.
    tilt_angle, axis_angle: `(n,)` degrees; exposure: `(n,)` accumulated, e/A^2.
    axis_offset_x, axis_offset_y: `(n,)` angstrom, zero when the file has no such columns.
    axis_angle is None when the file has no such column.
    """

    movies: tuple[str, ...]
    tilt_angle: np.ndarray
    axis_angle: np.ndarray | None
    exposure: np.ndarray
    axis_offset_x: np.ndarray
    axis_offset_y: np.ndarray


def read_tomostar(content: bytes, path: str) -> Tomostar:
    """Read a file's bytes; `path` is how errors call it.

    Raises InvalidInput, naming file and column, for missing columns, values that are no finite
    numbers and files without rows.
    """
    document = parse_star(content, name=path)
    table = next(iter(document.tables_with(*REQUIRED)), None)
    if table is None:
        raise InvalidInput(
            "the file has no table of tilts",
            hint=f"a .tomostar needs the columns {', '.join(REQUIRED)}",
            file=path,
        )
    if table.row_count == 0:
        raise InvalidInput("the file has no tilts", file=path, block=table.block)
    zeros = np.zeros(table.row_count)
    return Tomostar(
        movies=table.strings("wrpMovieName"),
        tilt_angle=table.finite("wrpAngleTilt"),
        axis_angle=table.finite("wrpAxisAngle") if "wrpAxisAngle" in table else None,
        exposure=table.finite("wrpDose"),
        axis_offset_x=table.finite("wrpAxisOffsetX") if "wrpAxisOffsetX" in table else zeros,
        axis_offset_y=table.finite("wrpAxisOffsetY") if "wrpAxisOffsetY" in table else zeros,
    )
