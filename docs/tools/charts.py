"""Draws the figures of the page on transfer, as SVG in the colour of the text around them, from kept results.

``docs/tools/transfer.json`` has the numbers: of each figure a title, and either lines over the number of photos of each
class, or rows with a dot each; each value is a mean with its standard deviation over the draws, which is 0 for a single
draw. ``python -m benchmarks.transfer --table --figures docs/tools/transfer.json`` writes those of the benchmark there;
the others are from ``benchmarks.fine_tuning`` and ``benchmarks.samples``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("transfer.json")

_WIDTH, _HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 14, 44
_LEGEND = 18
"""The height of a line of the legend."""

_COLOURS = ("#8a8f98", "#0f9d8a", "#e0703a", "#7c6fe0", "#c9a227", "#4f8fd6")
"""Each has enough contrast to a light and to a dark page."""

_ROW = 42
"""The height of a row of the figures that have one dot in a row."""


@dataclass(frozen=True)
class Scale:
    """Where values are drawn.

    Attributes:
        low: the value at the start.
        high: the value at the end.
        start: the pixel of ``low``.
        end: the pixel of ``high``.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def figures() -> dict[str, dict[str, Any]]:
    """The kept results by the name of their figure."""
    kept: dict[str, dict[str, Any]] = json.loads(DATA.read_text("utf-8"))
    return kept


def draw(name: str) -> str:
    """Draws a figure.

    Args:
        name: as in ``transfer.json``.

    Raises:
        KeyError: there is no such figure.
    """
    figure = figures()[name]
    body, height = _dots(figure["rows"]) if "rows" in figure else _lines(figure["lines"], figure["x"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(figure["title"])}" font-family="sans-serif" font-size="12" fill="currentColor">'
        f"<title>{escape(figure['title'])}</title>{body}</svg>"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round values from below ``low`` to above ``high``, four to eight of them."""
    step = next(step for step in (1, 2, 5, 10, 20, 50) if (high - low) / step <= 6)  # noqa: PLR2004
    return [step * number for number in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _lines(lines: Sequence[dict[str, Any]], axis: str) -> tuple[str, int]:
    """Lines over photos of each class, on a logarithmic axis, with a legend below."""
    points = [point for line in lines for point in line["points"]]
    counts = sorted({photos for photos, _, _ in points})
    ticks = _ticks(min(mean - spread for _, mean, spread in points), max(mean + spread for _, mean, spread in points))
    across = Scale(math.log(counts[0]) - 0.1, math.log(counts[-1]) + 0.1, _LEFT, _WIDTH - _RIGHT)
    up = Scale(ticks[0], ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = [_level(up.at(tick), f"{tick:g}%") for tick in ticks]
    parts += [_text(across.at(math.log(count)), up.start + 16, f"{count}", "middle") for count in counts]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, up.start + 33, axis, "middle"))
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = [
            (across.at(math.log(photos)) + 3 * (number - (len(lines) - 1) / 2), up.at(mean), mean, spread)
            for photos, mean, spread in line["points"]
        ]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _, _ in drawn)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y, mean, spread in drawn:
            whisker = f"M{x:.1f} {up.at(mean - spread):.1f}V{up.at(mean + spread):.1f}"
            parts.append(f'<path d="{whisker}" stroke="{colour}" stroke-opacity="0.6"/>')
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
        below = _HEIGHT + _LEGEND * number
        parts.append(f'<path d="M{_LEFT} {below - 4}h18" stroke="{colour}" stroke-width="3"/>')
        parts.append(_text(_LEFT + 26, below, line["name"], "start"))
    return "".join(parts), _HEIGHT + _LEGEND * len(lines)


def _dots(rows: Sequence[dict[str, Any]]) -> tuple[str, int]:
    """A dot for each row below the row's name, with a whisker of a standard deviation to both sides.

    A row may have a value ``before``: a grey dot, and a line from there.
    """
    values = [value for row in rows for value in (row["mean"] - row["spread"], row["mean"] + row["spread"])]
    values += [row["before"] for row in rows if "before" in row]
    ticks = _ticks(min(values), max(values))
    across, below = Scale(ticks[0], ticks[-1], 22, _WIDTH - 70), len(rows) * _ROW + 6
    parts = []
    for tick in ticks:
        x = across.at(tick)
        parts.append(f'<path d="M{x:.1f} 4V{below}" stroke="currentColor" stroke-opacity="0.18"/>')
        parts.append(_text(x, below + 16, f"{tick:g}%", "middle"))
    for number, row in enumerate(rows):
        y, colour = number * _ROW + 28, _COLOURS[1 if "before" in row else number % len(_COLOURS)]
        low, middle, high = (across.at(row["mean"] + side * row["spread"]) for side in (-1, 0, 1))
        parts.append(_text(across.start, y - 12, row["name"], "start"))
        parts.append(f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{colour}" stroke-width="3" stroke-opacity="0.5"/>')
        if "before" in row:
            start = across.at(row["before"])
            parts.append(f'<path d="M{start:.1f} {y}H{middle:.1f}" stroke="{colour}" stroke-width="2"/>')
            parts.append(f'<circle cx="{start:.1f}" cy="{y}" r="5" fill="{_COLOURS[0]}"/>')
        parts.append(f'<circle cx="{middle:.1f}" cy="{y}" r="5" fill="{colour}"/>')
        parts.append(_text(_WIDTH - 4, y + 4, f"{row['mean']:.1f}%", "end"))
    return "".join(parts), below + 24


def _level(y: float, text: str) -> str:
    rule = f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" stroke-opacity="0.18"/>'
    return rule + _text(_LEFT - 6, y + 4, text, "end")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
