"""What is printed about the prospects of photos: classes left out in turn, and the learning curve."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graft_device.text import printable
from graft_host.commands.terminal.style import WIDTH

if TYPE_CHECKING:
    from graft_host.prospects.learning_curve import ClassNeed, LearningCurve, Point
    from graft_host.prospects.strangers import LeftOut, Strangers
    from graft_host.training.prospects import Prospects

_MAX_LABEL = 14
_MOST_TAKEN = 2
_BAR = 16
_TRENDS = {
    "rising": "more photos give more",
    "flat": "more photos like these hardly help",
    "unclear": "the photos are too few to say whether more would help",
}


def prospects_lines(prospects: Prospects, labels: Sequence[str]) -> list[str]:
    """The lines about all that was asked for."""
    lines = []
    if prospects.strangers is not None:
        lines += [*strangers_lines(prospects.strangers, labels), ""]
    if prospects.curve is not None:
        lines += [*curve_lines(prospects.curve, labels), ""]
    return lines


def strangers_lines(strangers: Strangers, labels: Sequence[str]) -> list[str]:
    """A line for each class that was left out."""
    if strangers.note:
        return [f"strangers: {printable(strangers.note)}"]
    tried = len(strangers.classes)
    nearest = f", the {tried} of {strangers.of} that are nearest to another" if tried < strangers.of else ""
    lines = [
        f"classes left out in turn{nearest}: what a model without them says",
        f"  {'left out':<{_MAX_LABEL}}  {'called unknown':>18}  {'95% interval':>14}  most others taken for",
    ]
    return [*lines, *(_left_out(entry, labels) for entry in strangers.classes)]


def curve_lines(curve: LearningCurve, labels: Sequence[str]) -> list[str]:
    """A line for each number of photos, and what twice as many would give."""
    if curve.note or curve.twice is None:
        return [f"learning curve: {printable(curve.note)}"]
    lines = [
        "learning curve: accuracy on photos that the heads did not see",
        f"  {'photos a class':>14}  {'accuracy':>8}  {'95% interval':>14}",
        *(_point(point, curve.classes) for point in curve.points),
        f"{_point(curve.twice, curve.classes)} expected",
        f"  {_TRENDS[curve.trend]}",
    ]
    if curve.trend != "flat" and 0 < len(curve.neediest) < curve.classes:
        needs = ", ".join(_need(need, labels) for need in curve.neediest)
        lines += textwrap.wrap(
            f"more photos would help most in: {needs}", WIDTH, initial_indent="  ", subsequent_indent="    "
        )
    return lines


def _left_out(entry: LeftOut, labels: Sequence[str]) -> str:
    low, high = entry.interval
    refused = f"{entry.refused} of {entry.photos}, {entry.share:.1%}"
    line = f"  {_short(labels[entry.label]):<{_MAX_LABEL}}  {refused:>18}  {_interval(low, high):>14}"
    separator = "  "
    for label, photos in entry.taken[:_MOST_TAKEN]:
        taken = f"{separator}{_short(labels[label])} {photos:,}"
        if len(line) + len(taken) > WIDTH:
            break
        line, separator = line + taken, ", "
    return line


def _point(point: Point, classes: int) -> str:
    bar = "█" * round(point.accuracy * _BAR)
    interval = _interval(point.low, point.high)
    return f"  {point.photos / classes:>14,.0f}  {point.accuracy:>8.1%}  {interval:>14}  {bar:<{_BAR}}".rstrip()


def _need(need: ClassNeed, labels: Sequence[str]) -> str:
    return f"{_short(labels[need.label])} (F1 {need.f1:.2f}, {need.photos:,} photos)"


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}%"


def _short(label: str) -> str:
    text = printable(label)
    return text if len(text) <= _MAX_LABEL else f"{text[: _MAX_LABEL - 1]}…"
