"""Rounds figures that a person compares with a limit."""

from __future__ import annotations

_DIGITS = 17  # enough to distinguish any two floats


def apart(value: float, limit: float, digits: int = 4) -> str:
    """Rounds a figure to ``digits`` digits, or to more if it would otherwise change sides of the limit."""
    for more in range(digits, _DIGITS):
        rounded = round(value, more)
        if (rounded < limit, rounded > limit) == (value < limit, value > limit):
            return f"{value:.{more}f}"
    return repr(value)
