"""Makes a head that knows more: of a new class, or of photos that an earlier head got wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft_device.learning.folding import folds
from graft_device.learning.head_file import HeadShape, NewHead
from graft_device.learning.regression import Rotated, rotate
from graft_device.learning.remembered import Array, Labels
from graft_device.learning.scores import best_bias, best_scores, best_temperature, quantile, stated_rate, threshold
from graft_device.learning.softmax_problem import Wide
from graft_device.learning.spread import class_shares, measure_spread, shrink

FEWEST_TO_TRAIN = 5
"""Photos of a new class from which the whole head is trained again; with fewer, a row is added to it."""

FEWEST_FOR_THRESHOLD = 20
"""Photos below which no threshold is set, as on the workstation."""

_TAKEN = 0.02
"""Share of the other classes' photos that a row of few photos may take, which sets its bias."""

_RIDGE = 1.0
"""Share of the mean variance within classes that is added to every variance, where a row is made of few photos. On
three sets of photos 1 named more photos of a new class than 10 or no variances at all."""

_WITHIN = 0.95
"""Share of the photos, of the old classes and of the new one, up to whose distance logits are left unchanged."""

_FEW, _ROUNDS = 3, 3
"""A class has few photos if another has more than three times as many; their biases are set in turn, three times."""

_LEAST_START = 1e-3  # of the distance from which logits shrink, where photos are nearly identical

_CORRECTED = 0.2
"""Share of its class that corrected photos count at least."""

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Known:
    """The photos that a head is made from.

    Attributes:
        bottlenecks: float32 ``[N,D]``; the new photos come last.
        labels: ``[N]``, with K for a new class.
        judged: which may judge a head that did not see them, ``[N]``.
        new: which are new, ``[N]``.
        drawn: whether those that are not new were drawn around the means of their classes.
        likeness: of each to photos of none of the classes, in the file's units, ``[N]``; None for a file without.
    """

    bottlenecks: Array
    labels: Labels
    judged: Rows
    new: Rows
    drawn: bool
    likeness: Wide | None = None


@dataclass(frozen=True)
class OldHead:
    """The head of the file, and what its card says of it.

    Attributes:
        kernel: ``[D,K]``.
        bias: ``[K]``.
        penalty: C.
        balanced: whether it was trained with all classes alike.
        rate: the share of known photos that may be called unknown; 0 for a model that calls none unknown.
    """

    kernel: Wide
    bias: Wide
    penalty: float
    balanced: bool
    rate: float


@dataclass(frozen=True)
class Learned:
    """A new head, and how good it is on photos that it did not see.

    Attributes:
        head: the numbers for the file.
        logits: of the judged photos by heads that did not see them, ``[J,K]``.
        before: the same of heads without the new photos, or of the file's head where only a row was added; without
            the new photos themselves if they are of a new class.
        labels: the classes of the judged photos, ``[J]``.
        scores: the best score of each judged photo, after the novelty, ``[J]``.
        score: the score below which a photo is unknown; 0 for none.
        rate: the share of known photos that may be refused, as far as these photos prove it.
    """

    head: NewHead
    logits: Wide
    before: Wide
    labels: Labels
    scores: Wide
    score: float
    rate: float

    @property
    def refused(self) -> Rows:
        """Which judged photos are called unknown, ``[J]``."""
        refused: Rows = self.scores < self.score
        return refused


def train_again(known: Known, old: OldHead, shape: HeadShape, *, adds: bool) -> Learned:
    """Trains the whole head again.

    Args:
        known: the photos.
        old: the head of the file.
        shape: of the head in the file.
        adds: whether the new photos are of a new class. Its bias is then set on held-out photos, like that of every
            class of few photos: plain training hardly ever names one.
    """
    classes, rows = shape.classes + adds, np.ones(len(known.labels), bool)
    rotated, shares = rotate(known.bottlenecks), class_shares(known.labels)
    small = _small(known, adds=adds)
    alike = bool(small) or old.balanced
    weights = shares if adds else _corrected_weights(known, balanced=alike)
    held = _held_out(rotated, known, weights, classes, old.penalty)
    labels, counted = known.labels[known.judged], shares[known.judged]
    bias = _biases(held, labels, counted, small)
    temperature = best_temperature(held + bias, labels, counted)
    kernel, own = rotated.unfolded(rotated.fit(rows, known.labels, weights, classes, old.penalty))
    before, _ = _before(rotated, known, old, shape, adds=adds, alike=alike)
    head = NewHead(kernel / temperature, (own + bias) / temperature)
    return _finished(head, (held + bias) / temperature, before, known, old, shape)


def add_row(known: Known, old: OldHead, shape: HeadShape) -> Learned:
    """Adds a row for a new class, made from the mean of its few photos (imprinting, after Qi et al. 2018).

    The row is the mean's direction in units of the variance within the old classes, as long as theirs. Its bias lets
    it take a small share of their photos, held out. The other rows are trained again without the new photos, or stay as
    they are where only the means of their classes are known.
    """
    rotated, judged = rotate(known.bottlenecks), ~known.new & known.judged
    kernel, bias, before = _rows(rotated, known, old, shape)
    direction = _direction(rotated, known)
    length = np.where(np.isinf(rotated.deviation), 0, rotated.deviation)[:, np.newaxis] * kernel
    row = direction * (float(np.linalg.norm(length, axis=0).mean()) / max(float(np.linalg.norm(direction)), 1e-12))
    ahead = (rotated.data.coordinates @ row)[judged] - before.max(axis=1)
    own = -quantile(ahead, class_shares(known.labels[judged]), _TAKEN)
    column, shift = rotated.unfolded(np.concatenate([row, [own]])[:, np.newaxis])
    head = NewHead(np.concatenate([kernel, column], axis=1), np.concatenate([bias, shift]))
    mine = known.bottlenecks[known.new].astype(np.float64) @ head.kernel + head.bias
    logits = np.concatenate([np.concatenate([before, (ahead + before.max(axis=1) + own)[:, np.newaxis]], axis=1), mine])
    return _finished(head, logits, before, known, old, shape)


def _rows(rotated: Rotated, known: Known, old: OldHead, shape: HeadShape) -> tuple[Wide, Wide, Wide]:
    """The rows of the old classes.

    Returns:
        Kernel ``[D,K]``, bias ``[K]``, and the logits ``[J,K]`` of their judged photos, held out if there are any.
    """
    others = ~known.new
    if known.drawn:
        kernel, bias = _centred(old.kernel), old.bias - old.bias.mean()
        return kernel, bias, known.bottlenecks[others].astype(np.float64) @ kernel + bias
    rows, labels = others & known.judged, np.where(others, known.labels, 0)
    counted = class_shares(known.labels[rows])
    small = [label for label in _small(known, adds=True) if label < shape.classes]
    alike = bool(small) or old.balanced
    weights = class_shares(known.labels) if alike else np.ones(len(labels))
    before, biases = _before(rotated, known, old, shape, adds=True, alike=alike)
    temperature = best_temperature(before, known.labels[rows], counted)
    kernel, bias = rotated.unfolded(rotated.fit(others, labels, weights, shape.classes, old.penalty))
    return kernel / temperature, (bias + biases) / temperature, before / temperature


def _finished(head: NewHead, logits: Wide, before: Wide, known: Known, old: OldHead, shape: HeadShape) -> Learned:
    """Measures the spread again, and sets the threshold, if there are photos enough to do so."""
    labels, judged = known.labels[known.judged], known.judged
    if shape.directions is None or old.rate <= 0 or known.drawn or len(labels) < FEWEST_FOR_THRESHOLD:
        return Learned(head, logits, before, labels, best_scores(logits), 0.0, old.rate)
    shares, weights = class_shares(labels), np.sqrt(class_shares(known.labels))
    spread = measure_spread(known.bottlenecks[judged], weights[judged], shape.directions, root=shape.roots)
    distances, new = _distances(known, weights, shape), known.new[judged]
    groups = [rows for rows in (~new, new) if rows.any()]
    start = max(_LEAST_START, *(quantile(distances[rows], shares[rows], 1 - _WITHIN) for rows in groups))
    likeness = None if known.likeness is None else known.likeness[judged]
    scores = best_scores(logits * shrink(distances, start, likeness)[:, np.newaxis])
    score = threshold(scores, shares, logits.shape[1], old.rate)
    finished = replace(head, spread=spread, start=start)
    return Learned(finished, logits, before, labels, scores, score, stated_rate(len(labels), old.rate))


def _distances(known: Known, weights: Wide, shape: HeadShape) -> Wide:
    """The distance of each judged photo from the judged photos of the other folds, ``[J]``."""
    distances = np.zeros(len(known.labels))
    for inside, outside in folds(known.labels, known.judged):
        rows = inside & known.judged
        if not rows.any():
            rows = known.judged
        spread = measure_spread(known.bottlenecks[rows], weights[rows], shape.directions or 0, root=shape.roots)
        distances[outside] = spread.distance(known.bottlenecks[outside])
    return distances[known.judged]


def _held_out(rotated: Rotated, known: Known, weights: Wide, classes: int, penalty: float) -> Wide:
    """The logits ``[J,K]`` of the judged photos, fold by fold by a head that was trained on the others."""
    logits = np.zeros((len(known.labels), classes))
    for inside, outside in folds(known.labels, known.judged):
        head = rotated.fit(inside, known.labels, weights, classes, penalty)
        logits[outside] = rotated.logits(head)[outside]
    return logits[known.judged]


def _before(
    rotated: Rotated, known: Known, old: OldHead, shape: HeadShape, *, adds: bool, alike: bool
) -> tuple[Wide, Wide]:
    """The logits of the judged photos by heads that saw neither them nor any new photo.

    Returns:
        ``[J,K]`` of the old classes; without the new photos if these are of a new class. And what was added to them
        for classes of few photos, ``[K]``.
    """
    others = ~known.new
    weights = class_shares(known.labels) if alike else np.ones(len(known.labels))
    logits = np.zeros((len(known.labels), shape.classes))
    labels = np.where(others, known.labels, 0)
    for inside, outside in folds(known.labels, known.judged):
        head = rotated.fit(inside & others, labels, weights, shape.classes, old.penalty)
        logits[outside] = rotated.logits(head)[outside]
    rows = known.judged & others
    small = [label for label in _small(known, adds=adds) if label < shape.classes]
    biases = _biases(logits[rows], labels[rows], class_shares(labels[rows]), small)
    return (logits[rows] if adds else logits[known.judged]) + biases, biases


def _small(known: Known, *, adds: bool) -> list[int]:
    """The classes of few photos, and a new one."""
    counts = np.bincount(known.labels.astype(np.intp))
    new = len(counts) - 1 if adds else None
    return [label for label, count in enumerate(counts) if label == new or count * _FEW < counts.max()]


def _biases(logits: Wide, labels: Labels, shares: Wide, small: list[int]) -> Wide:
    """What to add to held-out logits ``[J,K]`` so that classes of few photos are named as often as others, ``[K]``."""
    biases = np.zeros(logits.shape[1])
    for _ in range(_ROUNDS if len(small) > 1 else 1):
        for label in small:
            biases[label] += best_bias(logits + biases, labels, shares, label)
    return biases


def _direction(rotated: Rotated, known: Known) -> Wide:
    """The mean of the new photos in units of the variance within the other classes, on coordinates ``[R]``."""
    coordinates, others = rotated.data.coordinates.astype(np.float64), ~known.new
    rest = coordinates[others].copy()
    for label in np.unique(known.labels[others]):
        own = known.labels[others] == label
        rest[own] -= rest[own].mean(axis=0)
    within = rest.T @ rest / len(rest)
    ridge = _RIDGE * np.trace(within) / len(rotated.mean)
    within[np.diag_indices_from(within)] += max(ridge, 1e-12)
    middle = coordinates[known.new].mean(axis=0) - coordinates[others].mean(axis=0)
    direction: Wide = np.linalg.solve(within, middle)
    return direction


def _corrected_weights(known: Known, *, balanced: bool) -> Wide:
    """What each photo counts in training, where the new ones count at least a fifth of their class."""
    weights = class_shares(known.labels) if balanced else np.ones(len(known.labels))
    own = known.labels == known.labels[known.new][0]
    corrected = float(weights[known.new].sum())
    least = _CORRECTED / (1 - _CORRECTED) * float(weights[own & ~known.new].sum())
    weights[known.new] *= max(1.0, least / corrected)
    return weights


def _centred(kernel: Wide) -> Wide:
    centred: Wide = kernel - kernel.mean(axis=1, keepdims=True)
    return centred
