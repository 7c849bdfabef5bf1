"""The learning curve: what heads on parts of the photos say about more photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.heads.head import Array, Labels, train_head
from graft_host.heads.held_out import Rows
from graft_host.heads.recipe import Recipe
from graft_host.prospects.learning_curve import (
    FLAT,
    RISING,
    UNCLEAR,
    LearningCurve,
    class_needs,
    measure_learning_curve,
)
from graft_host.prospects.power_law import PowerLaw, fit_power_law
from graft_host.prospects.subsets import FRACTIONS, answers_of_parts

CLASSES, LENGTH = 4, 20


def photos(count: int, seed: int, noise: float = 1.2) -> tuple[Array, Labels]:
    """Bottlenecks of classes that overlap: more of them are needed to see where the classes are."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(0, 0.5, (CLASSES, LENGTH))
    labels = np.arange(count) % CLASSES
    values = centres[labels] + rng.normal(0, noise, (count, LENGTH))
    return values.astype(np.float32), labels.astype(np.int64)


def rows_of(values: Array, labels: Labels) -> Rows:
    count = len(labels)
    return Rows(
        bottlenecks=values, labels=labels, photos=np.arange(count), groups=np.arange(count),
        validates=np.random.default_rng(1).random(count) < 0.15,
    )  # fmt: skip


def curve(rows: Rows, seed: int = 0) -> LearningCurve:
    return measure_learning_curve(rows, CLASSES, Recipe(seed=seed), 2)


def test_the_curve_has_the_shape_of_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, learning_curve
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values, labels = photos(200, 3)
    points = curve(rows_of(values, labels)).points
    ours = [points[FRACTIONS.index(fraction)].accuracy for fraction in (1 / 4, 1 / 2, 1)]
    theirs = learning_curve(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1)), values, labels,
        # ours train on 85% of a part, because the others choose the penalty
        train_sizes=[0.85 / 4, 0.85 / 2, 0.85],
        cv=StratifiedKFold(5, shuffle=True, random_state=0), shuffle=True, random_state=0,
    )[2].mean(axis=1)  # fmt: skip
    assert ours[-1] > ours[0] + 0.05
    np.testing.assert_allclose(ours, theirs, atol=0.08)


@pytest.mark.slow
def test_the_interval_for_twice_the_photos_contains_what_twice_the_photos_give() -> None:
    inside, errors, stays = [], [], []
    test = photos(4000, 1000)
    for seed in range(6):
        values, labels = photos(240, seed)
        result = curve(rows_of(values[:120], labels[:120]), seed)
        train = np.random.default_rng(seed).random(240) < 0.7
        head = train_head((values[train], labels[train]), (values[~train], labels[~train]), CLASSES, Recipe())
        truth = float(np.mean(head.predict(test[0]) == test[1]))
        assert result.twice is not None
        inside.append(result.twice.low <= truth <= result.twice.high)
        errors.append(result.twice.accuracy - truth)
        stays.append(result.points[-1].accuracy - truth)
    assert sum(inside) == 6
    assert abs(np.mean(errors)) < abs(np.mean(stays))  # without extrapolation, the figure would be too low


def test_photos_that_are_easy_to_separate_need_no_more() -> None:
    easy = curve(rows_of(*photos(160, 0, noise=0.2)))
    assert easy.trend == FLAT
    assert easy.twice is not None
    assert easy.twice.accuracy > 0.97
    assert curve(rows_of(*photos(240, 0, noise=1.0))).trend == RISING
    assert curve(rows_of(*photos(32, 0))).trend == UNCLEAR


def test_a_near_duplicate_never_judges_the_head_that_saw_the_photo() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(0, 1, (80, 200)), 2, axis=0).astype(np.float32)
    labels = np.repeat(rng.permutation(np.arange(80) % CLASSES), 2)
    pairs = replace(rows_of(values, labels), groups=np.arange(160) // 2)
    assert curve(pairs).points[-1].accuracy < 0.4  # only chance: labels are random
    assert curve(rows_of(values, labels)).points[-1].accuracy > 0.6  # by heart


def test_variants_and_rows_that_only_train_are_not_judged() -> None:
    values, labels = photos(120, 0)
    plain = rows_of(values, labels)
    more = photos(400, 50)
    with_source = replace(
        plain,
        bottlenecks=np.concatenate([values, values + np.float32(0.01), more[0]]),
        labels=np.concatenate([labels, labels, more[1]]),
        photos=np.concatenate([np.arange(120), np.arange(120), np.full(400, -1)]),
    )
    alone, helped = curve(plain), curve(with_source)
    assert [point.photos for point in helped.points] == [point.photos for point in alone.points]
    assert helped.points[0].accuracy > alone.points[0].accuracy + 0.05  # the small parts have the 400 photos, too


def test_parts_with_less_than_two_photos_of_a_class_are_left_out() -> None:
    values, labels = photos(120, 2)
    answers = answers_of_parts(rows_of(values, labels), CLASSES, Recipe(), 2)
    assert answers.fractions == FRACTIONS
    assert answers.named.shape == (3, len(FRACTIONS), 120)
    few = answers_of_parts(rows_of(*photos(32, 2)), CLASSES, Recipe(), 1)
    assert few.fractions == (1 / 4, 3 / 8, 1 / 2, 3 / 4, 1)


@given(
    floor=st.floats(0, 0.3), height=st.floats(0.01, 0.3), exponent=st.sampled_from(np.linspace(0.1, 1.0, 10).tolist())
)
def test_a_power_law_without_noise_is_found_again(floor: float, height: float, exponent: float) -> None:
    law, parts = PowerLaw(floor, height, exponent), np.array(FRACTIONS)
    mistakes = np.array([law.mistakes(part) for part in FRACTIONS])
    if mistakes.max() < 1:
        assert fit_power_law(parts, mistakes).mistakes(2) == pytest.approx(law.mistakes(2), abs=0.02)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=6))
def test_any_mistakes_give_a_law_that_never_rises(mistakes: list[float]) -> None:
    law = fit_power_law(np.array(FRACTIONS[-len(mistakes) :]), np.array(mistakes))
    assert 0 <= law.mistakes(2) <= law.mistakes(1) <= 1


def test_the_class_with_more_mistakes_a_photo_needs_more_photos_first() -> None:
    labels = np.repeat(np.arange(3), [10, 40, 40])
    named = labels.copy()
    named[8:10] = 1  # two of ten
    named[10:14] = 2  # four of forty
    needs = class_needs(named[np.newaxis], labels, 3)
    assert [need.label for need in needs] == [0, 1, 2]
    assert needs[0].f1 == pytest.approx(2 * 8 / (8 + 10))
    result = LearningCurve(needs=needs, classes=3)
    assert [need.label for need in result.neediest] == [0]
    assert LearningCurve(needs=class_needs(labels[np.newaxis], labels, 3)).neediest == ()


@pytest.mark.parametrize(
    ("count", "recipe", "words"),
    [(28, Recipe(), "needs 8 different photos"), (400, Recipe(optimizer="sgd"), "--optimizer lbfgs")],
)
def test_what_cannot_be_measured_is_said(count: int, recipe: Recipe, words: str) -> None:
    result = measure_learning_curve(rows_of(*photos(count, 0)), CLASSES, recipe)
    assert (result.points, result.twice) == ((), None)
    assert words in result.note
