"""Heads that learned from photos of none of the classes."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from graft_host.heads.finished import FinishedHead, finish_head
from graft_host.heads.head import Array, Labels, train_head
from graft_host.heads.negatives import FEWEST_NEGATIVES, Negatives, detect
from graft_host.heads.recipe import Recipe
from graft_host.support.kept.plain_data import from_json, to_json
from graft_host.training.kept_results import _HEAD

LENGTH, CLASSES = 40, 3
CENTRES = np.random.default_rng(9).normal(0, 1, (CLASSES, LENGTH)) + 6


def photos(count: int, seed: int) -> tuple[Array, Labels]:
    """Bottlenecks of three classes, without numbers below 0."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=count).astype(np.int64)
    return (CENTRES[labels] + rng.normal(0, 0.9, (count, LENGTH))).astype(np.float32), labels


def near_strangers(count: int, seed: int) -> Array:
    """Things that look much like the first class: few numbers differ, by about one deviation each."""
    rng = np.random.default_rng(seed)
    aside = np.where(np.arange(LENGTH) < 8, 1.3, 0)
    strangers: Array = (CENTRES[0] + aside + rng.normal(0, 0.9, (count, LENGTH))).astype(np.float32)
    return strangers


def far_strangers(count: int) -> Array:
    return (np.random.default_rng(4).normal(0, 2, (count, LENGTH)) + 8).astype(np.float32)


@functools.cache
def finished(count: int, *, fitted: bool = False, class_weight: str = "none") -> FinishedHead:
    training, held = photos(200, 0), photos(150, 1)
    recipe = Recipe(class_weight="balanced" if class_weight == "balanced" else "none")
    head = train_head(training, held, CLASSES, recipe, fitted=fitted)
    negatives = Negatives(near_strangers(count, 2), 1000 + np.arange(count)) if count else None
    return finish_head(head, training, held, recipe, np.arange(200), 0.05, fitted=fitted, negatives=negatives)


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_it_refuses_others_like_the_negatives_and_no_more_known_photos_than_promised(
    fitted: bool, class_weight: str
) -> None:
    head, plain = (finished(count, fitted=fitted, class_weight=class_weight) for count in (60, 0))
    near, known = near_strangers(1000, 3), photos(4000, 5)
    assert plain.refuses(near).mean() < 0.3
    assert head.refuses(near).mean() > plain.refuses(near).mean() + 0.4
    assert head.unknown is not None
    assert head.refuses(known[0]).mean() < head.unknown.rate
    named = ~head.refuses(known[0])
    assert (head.head.predict(known[0]) == known[1])[named].mean() > 0.95
    assert head.refuses(far_strangers(300)).all()  # what looks neither like the negatives nor like the classes


def test_what_it_would_be_without_negatives_is_known() -> None:
    head, plain = finished(60), finished(0)
    near = near_strangers(1000, 3)
    np.testing.assert_array_equal(head.without_negatives().refuses(near), plain.refuses(near))
    assert head.negatives is not None
    assert plain.without_negatives() is plain
    assert head.negatives.without == plain.refuses(near_strangers(60, 2)).sum()
    assert head.negatives.refused / 60 == pytest.approx(head.refuses(near).mean(), abs=0.15)  # held out, so honest


def test_the_cache_returns_the_same_head() -> None:
    head = from_json(to_json(finished(60)), _HEAD)
    near = near_strangers(100, 3)
    np.testing.assert_array_equal(head.scores(near), finished(60).scores(near))


def test_from_too_few_it_learns_nothing() -> None:
    head = finished(FEWEST_NEGATIVES - 1)
    assert head.negatives is None
    assert head.unknown == finished(0).unknown
    assert finished(FEWEST_NEGATIVES).negatives is not None
    copies = Negatives(near_strangers(30, 2), np.repeat([1000, 1001], 15))
    known, _ = photos(50, 0)
    assert detect(known, np.ones(50), np.arange(50), copies, 0, root=True) is None


def test_a_class_among_the_negatives_does_no_harm() -> None:
    """All photos of a class were copied into the folder of the unknown ones; near duplicates have the same group."""
    training, held = photos(200, 0), photos(150, 1)
    head = train_head(training, held, CLASSES, Recipe())
    copied = np.flatnonzero(training[1] == 0)
    for groups in (copied, 1000 + copied):  # found to be copies or not
        negatives = Negatives(training[0][copied], groups)
        result = finish_head(head, training, held, Recipe(), np.arange(200), 0.05, negatives=negatives)
        known = photos(4000, 5)
        assert result.refuses(known[0]).mean() < 0.05
        assert result.refuses(known[0])[known[1] == 0].mean() < 0.1
        assert result.negatives is not None
        assert result.negatives.refused < 0.1 * len(copied)


def test_photos_from_elsewhere_say_nothing_about_what_is_known() -> None:
    """Rows that only train are neither known photos nor negatives."""
    training, held = photos(200, 0), photos(150, 1)
    groups = np.where(np.arange(200) < 150, np.arange(200), -1)
    far = training[0] + np.where(groups < 0, 9, 0)[:, np.newaxis].astype(np.float32)
    recipe, negatives = Recipe(), Negatives(near_strangers(40, 2), 1000 + np.arange(40))
    results = []
    for values in (far, far + np.where(groups < 0, 3, 0)[:, np.newaxis].astype(np.float32)):
        detected = detect(values, np.ones(200), groups, negatives, recipe.seed, root=True)
        assert detected is not None
        results.append(detected.detector.likeness(held[0]))
    np.testing.assert_array_equal(results[0], results[1])
