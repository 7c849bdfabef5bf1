"""A finished head: its scores are honest, and it calls a photo unknown that is unlike those it was trained on.

Temperature and threshold are both set on photos that the head was not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.gradient_descent import diverged
from graft_host.heads.head import (
    Array,
    Head,
    Labels,
    Weights,
    check_held_out,
    photo_weights,
    too_few,
)
from graft_host.heads.negatives import Detected, Negatives, detect
from graft_host.heads.novelty import Likeness, Novelty, measure_spread, takes_roots
from graft_host.heads.recipe import Recipe
from graft_host.heads.temperature import HOTTEST, best_temperature, helpful_temperature, softmax
from graft_host.heads.thresholds import FEWEST_PHOTOS, HeldOut, UnknownThreshold, set_limit, set_threshold
from graft_host.heads.unseen import folded, held_out, joined, validated, without


@dataclass(frozen=True)
class LearnedFrom:
    """What a head learned from negatives, measured on those by detectors that did not see them.

    Attributes:
        photos: number of negatives.
        refused: how many of them are called unknown.
        without: how many of them would be without having learned from any.
        threshold: what the threshold would be then.
        kept: whether the network has what was learned; not if that refuses no more of them.
    """

    photos: int
    refused: int
    without: int
    threshold: UnknownThreshold
    kept: bool


@dataclass(frozen=True, kw_only=True)
class FinishedHead:
    """The head that is grafted onto the backbone.

    Attributes:
        head: kernel and bias, divided by the temperature; the bias shifted afterwards.
        temperature: the number that the trained head's logits are divided by; 1 if no other helps.
        photos: number of photos that the temperature was set on.
        novelty: shrinks the logits of unknown photos; None if no photo is called unknown.
        unknown: the score below which a photo is unknown; None if no photo is called unknown.
        shift: what was added to the bias because the classes occur more or less often than in training, ``[K]``; None
            if nothing was.
        negatives: what was learned from negatives; None if there were too few, or none.
    """

    head: Head
    temperature: float
    photos: int
    novelty: Novelty | None = None
    unknown: UnknownThreshold | None = None
    shift: NDArray[np.float64] | None = None
    negatives: LearnedFrom | None = None

    def trained_logits(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The logits ``[N,K]`` of the head as it was trained, before temperature scaling and shift."""
        logits = self.head.logits(bottlenecks).astype(np.float64)
        return (logits if self.shift is None else logits - self.shift) * self.temperature

    def unscaled_logits(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The logits ``[N,K]`` without temperature scaling, shifted as those of the finished head are."""
        logits = self.trained_logits(bottlenecks)
        return logits if self.shift is None else logits + self.shift

    def scores(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The probabilities ``[N,K]`` for bottlenecks ``[N,D]``."""
        logits = self.head.logits(bottlenecks).astype(np.float64)
        if self.novelty is not None:
            logits *= self.novelty.shrink(bottlenecks)[:, np.newaxis]
        return softmax(logits)

    def refuses(self, bottlenecks: Array) -> NDArray[np.bool_]:
        """Which of the bottlenecks ``[N,D]`` are called unknown, ``[N]``."""
        below = 0.0 if self.unknown is None else self.unknown.score
        refused: NDArray[np.bool_] = self.scores(bottlenecks).max(axis=1) < below
        return refused

    def without_negatives(self) -> FinishedHead:
        """The head as it would be without having learned from negatives."""
        if self.novelty is None or self.negatives is None:
            return self
        plain = replace(self.novelty, likeness=None)
        return replace(self, novelty=plain, unknown=self.negatives.threshold, negatives=None)


def finish_head(
    head: Head,
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    recipe: Recipe,
    groups: Labels,
    rate: float,
    threads: int = 1,
    *,
    fitted: bool = False,
    validation_groups: Labels | None = None,
    weights: Weights | None = None,
    shift: NDArray[np.float64] | None = None,
    negatives: Negatives | None = None,
) -> FinishedHead:
    """Sets the temperature and the unknown threshold of a trained head.

    Both are set on the validation photos and on the training photos, which heads of five folds classify; only where
    no photo is called unknown are validation photos alone enough, unless they are few. The temperature stays 1 if no
    other helps on those of these photos that it was not chosen on. Where the backbone was fitted to the training
    photos, their bottlenecks are closer together and easier to separate than those of new photos.
    Temperature, threshold and novelty then come from the validation photos alone, however few they are.

    Args:
        head: trained on ``train``.
        train: bottlenecks ``[N,D]`` and labels ``[N]``.
        validation: bottlenecks and labels of photos that the head was not trained on.
        recipe: how the head was trained; the heads of the folds are trained in the same way.
        groups: rows of ``train`` with the same number show one photo, ``[N]``. Rows with a negative number only train:
            temperature, threshold and novelty do not depend on their scores.
        rate: share of known photos that may be called unknown; 0 to call no photo unknown.
        threads: folds at a time.
        fitted: whether the backbone was fitted to the photos of ``train``.
        validation_groups: rows of ``validation`` with the same number are near duplicates, ``[N]``; None if there are
            none.
        weights: of the rows of ``train`` in the loss, ``[N]``; None if all count the same.
        shift: what is added to the logits after temperature scaling, ``[K]``; None for nothing. The threshold is that
            of the shifted scores.
        negatives: photos of none of the classes, to learn from; None if there are none. Their groups are numbered like
            ``groups``, or like ``validation_groups`` if ``fitted``.

    Raises:
        DatasetError: the backbone was fitted to the training photos, and there are no validation photos.
        GraftError: gradient descent diverged so far that no temperature makes up for it.
    """
    check_held_out(validation, fitted=fitted)
    known = without(train[0], groups)
    detected = None
    if negatives is not None and rate > 0:
        own = np.arange(len(validation[1])) if validation_groups is None else validation_groups
        detected = _detected(head, *((validation, own) if fitted else (train, groups)), recipe, negatives)
    checked = validated(head, validation, recipe) if fitted else held_out(head, known, validation)
    if detected is not None:
        seen = detected.known if fitted else detected.detector.likeness(validation[0])
        checked = replace(checked, likeness=seen)
    few = too_few(validation[1], len(head.bias)) and not fitted
    likeness = None if detected is None else detected.known
    trained = (
        folded(head, train, recipe, groups, weights, threads, likeness) if few or (rate > 0 and not fitted) else []
    )
    basis = joined([checked, *trained])
    if recipe.optimizer == "sgd" and best_temperature(basis.logits, basis.labels) >= HOTTEST:
        raise diverged(recipe.descent)
    groups = np.arange(len(basis.labels))
    if validation_groups is not None:  # the other photos of the basis are different ones
        groups[: len(validation_groups)] = len(groups) + validation_groups
    temperature = helpful_temperature(basis.logits, basis.labels, groups, recipe.seed)
    scaled = replace(head, kernel=head.kernel / np.float32(temperature), bias=head.bias / np.float32(temperature))
    logits = basis.logits / temperature
    if shift is not None:
        scaled, logits = replace(scaled, bias=scaled.bias + shift.astype(np.float32)), logits + shift
    finished = FinishedHead(head=scaled, temperature=temperature, photos=len(basis.labels), shift=shift)
    if rate == 0 or len(basis.labels) < FEWEST_PHOTOS:
        return finished
    basis = replace(basis, logits=logits)
    start, unknown = set_threshold(basis, rate)
    spread = measure_spread(validation[0] if fitted else known)
    finished = replace(finished, novelty=Novelty(spread, start), unknown=unknown)
    if negatives is None or detected is None:
        return finished
    return _taught(finished, Novelty(spread, start), unknown, basis, negatives, detected, rate)


def _taught(
    plain: FinishedHead,
    novelty: Novelty,
    threshold: UnknownThreshold,
    known: HeldOut,
    negatives: Negatives,
    detected: Detected,
    rate: float,
) -> FinishedHead:
    """Lets a finished head call unknown what looks like negatives, if that refuses more of those it did not see."""
    photos = negatives.bottlenecks
    unlike = HeldOut(
        plain.head.logits(photos).astype(np.float64),
        np.full(len(photos), -1),
        novelty.spread.distance(photos),
        detected.negatives,
    )
    limit, unknown, refused = set_limit(known, unlike, rate, novelty.start)
    before, after = int(plain.refuses(photos).sum()), int(refused.sum())
    helps = after > before or bool(refused.all())
    plain = replace(
        plain, negatives=LearnedFrom(len(photos), after if helps else before, before, threshold, helps)
    )  # fmt: skip
    if not helps:
        return plain
    detector = detected.detector
    bias = (detector.bias - limit.start) / limit.width
    likeness = Likeness((detector.weight / np.float32(limit.width)).astype(np.float32), bias)
    return replace(plain, novelty=replace(novelty, likeness=likeness), unknown=unknown)


def _detected(
    head: Head, known: tuple[Array, Labels], groups: Labels, recipe: Recipe, negatives: Negatives
) -> Detected | None:
    """A detector of negatives; known photos count as they do where classes are balanced, or alike."""
    weights = photo_weights(known[1], len(head.bias), balanced=recipe.balanced)
    root = takes_roots(without(known[0], groups))
    return detect(known[0], weights, groups, negatives, recipe.seed, root=root)
