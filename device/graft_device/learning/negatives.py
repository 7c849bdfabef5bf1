"""Keeps a new class from being refused because it looks like the photos that a model was taught to refuse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graft_device.learning.head_file import likeness
from graft_device.learning.new_head import Learned
from graft_device.learning.pieces import Pieces
from graft_device.learning.remembered import Array
from graft_device.learning.scores import best_scores, quantile
from graft_device.learning.softmax_problem import Wide
from graft_device.learning.spread import shrink

_ALLOWED = 0.05
"""Share of the new photos that may look like photos of none of the classes before the limit is raised."""


def needed_raise(pieces: Pieces, photos: Array) -> float:
    """How far the limit of likeness must be raised so that it does not refuse the new photos ``[n,D]``; 0 or more."""
    beyond = likeness(pieces.network, photos)
    if beyond is None or (beyond > 0).mean() <= _ALLOWED:
        return 0.0
    return max(quantile(beyond, np.ones(len(beyond)), _ALLOWED), 0.0)


def likeness_of(pieces: Pieces, bottlenecks: Array, lift: float) -> Wide | None:
    """The likeness of bottlenecks ``[N,D]`` with a raised limit; None for a file that learned from no such photos."""
    beyond = likeness(pieces.network, bottlenecks)
    return None if beyond is None else beyond - lift


def refused_share(pieces: Pieces, learned: Learned, negatives: Array, lift: float) -> float | None:
    """The share of remembered photos of none of the classes that the new head calls unknown; None if there are none."""
    if not len(negatives) or learned.head.spread is None:
        return None
    logits = negatives.astype(np.float64) @ learned.head.kernel + learned.head.bias
    distances = learned.head.spread.distance(negatives)
    factors = shrink(distances, learned.head.start, likeness_of(pieces, negatives, lift))
    return float((best_scores(logits * factors[:, np.newaxis]) < learned.score).mean())


def about_negatives(pieces: Pieces, learned: Learned, negatives: Array, lift: float) -> Iterator[str]:
    """Yields what a person should know about photos of none of the classes."""
    if lift:
        yield (
            "the new class looks like photos that the model was taught to call unknown, so things like those are "
            "called unknown less often now"
        )
    share = refused_share(pieces, learned, negatives, lift)
    if share is not None:
        yield f"{share:.0%} of the {len(negatives)} remembered photos of none of the classes are called unknown"
