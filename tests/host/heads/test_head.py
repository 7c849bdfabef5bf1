from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from graft_device.errors import GraftError
from graft_host.heads.head import PENALTIES, Head, cross_entropy, fit_softmax, photo_weights, train_head
from graft_host.heads.recipe import Recipe

Data = tuple[NDArray[np.float32], NDArray[np.int64]]


def bottlenecks(photos: int, length: int, classes: int, seed: int = 0, shift: float = 0.6) -> Data:
    """Numbers like pooled ReLU outputs: never negative, of very different scales, one of them constant."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=photos)
    centres = np.random.default_rng(99).normal(0, shift, (classes, length))
    values = np.maximum(rng.normal(0.5, 1, (photos, length)) + centres[labels], 0) * np.geomspace(0.01, 10, length)
    values[:, 3] = 0.7
    return values.astype(np.float32), labels.astype(np.int64)


def probabilities(head: Head, values: NDArray[np.float32]) -> NDArray[np.float64]:
    logits = head.logits(values).astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def standardized(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """As ``StandardScaler`` does it, but with a tenth of the mean variance added to each."""
    wide = values.astype(np.float64)
    scaler = StandardScaler().fit(wide)
    scaler.scale_ = np.sqrt(scaler.var_ + 0.1 * scaler.var_.mean())
    return np.asarray(scaler.transform(wide))


@pytest.mark.parametrize(("photos", "length", "classes"), [(300, 60, 2), (300, 60, 4), (80, 400, 2), (90, 400, 5)])
@pytest.mark.parametrize("penalty", [0.001, 0.1])
@pytest.mark.parametrize("balanced", [False, True])
def test_default_equals_scikit_learn_at_the_same_penalty(
    photos: int, length: int, classes: int, penalty: float, balanced: bool
) -> None:
    values, labels = bottlenecks(photos, length, classes)
    ours = fit_softmax(values, labels, photo_weights(labels, classes, balanced=balanced), classes, [penalty])[0]
    scaled = standardized(values)
    weight = "balanced" if balanced else None
    theirs = LogisticRegression(C=penalty, class_weight=weight, max_iter=10_000, tol=1e-8).fit(scaled, labels)
    np.testing.assert_allclose(probabilities(ours, values), theirs.predict_proba(scaled), atol=2e-3)


def test_many_photos_take_no_more_memory_than_a_few_copies_of_their_bottlenecks() -> None:
    """Photos are converted to float64 block by block, and the result still equals scikit-learn's."""
    values, labels = bottlenecks(9_000, 60, 2)
    tracemalloc.start()
    try:
        ours = fit_softmax(values, labels, np.ones(len(labels)), 2, [0.01])[0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * values.nbytes
    theirs = LogisticRegression(C=0.01, max_iter=10_000, tol=1e-8)
    scaled = standardized(values)
    theirs.fit(scaled, labels)
    np.testing.assert_allclose(probabilities(ours, values), theirs.predict_proba(scaled), atol=2e-3)


def test_a_number_that_is_nearly_always_zero_weighs_little() -> None:
    """One training photo has a trace of it. A test photo with ten times as much must not be decided by it."""
    values, labels = bottlenecks(100, 60, 2)
    values[:, 7] = 0
    values[0, 7] = 0.001 * values.std()
    head = fit_softmax(values, labels, np.ones(100), 2, [0.1])[0]
    test = bottlenecks(50, 60, 2, seed=1)[0]
    test[:, 7] = 0
    without = head.logits(test)
    test[:, 7] = 0.01 * values.std()
    assert np.abs(head.logits(test) - without).max() < 0.01 * without.std()


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_scale_of_all_bottlenecks_changes_nothing(factor: float) -> None:
    values, labels = bottlenecks(100, 60, 3)
    ours = fit_softmax(values, labels, np.ones(100), 3, [0.1])[0]
    scaled = (values * factor).astype(np.float32)
    theirs = fit_softmax(scaled, labels, np.ones(100), 3, [0.1])[0]
    np.testing.assert_allclose(probabilities(ours, values), probabilities(theirs, scaled), atol=2e-3)


def test_a_warm_start_along_the_path_ends_where_a_cold_one_does() -> None:
    values, labels = bottlenecks(200, 50, 3)
    weights = np.ones(len(labels))
    along = fit_softmax(values, labels, weights, 3, PENALTIES)
    for index in (2, 6, 9):
        alone = fit_softmax(values, labels, weights, 3, [PENALTIES[index]])[0]
        np.testing.assert_allclose(probabilities(along[index], values), probabilities(alone, values), atol=2e-3)


def test_the_penalty_is_the_one_with_the_smallest_loss_on_the_validation_photos() -> None:
    train, validation = bottlenecks(60, 200, 3, shift=0.2), bottlenecks(300, 200, 3, seed=1, shift=0.2)
    head = train_head(train, validation, 3, Recipe())
    losses = [
        log_loss(validation[1], probabilities(candidate, validation[0]), labels=range(3))
        for candidate in fit_softmax(*train, np.ones(60), 3, PENALTIES)
    ]
    assert head.penalty == PENALTIES[int(np.argmin(losses))]
    assert 0 < losses.index(min(losses)) < len(losses) - 1, "the data must make the choice matter"


def test_without_validation_photos_folds_choose() -> None:
    train = bottlenecks(120, 100, 3, shift=0.2)
    nothing = (train[0][:0], train[1][:0])
    head = train_head(train, nothing, 3, Recipe())
    assert head.penalty in PENALTIES
    held = bottlenecks(500, 100, 3, seed=1, shift=0.2)
    worst = fit_softmax(*train, np.ones(120), 3, [PENALTIES[-1]])[0]
    assert cross_entropy(head.logits(held[0]), held[1]) < cross_entropy(worst.logits(held[0]), held[1])


def test_few_validation_photos_do_not_choose_alone() -> None:
    """A single photo that every head gets right, or wrong, would choose an end of the grid."""
    train = bottlenecks(120, 100, 3, shift=0.2)
    single = bottlenecks(1, 100, 3, seed=5, shift=0.2)
    head = train_head(train, single, 3, Recipe())
    assert PENALTIES[0] < (head.penalty or 0) < PENALTIES[-1]


def test_variants_of_a_photo_stay_on_one_side_of_a_fold() -> None:
    """The labels are random: only a head that saw the copies could name them, and it would choose a weak penalty."""
    rng = np.random.default_rng(0)
    values, labels = rng.normal(0, 1, (40, 60)).astype(np.float32), np.arange(40) % 2
    copies = np.tile(values, (5, 1)), np.tile(labels, 5)
    nothing = values[:0], labels[:0]
    apart = train_head(copies, nothing, 2, Recipe(), np.tile(np.arange(40), 5))
    mixed = train_head(copies, nothing, 2, Recipe())
    assert (apart.penalty or 1) < 0.01 < (mixed.penalty or 0)


def test_training_twice_gives_the_same_head() -> None:
    data = bottlenecks(100, 40, 3), bottlenecks(50, 40, 3, seed=1)
    for recipe in (Recipe(seed=5), Recipe(optimizer="sgd", seed=5, learning_rate=0.01, steps=50)):
        first, second = (train_head(*data, 3, recipe) for _ in range(2))
        np.testing.assert_array_equal(first.kernel, second.kernel)
        np.testing.assert_array_equal(first.bias, second.bias)
    other = train_head(*data, 3, Recipe(optimizer="sgd", seed=6, learning_rate=0.01, steps=50))
    assert not np.array_equal(first.kernel, other.kernel)


def test_balanced_weights_make_every_class_count_the_same() -> None:
    labels = np.array([0] * 90 + [1] * 9 + [2], np.int64)
    weights = photo_weights(labels, 3, balanced=True)
    sums = [weights[labels == label].sum() for label in range(3)]
    np.testing.assert_allclose(sums, [100 / 3] * 3)
    assert photo_weights(labels, 3, balanced=False).tolist() == [1.0] * 100


def test_balancing_helps_the_rare_class() -> None:
    values, labels = bottlenecks(600, 20, 2, shift=0.3)
    rare = np.flatnonzero(labels == 1)[:25]
    chosen = np.concatenate([np.flatnonzero(labels == 0), rare])
    train = values[chosen], labels[chosen]
    held = bottlenecks(600, 20, 2, seed=1, shift=0.3)

    def recall(*, balanced: bool) -> float:
        head = fit_softmax(*train, photo_weights(train[1], 2, balanced=balanced), 2, [0.01])[0]
        return float(np.mean(head.predict(held[0])[held[1] == 1] == 1))

    assert recall(balanced=True) > recall(balanced=False) + 0.1


def test_the_2015_recipe_learns() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    values = (np.abs(rng.normal(0.4, 0.3, (400, 64))) + 0.15 * labels[:, None]).astype(np.float32)
    head = train_head((values[:300], labels[:300]), (values[:0], labels[:0]), 2, Recipe(optimizer="sgd", steps=1000))
    assert np.mean(head.predict(values[300:]) == labels[300:]) > 0.95
    assert head.penalty is None


def test_gradient_descent_is_the_update_of_the_retraining_scripts() -> None:
    """One step with a batch of one photo, against the gradient worked out by hand."""
    photo, label = np.array([[1.0, 2.0]], np.float32), np.array([1])
    start = train_head((photo, label), (photo, label), 2, Recipe(optimizer="sgd", steps=0))
    after = train_head((photo, label), (photo, label), 2, Recipe(optimizer="sgd", steps=1, learning_rate=0.5, batch=4))
    shares = probabilities(start, photo)[0] - [0, 1]
    np.testing.assert_allclose(after.kernel - start.kernel, -0.5 * photo.T * shares, atol=1e-6)
    np.testing.assert_allclose(after.bias - start.bias, -0.5 * shares, atol=1e-6)


def test_divergence_is_an_error_with_a_remedy() -> None:
    values, labels = bottlenecks(100, 30, 2)
    with pytest.raises(GraftError, match=r"diverged at learning rate 1e\+38; give a smaller --learning-rate"):
        train_head((values, labels), (values, labels), 2, Recipe(optimizer="sgd", learning_rate=1e38, steps=100))


def test_a_finite_but_useless_head_is_divergence_too() -> None:
    """Numbers of one sign and few steps: every photo gets the class that the last batch pulled towards."""
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    values = (np.abs(rng.normal(1, 0.2, (100, 200))) + 0.02 * labels[:, None]).astype(np.float32)
    data = (values, labels), (values[:0], labels[:0]), 2
    with pytest.raises(GraftError, match=r"diverged at learning rate 1e\+10; give a smaller"):
        train_head(*data, Recipe(optimizer="sgd", learning_rate=1e10, steps=3))
    assert np.isfinite(train_head(*data, Recipe(optimizer="sgd", learning_rate=1e-4, steps=3)).kernel).all()


def test_large_steps_that_end_in_a_useful_head_are_not() -> None:
    values, labels = bottlenecks(200, 400, 2)
    recipe = Recipe(optimizer="sgd", learning_rate=1e6, steps=2000)
    head = train_head((values, labels), (values[:0], labels[:0]), 2, recipe)
    assert np.mean(head.predict(values) == labels) > 0.9


@given(st.integers(2, 6), st.integers(3, 30), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_any_bottlenecks_give_finite_numbers(classes: int, photos: int, length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.normal(0, 1, (photos, length)) * 10.0 ** rng.integers(-6, 4, length)).astype(np.float32)
    values[:, rng.random(length) < 0.2] = 0
    labels = np.arange(photos) % classes
    head = train_head((values, labels), (values, labels), classes, Recipe())
    assert np.isfinite(head.kernel).all()
    assert np.isfinite(head.bias).all()
    assert np.isfinite(head.logits(values)).all()
