"""How values are spelt in STAR files: numbers in a cell's own format, text quoted if need be."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from mgit.errors import InvalidInput

__all__ = ["Block", "format_like", "format_vector", "quote_text", "spell", "write_star"]

FIXED = re.compile(rb"[+-]?\d*\.(\d*)")
SCIENTIFIC = re.compile(rb"[+-]?\d(?:\.(\d*))?[eE][+-]?\d+")
INTEGER = re.compile(rb"[+-]?\d+")
RESERVED = ("data_", "loop_", "save_", "stop_", "global_")

Block = tuple[str, Mapping[str, Sequence[str]], bool]
"""Name without `data_`, columns of spelt values, and whether it is a loop."""


def format_like(token: bytes, value: float) -> str:
    """Spell a number as `token` was spelt: as integer, fixed or scientific with its decimals.

    Where that would lose a bit, all digits are written (`repr`): the number comes back exactly.
    """
    if not math.isfinite(value):
        return repr(value)
    if INTEGER.fullmatch(token) and value == int(value):
        return str(int(value))
    text = None
    if fixed := FIXED.fullmatch(token):
        text = f"{value:.{len(fixed.group(1))}f}"
    elif scientific := SCIENTIFIC.fullmatch(token):
        text = f"{value:.{len(scientific.group(1) or b'')}e}"
    if text is None or float(text) != value:
        return repr(value)
    return text.removeprefix("-") if float(text) == 0 else text


def format_vector(values: Sequence[float] | np.ndarray) -> str:
    """A vector as `[a,b,c]` with all digits; whole numbers without a point."""
    return "[" + ",".join(spell(float(value)) for value in values) + "]"


def spell(value: float) -> str:
    """A number with all its digits, whole numbers without a point."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def quote_text(text: str) -> str:
    """Text as one STAR value, quoted when it is empty or would be read as something else.

    Raises InvalidInput for line breaks and for text that holds both closing quotes.
    """
    if any(letter in text for letter in "\n\r\0"):
        raise InvalidInput("a text value holds a line break", hint="rename it", value=repr(text))
    plain = text and not any(letter.isspace() for letter in text)
    if plain and text[0] not in "\"'#_" and not text.lower().startswith(RESERVED):
        return text
    for mark in ('"', "'"):
        if mark not in text:
            return f"{mark}{text}{mark}"
    raise InvalidInput("a text value holds both kinds of quotes", hint="rename it", value=text)


def write_star(blocks: Sequence[Block], *, comment: str) -> bytes:
    """A new STAR file of lists and loops, columns right-aligned, `comment` on the first line.

    Raises InvalidInput for a block name with blanks, which no STAR file can hold.
    """
    parts = [f"# {comment}\n"]
    for name, columns, is_loop in blocks:
        if any(letter.isspace() for letter in name):
            raise InvalidInput("a STAR block's name holds a blank", hint="rename it", block=name)
        parts.append(f"\ndata_{name}\n\n")
        if not is_loop:
            width = max(map(len, columns), default=0) + 5
            parts.extend(f"_{label:<{width}}{values[0]}\n" for label, values in columns.items())
            continue
        parts.append("loop_\n")
        parts.extend(f"_{label} #{at}\n" for at, label in enumerate(columns, start=1))
        widths = [max(map(len, values), default=0) for values in columns.values()]
        for row in zip(*columns.values(), strict=True):
            cells = (value.rjust(width) for value, width in zip(row, widths, strict=True))
            parts.append("  ".join(cells) + "\n")
    parts.append("\n")
    return "".join(parts).encode("utf-8")
