"""What a benchmark finds: a row a comparison."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_PATH = re.compile(r"(?<![\w./:])~?/(?:[^\s/'\"()]+/)+")


@dataclass(frozen=True)
class Row:
    """One comparison; of every unit less is better.

    Attributes:
        what: was measured, and against what.
        unit: of ``ours`` and ``theirs``.
        ours: the median; None where it could not be had.
        theirs: likewise, and None where there is nothing to compare with.
        ratio: how many times ours theirs is; above 1 where ours is better.
        spread: smallest and largest ratio of a pair of turns.
        goal: what the ratio should reach; None where nothing was asked for.
        note: what else there is to know; why, where theirs is better or there is no figure.
    """

    what: str
    unit: str
    ours: float | None = None
    theirs: float | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    goal: float | None = None
    note: str = ""


def compared(
    what: str,
    unit: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    goal: float | None = None,
    note: str = "",
    why_worse: str = "",
    why_missed: str = "",
) -> Row:
    """A row of two series that were measured by turns.

    Args:
        what: was measured.
        unit: of the figures.
        ours: a figure a turn.
        theirs: likewise; the ratio is the median of those of the pairs.
        goal: what the ratio should reach.
        note: goes into the row as it is.
        why_worse: goes into it only where theirs is better.
        why_missed: goes into it only where the goal is not reached.
    """
    ratios = [their / mine for mine, their in zip(ours, theirs, strict=True)]
    ratio = median(ratios)
    notes = [note, f"worse: {why_worse}" if ratio < 1 and why_worse else ""]
    if why_missed and goal is not None and ratio < goal:
        notes.append(f"missed: {why_missed}")
    return Row(
        what,
        unit,
        median(ours),
        median(theirs),
        ratio,
        (min(ratios), max(ratios)) if len(ratios) > 1 else None,
        goal,
        "; ".join(filter(None, notes)),
    )


def missing(what: str, unit: str, reason: str) -> Row:
    """A row that has no figures, and why; of paths of this machine only the last part stays."""
    return Row(what, unit, note=f"not measured: {_PATH.sub('', reason)}")
