"""The plots of a report: confusion matrix, reliability diagram, histogram of scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graft_host.report_page import columns, count, percent, shorten
from graft_host.report_statistics import Reliability, confused_pairs, wilson_interval
from graft_host.svg import INK, LINE, MUTED, RIGHT, TRACK, WRONG, Canvas, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED_CLASSES = 30
"""With more, a confusion matrix numbers its classes."""

_COUNTED_CLASSES = 12
_ZEROS_SHOWN = 6  # classes: with more they hide the mistakes
_LABEL_COLUMNS = 16
_LETTER = 5.6  # units that a letter of a tick label takes at most, on average
_SHADES = 12
_OPACITY = (0.1, 0.5)  # of a cell's colour: ink stays readable on the strongest, in light and dark
_OPACITY_ALONE = (0.3, 1.0)  # where no number stands on it
_WIDTH = 340.0
_HISTOGRAM_BINS = 20
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def confusion_matrix(confusion: NDArray[np.int64], labels: Sequence[str]) -> str:
    """Draws photo counts ``[K,K]``, rows truth, each cell shaded by its share of the row.

    Counts are written in the cells up to 12 classes, the classes' names beside them up to ``NAMED_CLASSES``.
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
        axes.set(xlim=(0, size), ylim=(size, 0), xlabel="what it said", ylabel="what it is")
        axes.xaxis.set_label_position("top")
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        _draw_cells(axes, confusion)
        _name_cells(drawing, axes, labels, short, level=level)
        if size <= _COUNTED_CLASSES:
            for row, column in np.ndindex(size, size):
                number = int(confusion[row, column])
                shown = _brief(number) if number or size <= _ZEROS_SHOWN else ""
                axes.text(column + 0.5, row + 0.5, shown, ha="center", va="center_baseline")
        return drawing.svg("confusion", _confusion_in_words(confusion, labels))


def reliability_diagram(found: Reliability) -> str:
    """Draws the share that was right over the score, with 95% intervals, and below it how many photos that is."""
    edges = np.linspace(0, 1, len(found.counts) + 1)
    with canvas(_WIDTH, 300) as drawing:
        upper, lower = drawing.axes(46, 12, 274, 180), drawing.axes(46, 206, 274, 52)
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for index in np.flatnonzero(found.counts):
            hits, photos = int(found.hits[index]), int(found.counts[index])
            place = found.confidence[index]
            upper.plot([place, place], wilson_interval(hits, photos), color=RIGHT, linewidth=5, alpha=0.28)
            upper.plot([place], [hits / photos], color=RIGHT, marker="o", markersize=5.5, markeredgewidth=0)
        upper.set(xlim=(-0.01, 1.01), ylim=(-0.02, 1.02), xticks=_TICKS, xticklabels=[], ylabel="named right")
        upper.set_yticks(_TICKS, [f"{tick:.0%}" for tick in _TICKS])
        upper.grid(color=LINE, linewidth=0.6)
        _bars(lower, edges, found.counts, RIGHT)
        for index in np.flatnonzero(found.counts):
            middle = (edges[index] + edges[index + 1]) / 2
            lower.annotate(
                _brief(int(found.counts[index])), (middle, found.counts[index]), (0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize=7.5, color=MUTED,
            )  # fmt: skip
        lower.set(ylabel="photos", yticks=[], ylim=(0, 1.35 * max(1, found.counts.max())))
        lower.set_xlabel("score of the class that it named")
        _share_axis(lower)
        error = percent(found.error)
        return drawing.svg("reliability", f"Reliability diagram: scores and accuracy are {error} apart on average.")


def score_histogram(top: NDArray[np.float32], right: NDArray[np.bool_], threshold: float | None) -> str:
    """Draws how many photos had which top score, right ones above and wrong ones below, each on a scale of its own.

    Args:
        top: each photo's highest score, ``[N]``.
        right: whether its class was named, ``[N]``.
        threshold: the score below which a photo is called unknown, drawn as a line.
    """
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1)
    with canvas(_WIDTH, 300) as drawing:
        from matplotlib.ticker import MaxNLocator

        upper, lower = drawing.axes(46, 34, 274, 98), drawing.axes(46, 160, 274, 98)
        for axes, chosen, word, colour in ((upper, right, "right", RIGHT), (lower, ~right, "wrong", WRONG)):
            counts = np.histogram(np.clip(top[chosen], 0, 1), edges)[0]
            _bars(axes, edges, counts, colour)
            axes.set_ylim(0, 1.08 * max(1, counts.max()))
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.set(ylabel="photos", axisbelow=True)
            axes.grid(axis="y", color=LINE, linewidth=0.6)
            axes.set_title(f"named {word}: {count(int(chosen.sum()), 'photo')}", loc="left", fontsize=9.5, color=colour)
            _share_axis(axes)
            if threshold is not None:
                axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        upper.set_xticklabels([])
        lower.set_xlabel("score of the class that it named")
        if threshold is not None:
            _name_threshold(upper, threshold)
        return drawing.svg("scores", _scores_in_words(top, right, threshold))


def _draw_cells(axes: Axes, confusion: NDArray[np.int64]) -> None:
    """A path for each shade, whatever the number of cells: the file stays small."""
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


_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))


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
    # The axis' own title keeps clear of labels by their width, and these are only marks.
    margin = max(columns(label) for label in short) * _LETTER
    axes.yaxis.set_label_coords(-(margin + 16) / axes.bbox.width * axes.figure.dpi / 72, 0.5)
    axes.xaxis.set_label_coords(
        0.5, 1 + (22 if level else margin * 0.71 + 20) / axes.bbox.height * axes.figure.dpi / 72
    )


def _bars(axes: Axes, edges: NDArray[np.float64], counts: NDArray[np.int64], colour: str) -> None:
    filled = np.flatnonzero(counts)
    width = edges[1] - edges[0]
    axes.bar(edges[filled] + width / 2, counts[filled], width * 0.86, color=colour, linewidth=0)


def _share_axis(axes: Axes) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_xticks(_TICKS, [f"{tick:.0%}" for tick in _TICKS])


def _name_threshold(axes: Axes, threshold: float) -> None:
    on_the_left = threshold > 0.5  # noqa: PLR2004  the half with more room
    axes.annotate(
        f"unknown below {threshold:.0%}", (threshold, 1), (-4 if on_the_left else 4, 18),
        xycoords=("data", "axes fraction"), textcoords="offset points", ha="right" if on_the_left else "left",
        va="bottom", fontsize=8.5, color=INK, annotation_clip=False,
    )  # fmt: skip


def _brief(number: int) -> str:
    return f"{number}" if number < 10_000 else f"{number / 1000:.0f}k"  # noqa: PLR2004  five digits are too wide


def _confusion_in_words(confusion: NDArray[np.int64], labels: Sequence[str]) -> str:
    right, total = int(np.trace(confusion)), int(confusion.sum())
    words = f"Confusion matrix of {count(len(labels), 'class', 'classes')}: {right} of {total} photos on the diagonal."
    pairs = confused_pairs(confusion)
    if pairs:
        truth, said, photos = pairs[0]
        words += f" Most frequent mistake: {labels[truth]} taken for {labels[said]}, {count(photos, 'photo')}."
    return words


def _scores_in_words(top: NDArray[np.float32], right: NDArray[np.bool_], threshold: float | None) -> str:
    middles = [
        f"{word} ones {percent(float(np.median(top[chosen])))}"
        for word, chosen in (("right", right), ("wrong", ~right))
        if chosen.any()
    ]
    words = f"Histogram of the top score. Half of the photos score above: {', '.join(middles)}."
    return words if threshold is None else f"{words} Photos below {percent(threshold)} are called unknown."
