"""Draws the confusion matrix of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graft_host.report.data import brief
from graft_host.report.page import columns, count, shorten
from graft_host.report.statistics import confused_pairs
from graft_host.report.svg import INK, RIGHT, TRACK, WRONG, Canvas, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED_CLASSES = 30
"""A confusion matrix with more classes than this shows numbers instead of names."""

_COUNTED_CLASSES = 12
_ZEROS_SHOWN = 6  # with more classes than this, zeros would hide the mistakes
_LABEL_COLUMNS = 16
_LETTER = 5.6  # units per letter of a tick label, an upper bound on the average
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
_SHADES = 12
_OPACITY = (0.1, 0.5)  # of a cell's colour: text stays readable on the strongest, in light and dark mode
_OPACITY_ALONE = (0.3, 1.0)  # of a cell without a number


def confusion_matrix(confusion: NDArray[np.int64], labels: Sequence[str]) -> str:
    """Draws photo counts ``[K,K]``, a row for each true class; each cell is shaded by its share of the row.

    Up to 12 classes, cells contain their counts. Up to ``NAMED_CLASSES``, rows and columns have the classes' names.
    """
    size = len(labels)
    cell = min(76.0, max(30.0, 210.0 / size)) if size <= _COUNTED_CLASSES else 450.0 / size
    short = [shorten(label, _LABEL_COLUMNS) for label in labels] if size <= NAMED_CLASSES else []
    longest = max((columns(label) * _LETTER for label in short), default=22.0)
    level = size <= _COUNTED_CLASSES and longest < cell - 4
    left, side = longest + 28, cell * size
    top = 38.0 if level or not short else longest * 0.71 + 36
    right = 8.0 if level or not short else longest * 0.71 + 4
    with canvas(left + side + right, top + side + 8) as drawing:
        axes = drawing.axes(left, top, side, side)
        axes.set(xlim=(0, size), ylim=(size, 0), xlabel="predicted class", ylabel="true class")
        axes.xaxis.set_label_position("top")
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        _draw_cells(axes, confusion)
        _name_cells(drawing, axes, labels, short, level=level)
        if size <= _COUNTED_CLASSES:
            for row, column in np.ndindex(size, size):
                number = int(confusion[row, column])
                shown = brief(number) if number or size <= _ZEROS_SHOWN else ""
                axes.text(column + 0.5, row + 0.5, shown, ha="center", va="center_baseline")
        return drawing.svg("confusion", _confusion_in_words(confusion, labels))


def _draw_cells(axes: Axes, confusion: NDArray[np.int64]) -> None:
    """Draws all cells of one shade as a single path, so that the file stays small."""
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path

    size = len(confusion)
    axes.add_patch(Rectangle((0, 0), size, size, facecolor=TRACK, alpha=0.35, edgecolor="none"))
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shades = np.ceil(shares * _SHADES).astype(np.int64)
    gap = 0.03 if size <= NAMED_CLASSES else 0.0
    faintest, strongest = _OPACITY if size <= _COUNTED_CLASSES else _OPACITY_ALONE
    for shade in range(1, _SHADES + 1):
        for colour, diagonal in ((RIGHT, True), (WRONG, False)):
            cells = [(i, j) for i, j in np.argwhere(shades == shade) if (i == j) == diagonal]
            if cells:
                squares = [
                    Path([(j + a * (1 - gap) + gap / 2, i + b * (1 - gap) + gap / 2) for a, b in _CORNERS], closed=True)
                    for i, j in cells
                ]
                path = Path.make_compound_path(*squares)
                opacity = faintest + (strongest - faintest) * shade / _SHADES
                axes.add_patch(PathPatch(path, facecolor=colour, alpha=opacity, edgecolor="none"))


def _name_cells(drawing: Canvas, axes: Axes, labels: Sequence[str], short: Sequence[str], *, level: bool) -> None:
    if not short:
        places = [0, *range(9, len(labels), 10)]
        axes.set_xticks([place + 0.5 for place in places], [str(place + 1) for place in places])
        axes.set_yticks([place + 0.5 for place in places], [str(place + 1) for place in places])
        return
    places = list(range(len(labels)))
    marks = [drawing.mark(cut, label) for cut, label in zip(short, labels, strict=True)]
    axes.set_yticks([place + 0.5 for place in places], marks)
    turned: Any = {} if level else {"rotation": 45, "ha": "left", "va": "baseline", "rotation_mode": "anchor"}
    axes.set_xticks([place + 0.5 for place in places], marks, **turned)
    for tick in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        tick.set_color(INK)
    # Matplotlib places an axis title by the width of its labels, but these are only placeholders.
    margin = max(columns(label) for label in short) * _LETTER
    axes.yaxis.set_label_coords(-(margin + 16) / axes.bbox.width * axes.figure.dpi / 72, 0.5)
    axes.xaxis.set_label_coords(
        0.5, 1 + (22 if level else margin * 0.71 + 20) / axes.bbox.height * axes.figure.dpi / 72
    )


def _confusion_in_words(confusion: NDArray[np.int64], labels: Sequence[str]) -> str:
    right, total = int(np.trace(confusion)), int(confusion.sum())
    description = (
        f"Confusion matrix of {count(len(labels), 'class', 'classes')}: {right} of {total} photos on the diagonal."
    )
    pairs = confused_pairs(confusion)
    if pairs:
        truth, predicted, photos = pairs[0]
        mistake = f"{labels[truth]} taken for {labels[predicted]}, {count(photos, 'photo')}"
        description += f" Most frequent mistake: {mistake}."
    return description
