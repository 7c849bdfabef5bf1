from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import train_head
from graft_host.heads.held_out import FOLDS, Rows, held_out_predictions
from graft_host.heads.recipe import Recipe


def _rows(count: int, classes: int, distance: float, seed: int = 0, validates: NDArray[np.bool_] | None = None) -> Rows:
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % classes).astype(np.int64)
    bottlenecks = rng.normal(size=(count, 20)) + distance * np.eye(classes, 20)[labels]
    return Rows(
        bottlenecks=bottlenecks.astype(np.float32),
        labels=labels,
        photos=np.arange(count),
        groups=np.arange(count),
        validates=np.zeros(count, bool) if validates is None else validates,
    )


def test_noise_is_no_better_than_chance_and_balanced_classes_are_no_worse() -> None:
    right, seeds = 0, 8
    for seed in range(seeds):
        rows = _rows(20, 2, 0.0, seed)
        right += int((held_out_predictions(rows, 2, Recipe(seed=seed)) == rows.labels).sum())
    assert abs(right - 10 * seeds) < 3 * np.sqrt(5 * seeds)


def test_what_can_be_told_apart_is() -> None:
    rows = _rows(30, 3, 30.0)
    assert (held_out_predictions(rows, 3, Recipe()) == rows.labels).all()


def test_near_duplicates_are_held_out_together() -> None:
    """Every photo is noise, five times over: a head that saw one of the five would know the others."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    rows = Rows(
        bottlenecks=np.repeat(rng.normal(size=(60, 200)).astype(np.float32), 5, axis=0),
        labels=np.repeat(labels, 5),
        photos=np.arange(300),
        groups=np.repeat(np.arange(60), 5),
        validates=np.zeros(300, bool),
    )
    right = (held_out_predictions(rows, 2, Recipe()) == rows.labels).mean()
    assert right < 0.5 + 3 * np.sqrt(0.25 / 60)


def test_variants_are_held_out_with_their_photo() -> None:
    rng = np.random.default_rng(1)
    photos = rng.normal(size=(40, 200)).astype(np.float32)
    labels = rng.integers(0, 2, 40)
    rows = Rows(
        bottlenecks=np.concatenate([photos, photos, photos]),
        labels=np.tile(labels, 3),
        photos=np.tile(np.arange(40), 3),
        groups=np.arange(40),
        validates=np.zeros(40, bool),
    )
    predicted = held_out_predictions(rows, 2, Recipe())
    assert predicted.shape == (40,)
    assert (predicted == labels).mean() < 0.5 + 3 * np.sqrt(0.25 / 40)


def test_each_head_is_trained_as_the_models_is_on_the_photos_of_the_other_folds() -> None:
    validates = np.arange(60) % 4 == 0
    rows, recipe = _rows(60, 3, 1.0, 5, validates), Recipe(seed=3)
    predicted = held_out_predictions(rows, 3, recipe, threads=2)
    for fold in _folds(rows, recipe):
        train, chooses = ~fold & ~validates, ~fold & validates
        head = train_head(
            (rows.bottlenecks[train], rows.labels[train]), (rows.bottlenecks[chooses], rows.labels[chooses]), 3, recipe,
            rows.groups[train],
        )  # fmt: skip
        assert (predicted[fold] == head.predict(rows.bottlenecks[fold])).all()


def _folds(rows: Rows, recipe: Recipe) -> list[NDArray[np.bool_]]:
    """The folds, worked out from the order in which each class's photos are dealt."""
    order = np.random.default_rng(recipe.seed).permutation(len(rows.groups))
    places = np.zeros(len(order), np.int64)
    for label in range(3):
        for turn, row in enumerate(row for row in order if rows.labels[row] == label):
            places[row] = turn % FOLDS
    return [places == fold for fold in range(FOLDS)]


def test_two_photos_a_class_are_enough() -> None:
    rows = _rows(4, 2, 0.0)
    rows = replace(
        rows, bottlenecks=rows.bottlenecks / 10 + np.where(rows.labels, 5, -5).astype(np.float32)[:, np.newaxis]
    )
    assert (held_out_predictions(rows, 2, Recipe()) == rows.labels).all()
