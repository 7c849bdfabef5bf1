"""Measures what source photos gave: heads with and without them, on photos of the target."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.evaluation.accuracy import Estimate
from graft_host.heads.finished import FinishedHead
from graft_host.heads.head import Head, train_head
from graft_host.heads.held_out import Rows, held_out_predictions
from graft_host.samples.options import DENSITY
from graft_host.samples.rows import SourceRows
from graft_host.samples.weights import density_ratios
from graft_host.training.estimate import estimate_held_out, estimate_on_test, held_out_rows, to_cross_validate
from graft_host.training.material import Material
from graft_host.training.options import HeadOptions


@dataclass(frozen=True, kw_only=True)
class SourceGain:
    """The accuracy on photos of the target of three heads that did not see them.

    Attributes:
        target: of a head that is trained on photos of the target alone.
        source: of a head that is trained on source photos alone.
        both: of a head that is trained as the model's is.
        cross_validated: whether each photo of the target was held out in turn; otherwise these are the test photos.
        likeness: how much likelier each source photo is in the target than in the source, relative to the median
            photo, ``[S]`` (see ``density_ratios``); None if that was not computed.
    """

    target: Estimate
    source: Estimate
    both: Estimate
    cross_validated: bool
    likeness: NDArray[np.float64] | None = None

    def to_json(self) -> dict[str, Any]:
        """The three accuracies with their intervals."""
        return {
            "target_alone": self.target.to_json(),
            "source_alone": self.source.to_json(),
            "both": self.both.to_json(),
            "cross_validated": self.cross_validated,
        }


def ranked_photos(source: SourceRows, likeness: NDArray[np.float64], count: int) -> dict[str, list[dict[str, Any]]]:
    """The source photos that look most and least like the target, by ``most`` and ``least``, each at most ``count``.

    Args:
        source: the photos, and what they weigh.
        likeness: of each photo, ``[S]``.
        count: how many of each; none is in both lists.
    """
    photos, order = source.sources.photos, np.argsort(-likeness, kind="stable")
    count = min(count, len(order) // 2)

    def described(place: int) -> dict[str, Any]:
        weight, ratio = float(source.weighted.photos[place]), float(likeness[place])
        return {"path": os.fsdecode(photos[place].path), "weight": weight, "likeness": ratio}

    return {
        "most": [described(place) for place in order[:count].tolist()],
        "least": [described(place) for place in order[::-1][:count].tolist()],
    }


def measure_gain(
    material: Material,
    options: HeadOptions,
    threads: int,
    head: FinishedHead,
    cross_validated: Estimate | None = None,
    *,
    ranked: bool = False,
) -> SourceGain:
    """Trains heads on the target alone, on the source alone, and on both, and tests them on photos of the target.

    These are the test photos; where they are few, heads of five folds classify all photos of the target. All heads are
    float heads, and their logits are not shifted by a prior.

    Args:
        material: with source photos.
        options: that the model's head was trained with.
        threads: folds at a time.
        head: the model's.
        cross_validated: the accuracy of heads that are trained as the model's is, without a prior; None to compute it
            where it is needed.
        ranked: whether to find out how much each source photo looks like the target, which ``density`` does anyway.

    Raises:
        GraftError: gradient descent diverged.
    """
    classes, recipe = len(material.dataset.labels), options.recipe
    likeness = _likeness(material, options, threads) if ranked else None
    elsewhere = _source_head(material, options, threads)
    if to_cross_validate(material):
        both = held_out_rows(material)
        own = both.photos >= 0
        alone = replace(
            both, bottlenecks=both.bottlenecks[own], labels=both.labels[own], photos=both.photos[own], weights=None
        )  # fmt: skip
        truth = both.labels[: len(both.groups)]

        def held_out(rows: Rows) -> Estimate:
            return estimate_held_out(held_out_predictions(rows, classes, recipe, threads) == truth, rows)

        return SourceGain(
            target=held_out(alone),
            source=estimate_held_out(elsewhere.predict(both.bottlenecks[: len(truth)]) == truth, both),
            both=cross_validated or held_out(both),
            cross_validated=True,
            likeness=likeness,
        )
    tests, truth = material.test
    return SourceGain(
        target=estimate_on_test(_target_head(material, options, threads).predict(tests) == truth),
        source=estimate_on_test(elsewhere.predict(tests) == truth),
        both=estimate_on_test(head.trained_logits(tests).argmax(axis=1) == truth),
        cross_validated=False,
        likeness=likeness,
    )


def _likeness(material: Material, options: HeadOptions, threads: int) -> NDArray[np.float64] | None:
    """The density ratio of each source photo without its copies, relative to the median."""
    source, own = material.source, len(material.split.train)
    if source is None:
        return None
    if source.weighted.rule == DENSITY:
        ratios = source.weighted.photos
    else:
        first = int((material.groups >= 0).sum())
        photos = material.train[0][first : first + len(source.sources.photos)]
        places = np.arange(len(photos))
        ratios = density_ratios(
            material.train[0][:own], photos, material.groups[:own], places, options.rule.seed, threads
        )
    return ratios / np.median(ratios)


def _target_head(material: Material, options: HeadOptions, threads: int) -> Head:
    own = material.groups >= 0
    return train_head(
        (material.train[0][own], material.train[1][own]), material.validation, len(material.dataset.labels),
        options.recipe, material.groups[own], threads, fitted=material.fitted,
    )  # fmt: skip


def _source_head(material: Material, options: HeadOptions, threads: int) -> Head:
    """A head that no photo of the target had an influence on: folds of the source photos choose its penalty."""
    rows: NDArray[np.bool_] = material.groups < 0
    values, labels = material.train[0][rows], material.train[1][rows]
    weights = None if material.weights is None else material.weights[rows]
    shown = np.arange(len(labels)) if material.source is None else material.source.shown
    return train_head(
        (values, labels), (values[:0], labels[:0]), len(material.dataset.labels), options.recipe, shown, threads,
        weights=weights,
    )  # fmt: skip
