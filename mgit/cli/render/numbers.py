"""Numbers with their units, as people read them."""

__all__ = ["byte_count", "counted", "quantity", "range_text", "rounded", "symbol", "word"]

_SYMBOLS = {
    "angstrom": "A",
    "angstrom^2": "A^2",
    "degree": "deg",
    "e/angstrom^2": "e/A^2",
    "radian": "rad",
    "milliradian": "mrad",
    "millimetre": "mm",
    "kilovolt": "kV",
    "kilodalton": "kDa",
    "1": "",
}
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
MICROMETRE = 1e4
"""Angstrom per micrometre."""


def symbol(unit: str) -> str:
    """Short form of a unit of the schema, e.g. 'A' for 'angstrom'."""
    return _SYMBOLS.get(unit, unit)


def rounded(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, never in powers of ten unless it must be."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e7:
        text = f"{value:.{digits}g}"
        return text if "e" not in text else f"{value:.0f}"
    return f"{value:.{digits - 1}e}"


def quantity(value: float | None, unit: str, digits: int = 3) -> str:
    """A number and its unit; '-' where there is none."""
    if value is None:
        return "-"
    return f"{rounded(value, digits)} {symbol(unit)}".rstrip()


def range_text(pair: tuple[float, float] | None, *, decimals: int, scale: float = 1.0) -> str:
    """Least and greatest value divided by `scale`, e.g. '1.31..1.59'; one number if both agree."""
    if pair is None:
        return "-"
    # A rounded zero has no sign for eyes.
    texts = [f"{each / scale + 0.0:.{decimals}f}" for each in pair]
    return texts[0] if texts[0] == texts[1] else "..".join(texts)


def byte_count(count: int) -> str:
    """Bytes in powers of 1000, e.g. '1.54 MB'."""
    value, unit = float(count), _BYTE_UNITS[0]
    for unit in _BYTE_UNITS:
        if value < 999.5 or unit == _BYTE_UNITS[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.3g} {unit}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun, e.g. '1 image', '203 images'; `many` for irregular plurals."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def word(name: str) -> str:
    """An identifier as words: 'needs_reconstruction' becomes 'needs reconstruction'."""
    return name.replace("_", " ")
