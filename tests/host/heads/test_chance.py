from __future__ import annotations

import numpy as np
import pytest

from graft_host.heads.chance import ErrorByChance, error_by_chance
from graft_host.heads.temperature import expected_calibration_error


def _calibrated(
    count: int, seed: int
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Scores of a perfectly calibrated model of two classes, and the true classes."""
    rng = np.random.default_rng(seed)
    best = rng.uniform(0.5, 1, count)
    return np.stack([best, 1 - best], axis=1), (rng.random(count) > best).astype(np.int64)


def test_a_calibrated_model_is_within_the_range_nearly_always() -> None:
    within, errors, means = 0, [], []
    for seed in range(100):
        scores, truth = _calibrated(60, seed)
        error, chance = expected_calibration_error(scores, truth), error_by_chance(scores)
        within += chance.low <= error <= chance.high
        errors.append(error)
        means.append(chance.mean)
    assert within >= 88  # 95 are expected
    assert np.mean(means) == pytest.approx(np.mean(errors), rel=0.1)


def test_chance_gives_less_with_more_photos() -> None:
    few, many = (error_by_chance(_calibrated(count, 0)[0]) for count in (50, 5000))
    assert few.mean > 0.05
    assert many.mean < 0.02
    assert few.low < few.mean < few.high


def test_an_overconfident_model_is_beyond_the_range() -> None:
    scores, truth = _calibrated(400, 3)
    sure = np.stack([0.5 + (scores[:, 0] - 0.5) * 0.2 + 0.4, 0.5 - (scores[:, 0] - 0.5) * 0.2 - 0.4], axis=1)
    assert expected_calibration_error(sure, truth) > error_by_chance(sure).high


def test_the_error_of_one_photo_worked_by_hand() -> None:
    # A score of 0.8 is right four times in five, with a gap of 0.2, and otherwise has a gap of 0.8.
    chance = error_by_chance(np.array([[0.8, 0.2]]))
    assert chance.mean == pytest.approx(0.8 * 0.2 + 0.2 * 0.8, abs=0.03)
    assert [chance.low, chance.high] == pytest.approx([0.2, 0.8])


def test_the_same_scores_give_the_same_figures_and_no_photos_none() -> None:
    scores = _calibrated(30, 1)[0]
    assert error_by_chance(scores) == error_by_chance(scores)
    assert error_by_chance(np.zeros((0, 3))) == ErrorByChance(0.0, 0.0, 0.0)
    assert error_by_chance(np.array([[1.0, 0.0]] * 9)) == ErrorByChance(0.0, 0.0, 0.0)
    assert str(ErrorByChance(0.08211, 0.04, 0.1249)) == "0.082 (0.040 to 0.125)"
