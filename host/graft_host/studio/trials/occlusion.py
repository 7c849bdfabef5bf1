"""Which part of a picture an answer depends on: covers one place after the other, and looks at what that changes.

The method is that of M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
section 4.2, who cover the picture with a grey square. The square here has the mean colour of the picture, which stands
out less. What is compared is not the probability p of the label, which softmax holds at 1 whatever is covered, but its
log-odds ``log(p / (1 - p)) = l - log(sum of exp of the other logits)``, where l is the logit of the label. The value of
a place is the mean drop of the log-odds over all squares that cover it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

POSITIONS = 13
"""Squares along each side; each covers a part of its neighbours."""

SHARE = 0.2
"""The side of a square as a share of that of the picture. With 13 positions, neighbours overlap by two thirds."""

CELLS = 26
"""Values of a map along each side."""

_BATCH = 4
"""Inputs that are sent at a time, between which a camera gets its turn."""

_SLIGHT = 0.25
"""A drop of the log-odds below which no place matters: odds of 4 to 1 become 3.1 to 1."""

_SPREAD = 0.5
"""Where more than this share of the picture has at least half of the largest drop, no place stands out."""

PLACES = (
    ("upper_left", "top", "upper_right"),
    ("left", "middle", "right"),
    ("lower_left", "bottom", "lower_right"),
)  # fmt: skip
EVERYWHERE, NOWHERE = "everywhere", "nowhere"


@dataclass(frozen=True)
class Occlusion:
    """What covering parts of a picture changes.

    Attributes:
        values: the mean drop of the label's log-odds, ``[CELLS,CELLS]``, from the top. Below 0, a place spoke against
            the label.
        place: where it dropped most: one of ``PLACES``, ``everywhere`` or ``nowhere``.
        before: the log-odds with nothing covered.
    """

    values: Array
    place: str
    before: float


class StoppedError(Exception):
    """Nobody waits for the map any more."""


def occlusion(
    pixels: NDArray[np.uint8],
    label: int,
    logits: Callable[[NDArray[np.uint8]], Array],
    progress: Callable[[int, int], None],
    stopped: Callable[[], bool] = lambda: False,
) -> Occlusion:
    """Computes which part of a picture an answer depends on.

    Args:
        pixels: what the network is shown, ``[S,S,3]``.
        label: the index of the label that is asked about.
        logits: computes the logits ``[N,K]`` of inputs ``[N,S,S,3]``.
        progress: called with (squares done, squares in all).
        stopped: asked often whether to stop.

    Raises:
        StoppedError: ``stopped`` returned True.
    """
    boxes = squares(len(pixels))
    colour = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    before = float(log_odds(logits(pixels[np.newaxis]), label)[0])
    drops: list[float] = []
    for start in range(0, len(boxes), _BATCH):
        if stopped():
            raise StoppedError
        covered = np.repeat(pixels[np.newaxis], len(boxes[start : start + _BATCH]), axis=0)
        for one, (top, bottom, left, right) in zip(covered, boxes[start : start + _BATCH], strict=True):
            one[top:bottom, left:right] = colour
        drops += (before - log_odds(logits(covered), label)).tolist()
        progress(len(drops), len(boxes))
    values = _spread(boxes, drops, len(pixels))
    return Occlusion(values, place_of(values), before)


def squares(side: int) -> list[tuple[int, int, int, int]]:
    """The squares as (top, bottom, left, right); those at the edges are cut off, so that the corners are covered too.

    Args:
        side: of the picture, in pixels.
    """
    half = max(1, round(SHARE * side / 2))
    centres = np.linspace(0, side, POSITIONS)
    spans = [(max(0, round(centre) - half), min(side, round(centre) + half)) for centre in centres.tolist()]
    return [(top, bottom, left, right) for top, bottom in spans for left, right in spans]


def log_odds(logits: Array, label: int) -> Array:
    """The log-odds of a label, ``[N]``.

    Args:
        logits: ``[N,K]``, K at least 2.
        label: its index.
    """
    others = np.delete(logits.astype(np.float64), label, axis=1)
    most = others.max(axis=1, keepdims=True)
    rest = most[:, 0] + np.log(np.exp(others - most).sum(axis=1))
    return np.asarray(logits[:, label] - rest, np.float32)


def place_of(values: Array) -> str:
    """Where the values of a map are largest, in a word: one of ``PLACES``, ``everywhere`` or ``nowhere``."""
    most = float(values.max())
    if most < _SLIGHT:
        return NOWHERE
    strong = np.where(values >= most / 2, values, 0)
    if float((strong > 0).mean()) > _SPREAD:
        return EVERYWHERE
    rows, columns = (np.arange(size) + 0.5 for size in values.shape)
    weight = strong.sum()
    row = float((strong.sum(axis=1) @ rows) / weight / values.shape[0])
    column = float((strong.sum(axis=0) @ columns) / weight / values.shape[1])
    return PLACES[min(2, int(3 * row))][min(2, int(3 * column))]


def _spread(boxes: list[tuple[int, int, int, int]], drops: list[float], side: int) -> Array:
    """The mean drop of all squares that cover each cell."""
    total, count = np.zeros((CELLS, CELLS)), np.zeros((CELLS, CELLS))
    middles = (np.arange(CELLS) + 0.5) * side / CELLS
    for (top, bottom, left, right), drop in zip(boxes, drops, strict=True):
        rows, columns = (middles >= top) & (middles < bottom), (middles >= left) & (middles < right)
        total[np.ix_(rows, columns)] += drop
        count[np.ix_(rows, columns)] += 1
    return np.asarray(total / np.maximum(count, 1), np.float32)
