"""Classes that are left out in turn, as unknown objects that look like the known ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graft_host.heads.finished import finish_head
from graft_host.heads.head import fit_head, train_head, weighted_photos
from graft_host.heads.held_out import Rows
from graft_host.heads.negatives import Negatives
from graft_host.heads.recipe import Recipe
from graft_host.prospects.strangers import Strangers, measure_strangers

RATE = 0.05
PENALTY = 0.03


def rows_of(counts: list[int], *, far: int | None = None, twins: int | None = None, seed: int = 0) -> Rows:
    """Photos of classes that overlap; one may be far from all others, and one may lie on the class before it."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (len(counts), 24))
    if far is not None:
        centres[far] += 12
    if twins is not None:
        centres[twins] = centres[twins - 1] + 0.05
    labels = np.repeat(np.arange(len(counts)), counts)
    values = centres[labels] + rng.normal(0, 0.9, (len(labels), 24))
    return Rows(
        bottlenecks=values.astype(np.float32),
        labels=labels.astype(np.int64),
        photos=np.arange(len(labels)),
        groups=np.arange(len(labels)),
        validates=rng.random(len(labels)) < 0.15,
    )


def measured(rows: Rows, classes: int, rate: float = RATE, threads: int = 1) -> Strangers:
    return measure_strangers(rows, classes, Recipe(), rate, PENALTY, threads)


def test_each_class_is_answered_as_by_a_model_that_was_trained_without_it() -> None:
    rows = rows_of([60, 50, 70, 40])
    result = measured(rows, 4, threads=2)
    names = ["ant", "bee", "cat", "dog"]
    for left_out in result.classes:
        others = [name for name in names if name != names[left_out.label]]
        labels = np.array([others.index(names[label]) if names[label] in others else -1 for label in rows.labels])
        train, held = (labels >= 0) & ~rows.validates, (labels >= 0) & rows.validates
        photos = rows.bottlenecks[train], labels[train]
        head = finish_head(
            fit_head(weighted_photos(photos, 3, Recipe()), 3, Recipe(), PENALTY), photos,
            (rows.bottlenecks[held], labels[held]), Recipe(), np.flatnonzero(train), RATE,
        )  # fmt: skip
        assert head.unknown is not None
        scores = head.scores(rows.bottlenecks[labels < 0])
        refused = scores.max(axis=1) < head.unknown.score
        said = [others[place] for place in scores[~refused].argmax(axis=1)]
        assert left_out.photos == len(scores)
        assert left_out.refused == refused.sum()
        assert {names[label]: count for label, count in left_out.taken} == {name: said.count(name) for name in {*said}}
    assert [entry.label for entry in result.classes] == [0, 1, 2, 3]


def test_objects_far_from_all_classes_are_refused_and_near_ones_are_taken_for_their_neighbour() -> None:
    result = measured(rows_of([60, 60, 60, 60], far=2, twins=1), 4)
    assert result.classes[2].share == 1
    assert result.classes[2].taken == ()
    assert result.classes[1].share < 0.3
    assert result.classes[1].taken[0][0] == 0
    low, high = result.classes[1].interval
    assert 0 <= low <= result.classes[1].share <= high < 1


def test_near_duplicates_count_as_one_photo_in_the_interval() -> None:
    rows = rows_of([60, 60, 60], far=2)
    alone = measured(rows, 3).classes[2]
    again = replace(rows, groups=np.where(rows.labels == 2, 120 + np.arange(180) % 10, rows.groups))
    assert measured(again, 3).classes[2].interval[0] < alone.interval[0] - 0.1


def test_rows_that_only_train_are_left_out_with_their_class() -> None:
    rows = rows_of([50, 50, 50], far=2)
    elsewhere = np.flatnonzero(rows.labels == 2)
    with_source = replace(
        rows,
        bottlenecks=np.concatenate([rows.bottlenecks, rows.bottlenecks[elsewhere]]),
        labels=np.concatenate([rows.labels, rows.labels[elsewhere]]),
        photos=np.concatenate([rows.photos, np.full(len(elsewhere), -1)]),
        weights=np.ones(len(rows.labels) + len(elsewhere)),
    )
    assert measured(with_source, 3).classes[2] == measured(rows, 3).classes[2]
    assert measured(with_source, 3).classes[2].share == 1


@pytest.mark.parametrize(
    ("counts", "rate", "words"),
    [([40, 40], RATE, "this needs 3 classes"), ([40] * 3, 0.0, "--unknown-rate 0"), ([5] * 3, RATE, "too few photos")],
)
def test_what_cannot_be_answered_is_said(counts: list[int], rate: float, words: str) -> None:
    result = measured(rows_of(counts), len(counts), rate)
    assert result.classes == ()
    assert words in result.note


def test_of_many_classes_those_nearest_to_another_are_left_out() -> None:
    rows = rows_of([12] * 30, twins=17)
    result = measured(rows, 30, threads=2)
    tried = [entry.label for entry in result.classes]
    assert result.of == 30
    assert len(tried) == 20
    assert {16, 17} <= {*tried}


def test_gradient_descent_has_no_penalty() -> None:
    recipe = Recipe(optimizer="sgd", steps=300)
    rows = rows_of([40, 40, 40], far=0)
    held = rows.bottlenecks[rows.validates], rows.labels[rows.validates]
    assert train_head((rows.bottlenecks, rows.labels), held, 3, recipe).penalty is None
    result = measure_strangers(rows, 3, recipe, RATE, None)
    assert result.classes[0].share > 0.9


def test_negatives_that_look_like_a_class_that_is_left_out_get_it_refused() -> None:
    rows = rows_of([60, 60, 60, 60])
    alone = measured(rows, 4).classes[3]
    like_it = rows.bottlenecks[rows.labels == 3] + np.float32(0.01)
    negatives = Negatives(like_it, 1000 + np.arange(60))
    taught = measure_strangers(rows, 4, Recipe(), RATE, PENALTY, negatives=negatives).classes[3]
    assert taught.refused > alone.refused
