"""Figures rounded for a person, who holds them against a limit."""

from __future__ import annotations

_DIGITS = 17  # tell any two floats apart


def apart(value: float, limit: float, digits: int = 4) -> str:
    """A figure rounded to so many digits, or to as many more as it takes to lie on the same side of a limit still."""
    for more in range(digits, _DIGITS):
        rounded = round(value, more)
        if (rounded < limit, rounded > limit) == (value < limit, value > limit):
            return f"{value:.{more}f}"
    return repr(value)
