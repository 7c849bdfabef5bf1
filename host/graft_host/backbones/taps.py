"""The spelling of taps: ``mixed7`` is the mean of a map, ``mixed7/2x2`` the means of its quarters."""

from __future__ import annotations

JOIN = "+"
"""Stands between the taps of a network that has several: ``mixed5+mixed7``."""

GRID = "/2x2"
"""Ends the name of a tap whose bottleneck is the means of the four quarters of its map, not the mean of the map."""


def is_grid(tap: str) -> bool:
    """Whether a tap's bottleneck is the means of quarters."""
    return tap.endswith(GRID)


def layer_of(tap: str) -> str:
    """The layer whose map a tap's bottleneck is computed from: ``mixed7`` for ``mixed7`` and ``mixed7/2x2``."""
    return tap.removesuffix(GRID)
