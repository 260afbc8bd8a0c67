"""Decimal numbers as text, read and written exactly in another unit.

A foreign unit differs from ours by a rational factor (micrometre to angstrom, units of pi to
degrees). Scaling in decimal before rounding to float64 keeps every value reachable: the text that
`to_text` writes is read back by `to_float` as the very same float64, which scaling in binary
floating point cannot promise. Numbers are written without exponent, because Warp reads several
fields into a decimal type that refuses exponents.
"""

import re
from decimal import Context, Decimal

__all__ = ["NUMBER", "attribute_text", "to_float", "to_text"]

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
EXACT = Context(prec=60)
SHORT_DIGITS = 17
LONG_DIGITS = 25


def to_float(text: str, factor: int = 1) -> float:
    """The float64 nearest to `text` times `factor`.

    A decimal comma is taken for a point: older Warp versions wrote per-tilt lists in the user's
    locale. Raises ValueError for anything else that is not a finite plain decimal number.
    """
    plain = text.strip()
    if "," in plain and plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    if NUMBER.fullmatch(plain) is None:
        raise ValueError(f"not a finite decimal number: {text!r}")
    value = float(plain) if factor == 1 else float(EXACT.multiply(Decimal(plain), Decimal(factor)))
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"too large for a float64: {text!r}")
    return value


def to_text(value: float, factor: int = 1) -> str:
    """A short decimal `text` with `to_float(text, factor)` equal to `value` to the last bit."""
    exact = Decimal(repr(float(value)))
    if not exact.is_finite():
        raise ValueError(f"not a finite number: {value!r}")
    if exact.is_zero():
        return "-0" if exact.is_signed() else "0"
    if factor != 1:
        quotient = EXACT.divide(exact, Decimal(factor))
        exact = Context(prec=SHORT_DIGITS).plus(quotient)
        if float(EXACT.multiply(exact, Decimal(factor))) != value:
            exact = Context(prec=LONG_DIGITS).plus(quotient)
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def attribute_text(value: float) -> str:
    """A physical scalar as attributes hold it: the shortest text that is the float64."""
    return repr(float(value))
