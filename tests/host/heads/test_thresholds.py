from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_device.errors import GraftError
from graft_host.heads.head import Array, Labels, Recipe, train_head
from graft_host.heads.temperature import best_temperature
from graft_host.heads.thresholds import (
    CalibratedHead,
    calibrate,
    expected_calibration_error,
    softmax,
)


def photos(count: int, seed: int, noise: float = 1.0, classes: int = 3, length: int = 20) -> tuple[Array, Labels]:
    """Bottlenecks of classes that overlap a little, or with more noise a lot."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(0, 1, (classes, length))
    labels = rng.integers(classes, size=count)
    return (centres[labels] + rng.normal(0, noise, (count, length))).astype(np.float32), labels.astype(np.int64)


def strangers(count: int, length: int = 20) -> Array:
    """Things of another kind: other centre, other spread."""
    return np.random.default_rng(5).normal(0, 2.5, (count, length)).astype(np.float32) + 4


@functools.cache
def calibrated(rate: float = 0.05, train: int = 300, validation: int = 100) -> CalibratedHead:
    learned, held = photos(train, 0), photos(validation, 1)
    head = train_head(learned, held, 3, Recipe())
    return calibrate(head, learned, held, Recipe(), np.arange(train), rate)


@pytest.mark.parametrize("factor", [0.02, 0.2, 1.0, 6.0, 300.0, 1e5])
def test_the_temperature_undoes_what_made_logits_too_sure_or_too_shy(factor: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (4000, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(honest)])
    assert best_temperature(honest * factor, labels) == pytest.approx(factor, rel=0.1)


def test_no_mistake_among_a_few_photos_does_not_make_scores_extreme() -> None:
    labels = np.arange(60) % 3
    assert 0.4 < best_temperature(np.eye(3)[labels] * 6.0, labels) < 1.01


def test_without_photos_nothing_is_changed() -> None:
    assert best_temperature(np.zeros((0, 2)), np.zeros(0, np.int64)) == pytest.approx(1, abs=1e-3)


def test_the_calibration_error_by_hand() -> None:
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    truth = np.array([0, 1, 1, 1])
    # Of two at 0.9 one is right, of two at 0.7 both are: (2 · |0.5 - 0.9| + 2 · |1 - 0.7|) / 4.
    assert expected_calibration_error(scores, truth) == pytest.approx(0.35)


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 1000))
@settings(max_examples=50)
def test_the_calibration_error_is_a_share(count: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(classes), count)
    assert 0 <= expected_calibration_error(scores, rng.integers(classes, size=count)) <= 1


def test_the_temperature_is_folded_into_the_head() -> None:
    recipe = Recipe("sgd", learning_rate=1.0, steps=2000)  # far too sure of itself
    learned, held = photos(60, 0, noise=2.5), photos(200, 1, noise=2.5)
    found = calibrate(train_head(learned, held, 3, recipe), learned, held, recipe, np.arange(60), 0)
    assert found.temperature > 1.5
    x, y = photos(2000, 7, noise=2.5)
    before = expected_calibration_error(softmax(found.uncalibrated(x)), y)
    after = expected_calibration_error(softmax(found.head.logits(x).astype(np.float64)), y)
    assert after < 0.7 * before
    np.testing.assert_array_equal(found.head.predict(x), found.uncalibrated(x).argmax(axis=1))


def test_large_steps_are_made_up_for_or_called_divergence_but_never_left_uncalibrated() -> None:
    learned, held, x = photos(60, 0, noise=2.5), photos(200, 1, noise=2.5), photos(2000, 7, noise=2.5)
    errors = []
    for rate in (1.0, 1e4):
        recipe = Recipe("sgd", learning_rate=rate, steps=2000)
        found = calibrate(train_head(learned, held, 3, recipe), learned, held, recipe, np.arange(60), 0)
        errors.append(expected_calibration_error(softmax(found.head.logits(x[0]).astype(np.float64)), x[1]))
    assert found.temperature > 1000
    assert errors[1] < errors[0] + 0.05
    recipe = Recipe("sgd", learning_rate=1e12, steps=2000)
    head = train_head(learned, held, 3, recipe)
    with pytest.raises(GraftError, match=r"diverged at learning rate 1e\+12: give a smaller --learning-rate"):
        calibrate(head, learned, held, recipe, np.arange(60), 0)


def refused(head: CalibratedHead, x: Array) -> NDArray[np.bool_]:
    assert head.unknown is not None
    return np.asarray(head.scores(x).max(axis=1) < head.unknown.score)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_strangers_are_refused_and_no_more_known_photos_than_stated(rate: float) -> None:
    head = calibrated(rate)
    assert head.unknown is not None
    assert head.unknown.rate == pytest.approx(max(rate, 1 - 0.05 ** (1 / 400)))
    assert head.unknown.photos == 400
    assert refused(head, strangers(500)).mean() > 0.95
    assert refused(head, photos(4000, 3)[0]).mean() <= rate


def test_a_larger_rate_refuses_more() -> None:
    x = photos(4000, 3)[0]
    few, many = refused(calibrated(0.02), x).mean(), refused(calibrated(0.3), x).mean()
    assert few < many
    assert many > 0.05


def test_with_few_photos_the_rate_that_is_stated_is_one_that_can_be_shown() -> None:
    head = calibrated(0.01, train=40, validation=10)
    assert head.unknown is not None
    assert head.unknown.rate == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-4)
    assert head.photos == 50  # ten validation photos are too few for a temperature


def test_too_few_photos_set_no_threshold() -> None:
    head = calibrated(0.05, train=12, validation=4)
    assert (head.unknown, head.novelty) == (None, None)


def test_a_rate_of_zero_never_refuses() -> None:
    head = calibrated(0)
    assert (head.unknown, head.novelty) == (None, None)
    assert head.photos == 100


def test_variants_and_copies_of_a_photo_count_once() -> None:
    recipe = Recipe()
    (x, y), held = photos(100, 0), photos(50, 1)
    doubled, groups = (np.concatenate([x, x + np.float32(0.01)]), np.tile(y, 2)), np.tile(np.arange(100), 2)
    head = train_head(doubled, held, 3, recipe, groups)
    found = calibrate(head, doubled, held, recipe, groups, 0.05)
    assert found.unknown is not None
    assert found.unknown.photos == 150


def test_no_validation_photos_at_all() -> None:
    recipe = Recipe()
    learned, none = photos(200, 0), photos(0, 1)
    head = train_head(learned, none, 3, recipe)
    found = calibrate(head, learned, none, recipe, np.arange(200), 0.05)
    assert found.photos == 200
    assert refused(found, strangers(200)).mean() > 0.9
    assert refused(found, photos(4000, 3)[0]).mean() <= 0.05


def test_strangers_end_near_equal_scores_for_every_reader() -> None:
    far = calibrated().scores(strangers(200))
    np.testing.assert_allclose(np.median(far, axis=0), 1 / 3, atol=0.02)


def test_the_stated_rate_holds_for_most_sets_of_few_photos() -> None:
    x = photos(4000, 3)[0]
    recipe = Recipe()
    held = []
    for seed in range(20):
        learned, seen = photos(60, 100 + seed), photos(20, 200 + seed)
        head = calibrate(train_head(learned, seen, 3, recipe), learned, seen, recipe, np.arange(60), 0.05)
        assert head.unknown is not None
        held.append(refused(head, x).mean() <= head.unknown.rate)
    assert np.mean(held) >= 0.9


def test_however_far_a_stranger_lies_the_label_is_the_plain_heads() -> None:
    head = calibrated()
    far = np.concatenate([strangers(200) * np.float32(scale) for scale in (1, 3, 10)])
    np.testing.assert_array_equal(head.scores(far).argmax(axis=1), head.head.logits(far).argmax(axis=1))
    assert head.unknown is not None
    assert (head.scores(far).max(axis=1) < head.unknown.score)[200:].all()
