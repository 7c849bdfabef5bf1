from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.errors import GraftError
from graft_host.heads.finished import FinishedHead, finish_head
from graft_host.heads.head import Array, Labels, train_head
from graft_host.heads.novelty import shrink
from graft_host.heads.recipe import Recipe
from graft_host.heads.temperature import expected_calibration_error, softmax
from graft_host.heads.thresholds import HeldOut, set_threshold


def photos(count: int, seed: int, noise: float = 1.0, classes: int = 3, length: int = 20) -> tuple[Array, Labels]:
    """Bottlenecks of classes that overlap a little, or with more noise a lot."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(0, 1, (classes, length))
    labels = rng.integers(classes, size=count)
    return (centres[labels] + rng.normal(0, noise, (count, length))).astype(np.float32), labels.astype(np.int64)


def unknown_photos(count: int, length: int = 20) -> Array:
    """Bottlenecks of other things: with another centre and another spread."""
    return np.random.default_rng(5).normal(0, 2.5, (count, length)).astype(np.float32) + 4


@functools.cache
def finished(rate: float = 0.05, train: int = 300, validation: int = 100) -> FinishedHead:
    training, held = photos(train, 0), photos(validation, 1)
    head = train_head(training, held, 3, Recipe())
    return finish_head(head, training, held, Recipe(), np.arange(train), rate)


def test_the_temperature_is_folded_into_the_head() -> None:
    recipe = Recipe(optimizer="sgd", learning_rate=1.0, steps=2000)  # far too confident
    training, held = photos(60, 0, noise=2.5), photos(200, 1, noise=2.5)
    head = finish_head(train_head(training, held, 3, recipe), training, held, recipe, np.arange(60), 0)
    assert head.temperature > 1.5
    x, y = photos(2000, 7, noise=2.5)
    before = expected_calibration_error(softmax(head.unscaled_logits(x)), y)
    after = expected_calibration_error(softmax(head.head.logits(x).astype(np.float64)), y)
    assert after < 0.7 * before
    np.testing.assert_array_equal(head.head.predict(x), head.unscaled_logits(x).argmax(axis=1))


def test_large_steps_are_made_up_for_or_reported_as_divergence() -> None:
    training, held, x = photos(60, 0, noise=2.5), photos(200, 1, noise=2.5), photos(2000, 7, noise=2.5)
    errors = []
    for rate in (1.0, 1e4):
        recipe = Recipe(optimizer="sgd", learning_rate=rate, steps=2000)
        head = finish_head(train_head(training, held, 3, recipe), training, held, recipe, np.arange(60), 0)
        errors.append(expected_calibration_error(softmax(head.head.logits(x[0]).astype(np.float64)), x[1]))
    assert head.temperature > 1000
    assert errors[1] < errors[0] + 0.05
    recipe = Recipe(optimizer="sgd", learning_rate=1e12, steps=2000)
    trained = train_head(training, held, 3, recipe)
    with pytest.raises(GraftError, match=r"diverged at learning rate 1e\+12; give a smaller --learning-rate"):
        finish_head(trained, training, held, recipe, np.arange(60), 0)


def refused(head: FinishedHead, x: Array) -> NDArray[np.bool_]:
    assert head.unknown is not None
    return np.asarray(head.scores(x).max(axis=1) < head.unknown.score)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_unknown_photos_are_refused_and_no_more_known_ones_than_stated(rate: float) -> None:
    head = finished(rate)
    assert head.unknown is not None
    assert head.unknown.rate == pytest.approx(max(rate, 1 - 0.05 ** (1 / 400)))
    assert head.unknown.photos == 400
    assert refused(head, unknown_photos(500)).mean() > 0.95
    assert refused(head, photos(4000, 3)[0]).mean() <= rate


def test_a_larger_rate_refuses_more() -> None:
    x = photos(4000, 3)[0]
    few, many = refused(finished(0.02), x).mean(), refused(finished(0.3), x).mean()
    assert few < many
    assert many > 0.05


def test_with_few_photos_the_stated_rate_is_one_that_they_can_prove() -> None:
    head = finished(0.01, train=40, validation=10)
    assert head.unknown is not None
    assert head.unknown.rate == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-4)
    assert head.photos == 50  # ten validation photos are too few for a temperature


def test_too_few_photos_set_no_threshold() -> None:
    head = finished(0.05, train=12, validation=4)
    assert (head.unknown, head.novelty) == (None, None)


def test_a_rate_of_zero_never_refuses() -> None:
    head = finished(0)
    assert (head.unknown, head.novelty) == (None, None)
    assert head.photos == 100


def test_variants_and_copies_of_a_photo_count_once() -> None:
    recipe = Recipe()
    (x, y), held = photos(100, 0), photos(50, 1)
    doubled, groups = (np.concatenate([x, x + np.float32(0.01)]), np.tile(y, 2)), np.tile(np.arange(100), 2)
    trained = train_head(doubled, held, 3, recipe, groups)
    head = finish_head(trained, doubled, held, recipe, groups, 0.05)
    assert head.unknown is not None
    assert head.unknown.photos == 150


def test_no_validation_photos_at_all() -> None:
    recipe = Recipe()
    training, none = photos(200, 0), photos(0, 1)
    trained = train_head(training, none, 3, recipe)
    head = finish_head(trained, training, none, recipe, np.arange(200), 0.05)
    assert head.photos == 200
    assert refused(head, unknown_photos(200)).mean() > 0.9
    assert refused(head, photos(4000, 3)[0]).mean() <= 0.05


def test_unknown_photos_get_nearly_equal_scores() -> None:
    far = finished().scores(unknown_photos(200))
    np.testing.assert_allclose(np.median(far, axis=0), 1 / 3, atol=0.02)


def test_the_stated_rate_holds_for_most_draws_of_few_photos() -> None:
    x = photos(4000, 3)[0]
    recipe = Recipe()
    held = []
    for seed in range(20):
        training, seen = photos(60, 100 + seed), photos(20, 200 + seed)
        head = finish_head(train_head(training, seen, 3, recipe), training, seen, recipe, np.arange(60), 0.05)
        assert head.unknown is not None
        held.append(refused(head, x).mean() <= head.unknown.rate)
    assert np.mean(held) >= 0.9


def test_however_far_out_a_photo_is_the_label_is_that_of_the_plain_head() -> None:
    head = finished()
    far = np.concatenate([unknown_photos(200) * np.float32(scale) for scale in (1, 3, 10)])
    np.testing.assert_array_equal(head.scores(far).argmax(axis=1), head.head.logits(far).argmax(axis=1))
    assert head.unknown is not None
    assert (head.scores(far).max(axis=1) < head.unknown.score)[200:].all()


def test_held_out_photos_that_are_identical_to_the_others_set_a_threshold() -> None:
    labels = np.arange(60) % 2
    logits = np.where(np.eye(2, dtype=bool)[labels], 4.0, 0.0)
    start, unknown = set_threshold(HeldOut(logits, labels, np.zeros(60)), 0.05)
    known = softmax(logits).max()
    assert 0.9 * (known - 0.5) == pytest.approx(unknown.score - 0.5)
    factors = shrink(np.array([0.0, 1.0]), start)
    assert factors[0] == 1
    assert softmax(logits[:1] * factors[1]).max() < unknown.score
