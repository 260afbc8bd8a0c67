"""Curves drawn with block characters."""

TYPE_CHECKING = False  # `typing` is not imported here: the module needs nothing at all.
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HEIGHT", "WIDTH", "fsc_lines"]

BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 60
HEIGHT = 8
LEFT = 7
TICKS = 4


def fsc_lines(
    frequency: "Sequence[float]",
    correlation: "Sequence[float]",
    *,
    criterion: float = 0.143,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> list[str]:
    """An FSC curve from 0 to 1 over frequency (1/A) as lines of text.

    Each column is the mean of the shells in it (or the nearest shell); below zero counts as zero.
    The row that holds the criterion is dotted, and resolutions in A stand below the axis.
    """
    columns = _columns(frequency, correlation, width)
    marked = min(int(criterion * height), height - 1)
    lines = []
    for row in reversed(range(height)):
        label = {height - 1: "1.0", height // 2 - 1: "0.5", marked: f"{criterion:g}"}.get(row, "")
        background = "·" if row == marked else " "
        cells = [_cell(value, row, height, background) for value in columns]
        lines.append(f"{label:>{LEFT - 2}} │" + "".join(cells).rstrip())
    lines.append(" " * (LEFT - 1) + "└" + "─" * width)
    return [*lines, *_axis(frequency[-1], width)]


def _columns(
    frequency: "Sequence[float]", correlation: "Sequence[float]", width: int
) -> list[float]:
    last = frequency[-1]
    bins: list[list[float]] = [[] for _ in range(width)]
    for place, value in zip(frequency, correlation, strict=True):
        bins[min(int(place / last * width), width - 1)].append(float(value))
    values = []
    for position, members in enumerate(bins):
        if members:
            values.append(sum(members) / len(members))
        else:
            centre = (position + 0.5) / width * last
            nearest = min(range(len(frequency)), key=lambda i: abs(frequency[i] - centre))
            values.append(float(correlation[nearest]))
    return [min(max(value, 0.0), 1.0) for value in values]


def _cell(value: float, row: int, height: int, background: str) -> str:
    eighths = round((value * height - row) * 8)
    return BLOCKS[min(eighths, 8)] if eighths > 0 else background


def _axis(last: float, width: int) -> list[str]:
    """Two rows of tick labels: frequency in 1/A and the resolution in A."""
    upper, lower = [" "] * (width + LEFT + 12), [" "] * (width + LEFT + 12)
    for tick in range(TICKS + 1):
        place = last * tick / TICKS
        position = LEFT + round(width * tick / TICKS)
        for row, text in ((upper, f"{place:.3g}"), (lower, f"{1 / place:.3g}" if tick else "")):
            start = max(position - len(text) // 2, 0)
            row[start : start + len(text)] = text
    first = "".join(upper).rstrip() + "  1/A"
    second = "".join(lower).rstrip() + "  A"
    return [first, second]
