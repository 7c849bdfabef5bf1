"""Rows become ``RESULTS.md``."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows import Row

_COLUMNS = ("what", "ours", "the other's", "unit", "times (range of the pairs)", "goal", "")
_HEADER = f"| {' | '.join(_COLUMNS)} |\n| --- | --: | --: |{' --- |' * 4}"
_NONE = "-"
_DIGITS = 3
_HOW = (
    "Every pair was measured in one run, by turns (A, B, A, B …), each side in a process of its own with everything "
    "loaded; a first turn is thrown away, unless a row says otherwise. Figures are medians. Why the other's is "
    "better is a guess where it says probably. Of every unit less is better: *times* says how often ours goes "
    "into the other's, the median over the pairs of turns, so below 1 the other is better."
)


def page(machine: Sequence[str], sections: Sequence[tuple[str, Sequence[Row]]], how_long: str, command: str) -> str:
    """The whole page.

    Args:
        machine: lines that say what was measured on.
        sections: title and rows of each group that is done.
        how_long: what the run took.
        command: that repeats it.
    """
    parts = ["# Benchmarks", f"Written by `{command}` in {how_long}.", "\n".join(machine), _HOW]
    for title, rows in sections:
        parts += [f"## {title}", "\n".join([_HEADER, *(line(row) for row in rows)])]
    return "\n\n".join(parts) + "\n"


def line(row: Row) -> str:
    """One row of the table."""
    cells = [row.what, _figure(row.ours), _figure(row.theirs), row.unit, _times(row), _goal(row), row.note]
    return "| " + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in cells) + " |"


def missed(row: Row) -> bool:
    """Whether a row has a goal and a figure that is below it."""
    return row.goal is not None and row.ratio is not None and row.ratio < row.goal


def _figure(value: float | None) -> str:
    if value is None:
        return _NONE
    if value == 0:
        return "0"
    magnitude = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    if abs(value) < 1e-3:  # noqa: PLR2004
        return f"{value:.2e}"
    return f"{value:,.{max(0, _DIGITS - magnitude)}f}" if magnitude else f"{value:.{_DIGITS}g}"


def _times(row: Row) -> str:
    if row.ratio is None:
        return _NONE
    median = _figure(row.ratio)
    return median if row.spread is None else f"{median} ({_figure(row.spread[0])} to {_figure(row.spread[1])})"


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    if row.ratio is None:
        return f"≥ {row.goal:.3g}"
    return f"≥ {row.goal:.3g}: {'**missed**' if missed(row) else 'met'}"
