"""Estimates the accuracy on new photos, by cross-validation where the test photos are few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graft_host.evaluation.accuracy import FEW_TEST_PHOTOS, Estimate
from graft_host.heads.held_out import VARIANCE, Rows, held_out_predictions
from graft_host.photos.dataset import Photo
from graft_host.support.intervals import wilson_interval
from graft_host.training.material import Material
from graft_host.training.options import HeadOptions


def estimate_on_test(right: NDArray[np.bool_]) -> Estimate:
    """The accuracy on test photos, with its interval.

    Args:
        right: which of the photos got their true class.
    """
    return _estimate(right, len(right))


def to_cross_validate(material: Material) -> bool:
    """Whether the test photos are too few for a figure of their own, and heads can be trained without photos.

    They cannot if the backbone was fitted to the training photos. A test that the user put together may differ from
    the other photos on purpose, so it is not replaced.
    """
    parts = material.split
    return len(parts.test) < FEW_TEST_PHOTOS and "test" not in parts.given and not material.fitted


def cross_validated_estimate(
    material: Material, options: HeadOptions, threads: int, offset: NDArray[np.float64] | None = None
) -> Estimate:
    """Cross-validates over all photos of the target.

    The interval counts near duplicates as one photo. It is wider than that of as many test photos, because the heads
    share most of the photos that they are trained on (see ``VARIANCE``).

    Args:
        material: of the model.
        options: that the model's head was trained with.
        threads: folds at a time.
        offset: what is added to the logits of every head, ``[K]``; None for nothing.

    Raises:
        GraftError: gradient descent diverged.
    """
    rows = held_out_rows(material)
    predicted = held_out_predictions(rows, len(material.dataset.labels), options.recipe, threads, offset)
    return estimate_held_out(predicted == rows.labels[: len(predicted)], rows)


def estimate_held_out(right: NDArray[np.bool_], rows: Rows) -> Estimate:
    """The accuracy on photos that were held out in folds, with its interval.

    Args:
        right: which of the photos got their true class, ``[N]``.
        rows: what the heads were trained on.
    """
    return _estimate(right, len(np.unique(rows.groups)) / VARIANCE)


def held_out_rows(material: Material) -> Rows:
    """All photos of the target, followed by the other rows that are trained on."""
    parts = material.split
    own, photos = len(parts.train), [*parts.train, *parts.validation, *parts.test]
    bottlenecks, labels = material.without_variants()
    count, groups = len(photos), _groups(photos, parts.divided)
    validates = np.zeros(count, bool)
    validates[own : own + len(parts.validation)] = True
    return Rows(
        bottlenecks=np.concatenate([bottlenecks, material.train[0][own:]]),
        labels=np.concatenate([labels, material.train[1][own:]]),
        photos=np.concatenate([np.arange(count), _shown(material)[own:]]),
        groups=groups,
        validates=validates,
        weights=_weights(material),
    )


def _shown(material: Material) -> NDArray[np.int64]:
    """The training photo that each row of ``Material.train`` shows, ``[N]``; -1 for rows that only train."""
    own, divided = len(material.split.train), material.groups >= 0
    shown = np.full(len(divided), -1)
    shown[divided] = np.tile(np.arange(own), int(divided.sum()) // own)
    return shown


def _weights(material: Material) -> NDArray[np.float64] | None:
    """The weights of all photos and then of the other training rows; validation and test photos count 1."""
    weights, own = material.weights, len(material.split.train)
    if weights is None:
        return None
    others = len(material.split.validation) + len(material.split.test)
    arranged: NDArray[np.float64] = np.concatenate([weights[:own], np.ones(others), weights[own:]])
    return arranged


def _groups(photos: list[Photo], divided: tuple[str, ...]) -> NDArray[np.int64]:
    """A number for each photo: equal for near duplicates, except in groups that the split had to divide."""
    places = [photo.digest if photo.place in divided else photo.place for photo in photos]
    return np.unique(places, return_inverse=True)[1].astype(np.int64)


def _estimate(right: NDArray[np.bool_], worth: float) -> Estimate:
    """The share that is right, with Wilson's interval for as many photos as these are worth."""
    share = float(np.mean(right))
    low, high = wilson_interval(share * worth, worth)
    return Estimate(accuracy=share, low=low, high=high, photos=len(right))
