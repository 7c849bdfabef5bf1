"""Heads on a backbone that was fitted to the training photos, which need held-out photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.errors import DatasetError
from graft_host.heads.cross_validation import standard_error, validate
from graft_host.heads.finished import finish_head
from graft_host.heads.head import PENALTIES, fit_head, photo_weights, train_head
from graft_host.heads.mislabels import FEWEST_PHOTOS, search_mislabels
from graft_host.heads.novelty import measure_spread
from graft_host.heads.recipe import Recipe
from graft_host.heads.temperature import expected_calibration_error, softmax
from tests.host.heads.test_finished import photos, refused, unknown_photos

if TYPE_CHECKING:
    from graft_host.heads.head import Array, Labels

CLASSES = 3


def fitted_photos(count: int, seed: int) -> tuple[Array, Labels]:
    """Bottlenecks of training photos as a fine-tuned backbone gives them: hardly any noise is left."""
    return photos(count, seed, noise=0.05)


def test_temperature_threshold_and_novelty_do_not_depend_on_training_bottlenecks() -> None:
    held, recipe = photos(100, 1, noise=1.5), Recipe()
    head = train_head(fitted_photos(300, 0), held, CLASSES, recipe, fitted=True)
    nonsense = np.full((300, 20), np.nan, np.float32), np.zeros(300, np.int64)
    groups = np.arange(300)
    first = finish_head(head, fitted_photos(300, 0), held, recipe, groups, 0.05, fitted=True)
    second = finish_head(head, nonsense, held, recipe, groups, 0.05, fitted=True)
    assert (first.temperature, first.unknown) == (second.temperature, second.unknown)
    assert first.photos == 100
    assert first.unknown is not None
    assert first.unknown.photos == 100
    assert first.novelty is not None
    assert second.novelty is not None
    assert first.novelty.start == second.novelty.start
    spread = measure_spread(held[0])
    for novelty in (first.novelty, second.novelty):
        np.testing.assert_array_equal(novelty.spread.mean, spread.mean)
        np.testing.assert_array_equal(novelty.spread.weight, spread.weight)


def test_a_frozen_backbones_training_bottlenecks_do_count() -> None:
    held, recipe = photos(100, 1), Recipe()
    train = photos(300, 0)
    head = train_head(train, held, CLASSES, recipe)
    frozen = finish_head(head, train, held, recipe, np.arange(300), 0.05)
    assert frozen.unknown is not None
    assert frozen.unknown.photos == 400
    assert frozen.novelty is not None
    np.testing.assert_array_equal(frozen.novelty.spread.mean, measure_spread(train[0]).mean)


def test_new_photos_are_refused_no_more_often_than_stated() -> None:
    train, held, new = fitted_photos(300, 0), photos(200, 1), photos(4000, 3)[0]
    recipe = Recipe()
    head = train_head(train, held, CLASSES, recipe, fitted=True)
    finished = finish_head(head, train, held, recipe, np.arange(300), 0.05, fitted=True)
    assert finished.unknown is not None
    assert refused(finished, new).mean() <= finished.unknown.rate
    assert refused(finished, unknown_photos(500)).mean() > 0.95


def test_scores_would_be_too_confident_if_the_training_photos_counted() -> None:
    train, held, (x, y) = fitted_photos(300, 0), photos(25, 1, noise=2.5), photos(4000, 3, noise=2.5)
    errors = []
    for fitted in (True, False):
        head = train_head(train, held, CLASSES, Recipe(), fitted=fitted)
        finished = finish_head(head, train, held, Recipe(), np.arange(300), 0, fitted=fitted)
        errors.append(expected_calibration_error(softmax(finished.head.logits(x).astype(np.float64)), y))
    assert errors[0] < 0.1 < errors[1]


def test_few_validation_photos_are_not_helped_by_training_photos() -> None:
    train, held, recipe = fitted_photos(300, 0), photos(12, 1, noise=1.5), Recipe()
    head = train_head(train, held, CLASSES, recipe, fitted=True)
    finished = finish_head(head, train, held, recipe, np.arange(300), 0.05, fitted=True)
    assert finished.photos == 12
    assert (finished.unknown, finished.novelty) == (None, None)
    weights = photo_weights(train[1], CLASSES, balanced=False)
    losses = []
    for penalty in PENALTIES:
        logits = fit_head((*train, weights), CLASSES, recipe, penalty).logits(held[0]).astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        losses.append(float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(12), held[1]]).sum()))
    assert head.penalty == PENALTIES[int(np.argmin(losses))]


def test_without_validation_photos_nothing_can_be_set() -> None:
    train, none, recipe = fitted_photos(60, 0), photos(0, 1), Recipe()
    message = "fitted to the training photos, and no others are left.*; add photos, or raise --validation-percent"
    with pytest.raises(DatasetError, match=message):
        train_head(train, none, CLASSES, recipe, fitted=True)
    head = train_head(train, none, CLASSES, recipe)
    with pytest.raises(DatasetError, match=message):
        finish_head(head, train, none, recipe, np.arange(60), 0.05, fitted=True)


def test_a_mislabel_that_the_backbone_was_fitted_to_is_not_searched_for() -> None:
    bottlenecks, labels = photos(400, 0)
    wrong = labels.copy()
    wrong[[7, 250]] = (labels[[7, 250]] + 1) % CLASSES
    fitted = np.arange(400) < 200
    places = [str(row) for row in range(400)]
    search = search_mislabels(bottlenecks, wrong, places, CLASSES, 0, fitted=fitted)
    assert search.left_out == 200
    assert 250 in [mislabel.index for mislabel in search.mislabels]
    assert all(mislabel.index >= 200 for mislabel in search.mislabels)
    nonsense = bottlenecks.copy()
    nonsense[:200] = np.nan
    assert search_mislabels(nonsense, wrong, places, CLASSES, 0, fitted=fitted) == search
    frozen = search_mislabels(bottlenecks, wrong, places, CLASSES, 0)
    assert {7, 250} <= {mislabel.index for mislabel in frozen.mislabels}
    assert frozen.left_out == 0


def test_no_search_where_too_few_photos_were_held_out() -> None:
    bottlenecks, labels = photos(400, 0)
    search = search_mislabels(
        bottlenecks, labels, [str(row) for row in range(400)], CLASSES, 0, fitted=np.arange(400) < 396
    )
    note = f"this needs two classes of at least {FEWEST_PHOTOS} different photos that the backbone was not fitted to"
    assert (search.mislabels, search.note, search.left_out) == ((), note, 396)


def test_accuracy_on_held_out_photos() -> None:
    held = photos(100, 1, noise=2.0)
    head = train_head(fitted_photos(300, 0), held, CLASSES, Recipe(), fitted=True)
    measured = validate(head, *held, np.arange(100) // 2)
    hits = int((head.predict(held[0]) == held[1]).sum())
    assert 0 < hits < 100
    assert (measured.accuracy, measured.photos) == (hits / 100, 100)
    assert measured.standard_error == standard_error(hits, 100, 50)
