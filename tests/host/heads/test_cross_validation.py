from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from graft_host.heads.cross_validation import cross_validate, standard_error
from graft_host.heads.head import PENALTIES, cross_entropy, fit_softmax, folds


def _blobs(count: int, distance: float, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = distance * np.eye(3, 20)
    return (rng.normal(size=(count, 20)) + centres[labels]).astype(np.float32), labels.astype(np.int64)


@pytest.mark.parametrize("distance", [1.0, 2.0, 6.0])
def test_accuracy_is_that_of_scikit_learn_within_its_error(distance: float) -> None:
    data, labels = _blobs(600, distance)
    result = cross_validate(data, labels, np.arange(600), 3, 0)
    theirs = max(
        cross_val_score(LogisticRegression(C=c, max_iter=1000), data, labels, cv=5).mean() for c in (0.001, 0.01, 1.0)
    )
    assert result.photos == 600
    assert result.accuracy == pytest.approx(theirs, abs=2 * result.standard_error)


def test_noise_is_no_better_than_chance() -> None:
    """No penalty is chosen on the photos that its head is judged on, and no head is judged on its training photos."""
    data, _ = _blobs(400, 0.0)
    labels = np.random.default_rng(1).integers(0, 2, 400)
    result = cross_validate(data, labels, np.arange(400), 2, 0)
    assert result.accuracy == pytest.approx(0.5, abs=3 * result.standard_error)


def test_the_labels_of_a_fold_do_not_influence_its_penalty() -> None:
    """Compared with a straightforward version, on noise, where every penalty gives another result."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        data, labels = rng.normal(size=(80, 20)).astype(np.float32), rng.integers(0, 2, 80)
        held_out, right = [outside for _, outside in folds(np.arange(80), seed)], 0
        for out in held_out:
            losses = np.zeros(len(PENALTIES))
            for held in (rows for rows in held_out if rows is not out):
                inside = ~(out | held)
                heads = fit_softmax(data[inside], labels[inside], np.ones(inside.sum()), 2, PENALTIES)
                losses += [held.sum() * cross_entropy(head.logits(data[held]), labels[held]) for head in heads]
            (head,) = fit_softmax(data[~out], labels[~out], np.ones((~out).sum()), 2, [PENALTIES[losses.argmin()]])
            right += int(np.sum(head.predict(data[out]) == labels[out]))
        assert cross_validate(data, labels, np.arange(80), 2, seed, threads=2).accuracy == right / 80


def test_near_duplicates_do_not_help_one_another() -> None:
    """Every photo is noise, ten times over: a head that saw one of the ten would know the others."""
    rng = np.random.default_rng(0)
    data = np.repeat(rng.normal(size=(60, 200)).astype(np.float32), 10, axis=0)
    labels = np.repeat(rng.integers(0, 2, 60), 10)
    groups = np.repeat(np.arange(60), 10)
    together = cross_validate(data, labels, groups, 2, 0)
    assert together.accuracy < 0.7
    assert together.standard_error == pytest.approx(0.065, abs=0.01)  # of 60 photos, not 600
    assert cross_validate(data, labels, np.arange(600), 2, 0).accuracy > 0.95


def test_the_standard_error_of_a_share() -> None:
    assert standard_error(50, 100, 100) == pytest.approx(0.05, abs=0.001)
    assert standard_error(90, 100, 100) == pytest.approx(0.03, abs=0.002)
    assert standard_error(100, 100, 100) == pytest.approx(0.0098, abs=0.001)  # no mistake is not certainty
    assert standard_error(50, 100, 25) == pytest.approx(0.1, abs=0.001)


def test_a_rare_class_counts_when_classes_are_balanced() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(2000) % 20 == 0).astype(np.int64)
    data = (rng.normal(size=(2000, 5)) + 1.2 * labels[:, None]).astype(np.float32)
    plain, balanced = (cross_validate(data, labels, np.arange(2000), 2, 0, balanced=b) for b in (False, True))
    assert balanced.accuracy < plain.accuracy  # it names the rare class more often
