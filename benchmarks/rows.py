"""The results of benchmarks: one row for each comparison."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_PATH = re.compile(r"(?<![\w./:])~?/(?:[^\s/'\"()]+/)+")


@dataclass(frozen=True)
class Row:
    """One comparison; in every unit, less is better.

    Attributes:
        what: what was measured, and what it is compared with.
        unit: the unit of ``ours`` and ``theirs``.
        ours: our median; None if it could not be measured.
        theirs: the other's median; None if it could not be measured or there is nothing to compare with.
        ratio: theirs divided by ours, so above 1 where ours is better.
        spread: the smallest and the largest ratio of a pair of turns.
        goal: the ratio to reach; None if there is no goal.
        note: further facts, and the reason where theirs is better or there is no figure.
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
    """Creates a row from two series that were measured in turns; the ratio is the median over the pairs of turns.

    Args:
        what: what was measured.
        unit: the unit of the figures.
        ours: our figure for each turn.
        theirs: the other's figure for each turn.
        goal: the ratio to reach.
        note: a note that is always in the row.
        why_worse: the reason that is in the note if theirs is better.
        why_missed: the reason that is in the note if the goal is not reached.
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
    """Creates a row without figures, with the reason; paths of this machine are shortened to their last part."""
    return Row(what, unit, note=f"not measured: {_PATH.sub('', reason)}")
