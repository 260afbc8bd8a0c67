"""Tilts as messages name them: counted from 1, as `mgit source exclude --tilts` counts them."""

__all__ = ["exclusion", "tilt_number"]


def tilt_number(row: int) -> int:
    """The number of the tilt in `row` of its series' table, whose rows count from 0."""
    return row + 1


def exclusion(item: str, row: int) -> str:
    """The command that takes a tilt out of use, for a hint; its source is for the user to name."""
    return f"'mgit source exclude SOURCE {item} --tilts {tilt_number(row)}'"
