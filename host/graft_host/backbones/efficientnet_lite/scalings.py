"""What the command line needs of EfficientNet-Lite: its taps, and how its networks differ."""

from __future__ import annotations

from dataclasses import dataclass

TAPS = ("expand3", "expand4", "expand5", "expand6", "stage6", "top")
"""``expandN`` is the wide layer that the first block of a stage starts with, stages counted from 0. ``stage6`` is the
end of the last stage, and ``top`` the layer after it."""


@dataclass(frozen=True)
class Scaling:
    """How a network differs from Lite0.

    Attributes:
        width: factor on the channels of stages.
        depth: factor on the number of blocks of a stage.
    """

    width: float
    depth: float


SCALINGS = (Scaling(1.0, 1.0), Scaling(1.0, 1.1), Scaling(1.1, 1.2))
"""Of Lite0, Lite1 and Lite2."""
