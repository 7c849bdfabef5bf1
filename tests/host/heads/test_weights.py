"""Weights of photos in the loss, and photos that only train."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_host.heads.cross_validation import cross_validate
from graft_host.heads.finished import finish_head
from graft_host.heads.head import folds, train_head, weighted_photos
from graft_host.heads.held_out import Rows, held_out_predictions
from graft_host.heads.novelty import measure_spread
from graft_host.heads.recipe import Recipe

Photos = tuple[NDArray[np.float32], NDArray[np.int64]]

RECIPES = (
    Recipe(),
    Recipe(class_weight="balanced"),
    Recipe(optimizer="sgd", learning_rate=0.01, steps=50),
    Recipe(optimizer="sgd", learning_rate=0.01, steps=50, class_weight="balanced"),
)


def _photos(count: int, seed: int, distance: float = 3.0, classes: int = 3) -> Photos:
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 7 % classes).astype(np.int64)
    values = rng.normal(size=(count, 12)) + distance * np.eye(classes, 12)[labels]
    return values.astype(np.float32), labels


def _joined(*parts: Photos) -> Photos:
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@pytest.mark.parametrize("recipe", RECIPES)
def test_weights_of_1_change_no_byte(recipe: Recipe) -> None:
    train, held, groups = _photos(61, 0), _photos(20, 1), np.arange(61)
    finished = []
    for weights in (None, np.ones(61)):
        head = train_head(train, held, 3, recipe, groups, weights=weights)
        finished.append(finish_head(head, train, held, recipe, groups, 0.3, weights=weights))
    plain, weighted = finished
    assert plain.head.kernel.tobytes() == weighted.head.kernel.tobytes()
    assert plain.head.bias.tobytes() == weighted.head.bias.tobytes()
    assert (plain.temperature, plain.unknown) == (weighted.temperature, weighted.unknown)


@pytest.mark.parametrize("recipe", RECIPES)
def test_photos_of_small_weight_do_not_teach_a_wrong_class(recipe: Recipe) -> None:
    right, held = _photos(90, 0), _photos(300, 2)
    wrong = (right[0], (right[1] + 1) % 3)
    train, groups = _joined(right, wrong, wrong), np.concatenate([np.arange(90), np.full(180, -1)])
    weights = np.concatenate([np.ones(90), np.full(180, 1e-3)])
    recipe = replace(recipe, steps=1000)
    weighted = train_head(train, (held[0][:0], held[1][:0]), 3, recipe, groups, weights=weights)
    plain = train_head(train, (held[0][:0], held[1][:0]), 3, recipe, groups)
    assert (weighted.predict(held[0]) == held[1]).mean() > 0.9
    assert (plain.predict(held[0]) == held[1]).mean() < 0.5


def test_balanced_classes_have_the_same_sum_of_weights() -> None:
    photos, weights = _photos(50, 0), np.linspace(0.1, 2, 50)
    balanced = weighted_photos(photos, 3, Recipe(class_weight="balanced"), weights)[2]
    sums = np.bincount(photos[1], balanced)
    np.testing.assert_allclose(sums, weights.sum() / 3)
    for label in range(3):
        own = photos[1] == label
        np.testing.assert_allclose(balanced[own] / weights[own], (balanced[own] / weights[own])[0])


def test_weights_do_not_change_the_step_of_gradient_descent() -> None:
    photos, recipe = _photos(50, 0), Recipe(optimizer="sgd", steps=20)
    heads = [train_head(photos, photos, 3, recipe, weights=np.full(50, weight)) for weight in (1.0, 1e-3)]
    np.testing.assert_allclose(heads[0].kernel, heads[1].kernel, rtol=1e-4, atol=1e-6)


def test_rows_with_a_negative_group_are_never_held_out_and_do_not_move_the_others() -> None:
    groups = np.array([0, 1, 1, 2, 3, 4, 5, 6])
    mixed = np.concatenate([groups, np.full(5, -1)])
    for (inside, outside), (both, held) in zip(folds(groups, 3), folds(mixed, 3), strict=True):
        np.testing.assert_array_equal(both, np.concatenate([inside, np.ones(5, bool)]))
        np.testing.assert_array_equal(held, np.concatenate([outside, np.zeros(5, bool)]))


def test_without_enough_groups_no_fold_is_left_without_photos_of_its_own() -> None:
    assert folds(np.array([0, 0, -1, -1]), 0) == []
    assert folds(np.full(4, -1), 0) == []


def test_threshold_and_novelty_are_of_the_photos_that_can_be_held_out() -> None:
    target, held, far = _photos(60, 0), _photos(30, 1), _photos(200, 2)
    far = (far[0] + 40, far[1])
    train, groups = _joined(target, far), np.concatenate([np.arange(60), np.full(200, -1)])
    weights = np.concatenate([np.ones(60), np.full(200, 0.3)])
    head = train_head(train, held, 3, Recipe(), groups, weights=weights)
    finished = finish_head(head, train, held, Recipe(), groups, 0.2, weights=weights)
    assert finished.photos == 90
    assert finished.novelty is not None
    np.testing.assert_array_equal(finished.novelty.spread.mean, measure_spread(target[0]).mean)
    assert finished.novelty.spread.distance(far[0]).min() > finished.novelty.start


def test_only_photos_that_can_be_held_out_are_judged() -> None:
    target, source = _photos(40, 0, 0.0), _photos(400, 1, 20.0)
    groups = np.concatenate([np.arange(40), np.full(400, -1)])
    result = cross_validate(*_joined(target, source), groups, 3, 0)
    alone = cross_validate(*target, np.arange(40), 3, 0)
    assert result.photos == alone.photos == 40
    assert result.accuracy < 0.7  # the 400 would all be right


def test_photos_that_only_train_are_in_every_fold() -> None:
    """The photos of the target alone are too few to learn the classes from: those of the source show them."""
    target, source = _photos(12, 0, 2.0), _photos(300, 1, 2.0)
    bottlenecks, labels = _joined(target, source)
    rows = Rows(
        bottlenecks=bottlenecks,
        labels=labels,
        photos=np.concatenate([np.arange(12), np.full(300, -1)]),
        groups=np.arange(12),
        validates=np.arange(12) % 4 == 0,
        weights=np.concatenate([np.ones(12), np.full(300, 0.1)]),
    )
    predicted = held_out_predictions(rows, 3, Recipe())
    assert predicted.shape == (12,)
    many = train_head(source, (source[0][:0], source[1][:0]), 3, Recipe())
    assert (predicted == many.predict(target[0])).mean() > 0.8
