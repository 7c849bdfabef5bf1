"""Measures what source photos gave: heads with and without them, on photos of the target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.evaluation.accuracy import Estimate
from graft_host.heads.finished import FinishedHead
from graft_host.heads.head import Head, train_head
from graft_host.heads.held_out import Rows, held_out_predictions
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
    """

    target: Estimate
    source: Estimate
    both: Estimate
    cross_validated: bool

    def to_json(self) -> dict[str, Any]:
        """The three accuracies with their intervals."""
        return {
            "target_alone": self.target.to_json(),
            "source_alone": self.source.to_json(),
            "both": self.both.to_json(),
            "cross_validated": self.cross_validated,
        }


def measure_gain(
    material: Material, options: HeadOptions, threads: int, head: FinishedHead, cross_validated: Estimate | None = None
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

    Raises:
        GraftError: gradient descent diverged.
    """
    classes, recipe = len(material.dataset.labels), options.recipe
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
        )
    tests, truth = material.test
    return SourceGain(
        target=estimate_on_test(_target_head(material, options, threads).predict(tests) == truth),
        source=estimate_on_test(elsewhere.predict(tests) == truth),
        both=estimate_on_test(head.trained_logits(tests).argmax(axis=1) == truth),
        cross_validated=False,
    )


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
