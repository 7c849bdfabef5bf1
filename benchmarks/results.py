"""Writes rows as the page ``RESULTS.md``."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows import Row

_COLUMNS = ("what", "ours", "the other's", "unit", "times (range of the pairs)", "goal", "")
_HEADER = f"| {' | '.join(_COLUMNS)} |\n| --- | --: | --: |{' --- |' * 4}"
_NONE = "-"
_DIGITS = 3
_HOW = (
    "Each pair was measured in one run, in turns (A, B, A, B …), each side in its own process with everything loaded; "
    "the first turn is not counted, unless a row says so. Figures are medians. A reason with the word *probably* is a "
    "guess. In every unit, less is better: *times* is the other's figure divided by ours, as the median over the pairs "
    "of turns, so the other is better where it is below 1.\n\n`make networks` compares "
    "[networks of all families](../docs/how-to/choosing-a-network.md#which-one), `python -m benchmarks.readouts` "
    "[what the head can read of one](../docs/explanation/figures.md#readouts), and `python -m benchmarks.transfer` "
    "[ways to transfer learning](../docs/explanation/figures.md#ways-to-transfer)."
)


def page(machine: Sequence[str], sections: Sequence[tuple[str, Sequence[Row]]], how_long: str, command: str) -> str:
    """Builds the whole page.

    Args:
        machine: lines that describe the machine and the versions.
        sections: the title and the rows of each group that has been run.
        how_long: the duration of the run.
        command: the command that repeats the run.
    """
    parts = ["# Benchmarks", f"Written by `{command}` in {how_long}.", "\n".join(machine), _HOW]
    for title, rows in sections:
        parts += [f"## {title}", "\n".join([_HEADER, *(line(row) for row in rows)])]
    return "\n\n".join(parts) + "\n"


def line(row: Row) -> str:
    """A row as a line of the table."""
    cells = [row.what, _figure(row.ours), _figure(row.theirs), row.unit, _times(row), _goal(row), row.note]
    return "| " + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in cells) + " |"


def missed(row: Row) -> bool:
    """Whether a row has a goal and does not reach it."""
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
