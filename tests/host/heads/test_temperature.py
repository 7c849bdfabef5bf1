from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_host.heads.temperature import best_temperature, expected_calibration_error, softmax


@pytest.mark.parametrize("factor", [0.02, 0.2, 1.0, 6.0, 300.0, 1e5])
def test_the_temperature_undoes_a_factor_that_made_logits_too_large_or_too_small(factor: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (4000, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(honest)])
    assert best_temperature(honest * factor, labels) == pytest.approx(factor, rel=0.1)


def test_no_mistake_among_a_few_photos_does_not_make_scores_extreme() -> None:
    labels = np.arange(60) % 3
    assert 0.4 < best_temperature(np.eye(3)[labels] * 6.0, labels) < 1.01


def test_without_photos_the_temperature_is_one() -> None:
    assert best_temperature(np.zeros((0, 2)), np.zeros(0, np.int64)) == pytest.approx(1, abs=1e-3)


def test_the_calibration_error_of_a_case_worked_by_hand() -> None:
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
