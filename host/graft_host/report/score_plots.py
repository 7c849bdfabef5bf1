"""Draws the plots of scores in a report: reliability diagram and histogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graft_host.report.data import brief
from graft_host.report.page import count, percent
from graft_host.report.statistics import Reliability
from graft_host.report.svg import INK, LINE, MUTED, RIGHT, WRONG, canvas
from graft_host.support.intervals import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 340.0
_HISTOGRAM_BINS = 20
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability_diagram(reliability: Reliability) -> str:
    """Draws accuracy over score with 95% intervals, and below it the number of photos for each score."""
    edges = np.linspace(0, 1, len(reliability.counts) + 1)
    with canvas(_WIDTH, 300) as drawing:
        upper, lower = drawing.axes(46, 12, 274, 180), drawing.axes(46, 206, 274, 52)
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for index in np.flatnonzero(reliability.counts):
            hits, photos = int(reliability.hits[index]), int(reliability.counts[index])
            place = reliability.confidence[index]
            upper.plot([place, place], wilson_interval(hits, photos), color=RIGHT, linewidth=5, alpha=0.28)
            upper.plot([place], [hits / photos], color=RIGHT, marker="o", markersize=5.5, markeredgewidth=0)
        upper.set(xlim=(-0.01, 1.01), ylim=(-0.02, 1.02), xticks=_TICKS, xticklabels=[], ylabel="correct")
        upper.set_yticks(_TICKS, [f"{tick:.0%}" for tick in _TICKS])
        upper.grid(color=LINE, linewidth=0.6)
        _bars(lower, edges, reliability.counts, RIGHT)
        for index in np.flatnonzero(reliability.counts):
            middle = (edges[index] + edges[index + 1]) / 2
            lower.annotate(
                brief(int(reliability.counts[index])), (middle, reliability.counts[index]), (0, 2),
                textcoords="offset points", ha="center", va="bottom", fontsize=7.5, color=MUTED,
            )  # fmt: skip
        lower.set(ylabel="photos", yticks=[], ylim=(0, 1.35 * max(1, reliability.counts.max())))
        lower.set_xlabel("score of the predicted class")
        _share_axis(lower)
        error = percent(reliability.error)
        return drawing.svg("reliability", f"Reliability diagram: scores and accuracy are {error} apart on average.")


def score_histogram(top: NDArray[np.float32], right: NDArray[np.bool_], threshold: float | None) -> str:
    """Draws the number of photos for each top score: correct ones above, wrong ones below, on separate scales.

    Args:
        top: each photo's highest score, ``[N]``.
        right: whether each photo was classified correctly, ``[N]``.
        threshold: the score below which a photo is called unknown, drawn as a line; None without one.
    """
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1)
    with canvas(_WIDTH, 300) as drawing:
        from matplotlib.ticker import MaxNLocator

        upper, lower = drawing.axes(46, 34, 274, 98), drawing.axes(46, 160, 274, 98)
        for axes, chosen, title, colour in ((upper, right, "correct", RIGHT), (lower, ~right, "wrong", WRONG)):
            counts = np.histogram(np.clip(top[chosen], 0, 1), edges)[0]
            _bars(axes, edges, counts, colour)
            axes.set_ylim(0, 1.08 * max(1, counts.max()))
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.set(ylabel="photos", axisbelow=True)
            axes.grid(axis="y", color=LINE, linewidth=0.6)
            axes.set_title(f"{title}: {count(int(chosen.sum()), 'photo')}", loc="left", fontsize=9.5, color=colour)
            _share_axis(axes)
            if threshold is not None:
                axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        upper.set_xticklabels([])
        lower.set_xlabel("score of the predicted class")
        if threshold is not None:
            _name_threshold(upper, threshold)
        return drawing.svg("scores", _scores_in_words(top, right, threshold))


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


def _scores_in_words(top: NDArray[np.float32], right: NDArray[np.bool_], threshold: float | None) -> str:
    medians = [
        f"{percent(float(np.median(top[chosen])))} for {kind} ones"
        for kind, chosen in (("correct", right), ("wrong", ~right))
        if chosen.any()
    ]
    description = f"Histogram of the top score. The median is {' and '.join(medians)}."
    return description if threshold is None else f"{description} Photos below {percent(threshold)} are called unknown."
