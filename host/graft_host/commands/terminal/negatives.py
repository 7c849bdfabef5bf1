"""The lines about unknown photos, which are of none of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft_device.text import printable

if TYPE_CHECKING:
    from graft_host.evaluation.refusals import Refusals
    from graft_host.training.result import TrainResult

_MOST_NAMED = 5


def refused_text(refusals: Refusals) -> str:
    """How many unknown photos are refused, and what the others are taken for."""
    taken = [f"{count} for {printable(label)}" for label, count in refusals.confused.items()]
    more = len(taken) - _MOST_NAMED
    rest = f" and {more} more classes" if more > 0 else ""
    others = f"; taken {', '.join(taken[:_MOST_NAMED])}{rest}" if taken else ""
    return f"unknown photos: {refusals.text()} refused{others}"


def negative_facts(result: TrainResult) -> list[tuple[str, str]]:
    """What was learned from unknown photos; nothing without any."""
    learned, tested = result.head.negatives, result.evaluation.negatives
    if learned is None:
        return []
    photos = "1 unknown photo" if learned.photos == 1 else f"{learned.photos} unknown photos"
    if not learned.kept:
        return [("", f"nothing learned from {photos}")]
    lines = [("", f"learned from {photos}: {learned.refused} refused when held out ({learned.without} without them)")]
    if tested is not None and tested.without is not None:
        lines.append(("", f"of {tested.photos} in the test {tested.refused} refused ({tested.without} without them)"))
    return lines
