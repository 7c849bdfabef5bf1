"""Draws the confusion matrix of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graft_device.ranking import UNKNOWN
from graft_host.report.data import brief
from graft_host.report.page import columns, count, shorten
from graft_host.report.statistics import confused_pairs
from graft_host.report.svg import INK, MUTED, RIGHT, TRACK, WRONG, Canvas, canvas

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
_UNKNOWN_GAP = 13.0  # units between the classes and the column of unknown photos
_OPACITY = (0.1, 0.5)  # of a cell's colour: text stays readable on the strongest, in light and dark mode
_OPACITY_ALONE = (0.3, 1.0)  # of a cell without a number


def confusion_matrix(
    confusion: NDArray[np.int64], labels: Sequence[str], unknown: NDArray[np.int64] | None = None
) -> str:
    """Draws photo counts, a row for each true class; each cell is shaded by its share of the row.

    Up to 12 classes, cells contain their counts. Up to ``NAMED_CLASSES``, rows and columns have the classes' names.

    Args:
        confusion: the photos that got a label, ``[K,K]``.
        labels: the K classes.
        unknown: the photos of each true class that are called unknown, ``[K]``, for a column beside the others; None
            for no such column.
    """
    size = len(labels)
    counts = confusion if unknown is None else np.column_stack([confusion, unknown])
    cell = min(76.0, max(30.0, 210.0 / size)) if size <= _COUNTED_CLASSES else 450.0 / size
    short = [shorten(label, _LABEL_COLUMNS) for label in labels] if size <= NAMED_CLASSES else []
    longest = max((columns(label) * _LETTER for label in short), default=22.0)
    across = longest if unknown is None else max(longest, columns(UNKNOWN) * _LETTER)
    level = size <= _COUNTED_CLASSES and across < cell - 4
    turned = not level and (bool(short) or unknown is not None)
    gap = _UNKNOWN_GAP / cell
    left, side = longest + 28, cell * size
    wide = side if unknown is None else side + cell * (1 + gap)
    top = across * 0.71 + 36 if turned else 38.0
    right = across * 0.71 + 4 if turned else 8.0
    with canvas(left + wide + right, top + side + 8) as drawing:
        axes = drawing.axes(left, top, wide, side)
        axes.set(xlim=(0, wide / cell), ylim=(size, 0), xlabel="predicted class", ylabel="true class")
        axes.xaxis.set_label_position("top")
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        _draw_cells(axes, counts, gap)
        _name_cells(
            drawing, axes, labels, short, across, turned=turned, unknown_at=None if unknown is None else size + gap
        )
        if size <= _COUNTED_CLASSES:
            for row, column in np.ndindex(*counts.shape):
                number = int(counts[row, column])
                shown = brief(number) if number or size <= _ZEROS_SHOWN else ""
                place = column + 0.5 + (gap if column == size else 0)
                axes.text(place, row + 0.5, shown, ha="center", va="center_baseline")
        return drawing.svg("confusion", _confusion_in_words(confusion, labels, unknown))


def _draw_cells(axes: Axes, counts: NDArray[np.int64], unknown_gap: float) -> None:
    """Draws all cells of one shade as a single path, so that the file stays small."""
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path

    size, wide = counts.shape
    for start, width in ((0.0, size), (size + unknown_gap, wide - size)):
        if width:
            axes.add_patch(Rectangle((start, 0), width, size, facecolor=TRACK, alpha=0.35, edgecolor="none"))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = np.ceil(shares * _SHADES).astype(np.int64)
    gap = 0.03 if size <= NAMED_CLASSES else 0.0
    faintest, strongest = _OPACITY if size <= _COUNTED_CLASSES else _OPACITY_ALONE
    row, column = np.indices(counts.shape)
    kinds = ((RIGHT, row == column), (WRONG, (row != column) & (column < size)), (MUTED, column == size))
    for shade in range(1, _SHADES + 1):
        for colour, of_kind in kinds:
            cells = np.argwhere((shades == shade) & of_kind)
            if len(cells):
                squares = [
                    Path(
                        [
                            (
                                j + (unknown_gap if j == size else 0) + a * (1 - gap) + gap / 2,
                                i + b * (1 - gap) + gap / 2,
                            )
                            for a, b in _CORNERS
                        ],
                        closed=True,
                    )
                    for i, j in cells
                ]
                path = Path.make_compound_path(*squares)
                opacity = faintest + (strongest - faintest) * shade / _SHADES
                axes.add_patch(PathPatch(path, facecolor=colour, alpha=opacity, edgecolor="none"))


def _name_cells(
    drawing: Canvas, axes: Axes, labels: Sequence[str], short: Sequence[str], across: float, *, turned: bool,
    unknown_at: float | None,
) -> None:  # fmt: skip
    """Labels rows and columns.

    Args:
        drawing: the canvas.
        axes: of the matrix.
        labels: the classes.
        short: the classes' names as they are shown; empty to number them.
        across: the width of the longest name of a column.
        turned: whether the names of the columns are written at an angle.
        unknown_at: where the column of unknown photos starts; None if there is none.
    """
    if short:
        places = list(range(len(labels)))
        rows = [drawing.mark(cut, label) for cut, label in zip(short, labels, strict=True)]
    else:
        places = [0, *range(9, len(labels), 10)]
        rows = [str(place + 1) for place in places]
    middles, names = [place + 0.5 for place in places], list(rows)
    axes.set_yticks(middles, rows)
    if unknown_at is not None:
        middles, names = [*middles, unknown_at + 0.5], [*names, UNKNOWN]
    axes.set_xticks(middles, names)
    slanted = [*axes.get_xticklabels()][0 if short else len(places) :] if turned else []
    for tick in slanted:
        tick.set(rotation=45, ha="left", va="baseline", rotation_mode="anchor")
    if not short:
        return
    for tick in [*axes.get_xticklabels()[: len(labels)], *axes.get_yticklabels()]:
        tick.set_color(INK)
    # Matplotlib places an axis title by the width of its labels, but these are only placeholders.
    margin = max(columns(label) for label in short) * _LETTER
    axes.yaxis.set_label_coords(-(margin + 16) / axes.bbox.width * axes.figure.dpi / 72, 0.5)
    axes.xaxis.set_label_coords(
        0.5, 1 + (across * 0.71 + 20 if turned else 22) / axes.bbox.height * axes.figure.dpi / 72
    )


def _confusion_in_words(confusion: NDArray[np.int64], labels: Sequence[str], unknown: NDArray[np.int64] | None) -> str:
    refused = 0 if unknown is None else int(unknown.sum())
    right, total = int(np.trace(confusion)), int(confusion.sum()) + refused
    description = (
        f"Confusion matrix of {count(len(labels), 'class', 'classes')}: {right} of {total} photos on the diagonal."
    )
    pairs = confused_pairs(confusion)
    if pairs:
        truth, predicted, photos = pairs[0]
        mistake = f"{labels[truth]} taken for {labels[predicted]}, {count(photos, 'photo')}"
        description += f" Most frequent mistake: {mistake}."
    if refused:
        description += f" {count(refused, 'photo')} called unknown."
    return description
