from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft_host.evaluation.evaluate import Evaluation
from graft_host.report.statistics import confused_pairs, least_confident, reliability, worst_mistakes


def test_the_calibration_error_of_a_case_worked_by_hand() -> None:
    # Bin 12 of 15, 0.733 to 0.8: two photos at 0.75 and 0.79, one right. Bin 15: one photo at 1.0, right.
    scores = np.array([[0.75, 0.25], [0.21, 0.79], [1.0, 0.0]], np.float32)
    result = reliability(scores, np.array([0, 0, 0]))
    assert result.counts.tolist() == [0] * 11 + [2, 0, 0, 1]
    assert result.hits.tolist() == [0] * 11 + [1, 0, 0, 1]
    assert result.confidence[11] == pytest.approx(0.77)
    assert result.error == pytest.approx(2 / 3 * abs(0.5 - 0.77) + 1 / 3 * 0)


def test_scores_at_the_ends_and_edges_have_a_bin() -> None:
    scores = np.array([[0.0, 0.0], [0.6, 0.4], [1.0, 0.0]], np.float32)
    assert reliability(scores, np.zeros(3, np.int64)).counts.tolist() == [1, *[0] * 8, 1, *[0] * 4, 1]


def test_the_calibration_error_is_that_of_the_bins() -> None:
    rng = np.random.default_rng(0)
    scores = np.round(rng.dirichlet([0.3] * 5, 500) * 256).clip(0, 255).astype(np.float32) / 256
    result = reliability(scores, rng.integers(5, size=500))
    filled = result.counts > 0
    gaps = np.abs(result.hits[filled] / result.counts[filled] - result.confidence[filled])
    assert result.error == pytest.approx(np.average(gaps, weights=result.counts[filled]), abs=1e-12)


def test_scores_that_equal_the_accuracy_have_no_error() -> None:
    rng = np.random.default_rng(0)
    top = rng.uniform(0.5, 1, 40_000)
    truth = (rng.random(40_000) > top).astype(np.int64)
    scores = np.stack([top, 1 - top], axis=1).astype(np.float32)
    assert reliability(scores, truth).error < 0.01
    assert reliability(scores, np.zeros_like(truth)).error == pytest.approx(0.25, abs=0.01)


def test_pairs_are_ordered_by_photos_then_by_class() -> None:
    confusion = np.array([[9, 1, 2], [2, 9, 0], [0, 1, 0]])
    assert confused_pairs(confusion) == [(0, 2, 2), (1, 0, 2), (0, 1, 1), (2, 1, 1)]


def test_worst_mistakes_are_confident_and_near_misses_are_not() -> None:
    scores = np.array([[0.6, 0.4], [0.9, 0.1], [0.3, 0.7], [0.8, 0.2], [0.9, 0.1]], np.float32)
    evaluation = Evaluation(
        labels=("a", "b"), truth=np.array([1, 1, 1, 0, 1]), scores=scores, failures={}, paths=(Path("x.jpg"),) * 5
    )
    assert worst_mistakes(evaluation) == [1, 4, 0]
    assert least_confident(evaluation) == [2, 3]
