"""The taps of Inception-v3, and how many convolutions each needs."""

from __future__ import annotations

from pathlib import Path

from graft_device.errors import WeightsError

TAPS = tuple(f"mixed{i}" for i in range(11))

CONVOLUTIONS = dict(zip(TAPS, (12, 19, 26, 30, 40, 50, 60, 70, 76, 85, 94), strict=True))
"""How many convolutions, in Keras's order of creation, a network up to each tap has."""


def check_reach(path: Path, found: int, tap: str) -> None:
    """Raises WeightsError if a file with ``found`` convolutions ends before the tap; names the last one it holds."""
    reached = [name for name, needed in CONVOLUTIONS.items() if needed <= found]
    if not reached:
        raise WeightsError(f"{path} holds {found} convolutions, too few for Inception-v3's first tap, mixed0")
    if CONVOLUTIONS[tap] > found:
        raise WeightsError(f"{path} ends at {reached[-1]}, before {tap}", f"use --tap {reached[-1]} or an earlier one")
