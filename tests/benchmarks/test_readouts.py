"""The comparison of readouts: which photos a draw takes, and what a line of the table shows. Figures are not tested."""

from __future__ import annotations

import numpy as np

from benchmarks.readouts.__main__ import header, row
from benchmarks.readouts.features import Features
from benchmarks.readouts.trials import Trial, drawn, trial

READOUTS = ("early", "late", "early+late")


def _features() -> Features:
    """40 photos of each of two classes, near duplicates in pairs; only the late tap tells the classes apart."""
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 40)
    early, late = (rng.normal(size=(80, 4)).astype(np.float32) for _ in range(2))
    late[:, 0] += 8 * labels
    return Features(labels=labels, groups=np.arange(80) // 2, parts={"early": early, "late": late})


def test_a_draw_takes_as_many_of_each_class_and_tests_on_no_near_duplicate() -> None:
    features = _features()
    train, tests = drawn(features, 10, 3)
    assert np.bincount(features.labels[train]).tolist() == [10, 10]
    assert sorted([*train, *tests]) == list(range(80))
    assert not set(features.groups[train]) & set(features.groups[tests])
    more, _ = drawn(features, 20, 3)
    assert set(train) < set(more)


def test_a_trial_chooses_among_the_readouts_and_tests_each() -> None:
    result = trial(_features(), READOUTS, 10, 0, 1)
    assert result is not None
    assert list(result.accuracy) == list(READOUTS)
    assert result.chosen == "late"
    assert result.accuracy["late"] > 0.95
    assert result.accuracy["early"] < 0.75
    assert trial(_features(), READOUTS, 35, 0, 1) is None  # too few are left to test on


def test_a_line_compares_the_choice_with_the_first_and_with_the_best_readout() -> None:
    accuracies = {"early": 0.5, "late": 0.9, "early+late": 0.8}
    trials = [
        Trial(accuracy=accuracies, chosen=chosen, smallest="early", seconds=0.5) for chosen in ("late", "early+late")
    ]
    cells = [cell.strip() for cell in row("parts", 10, trials, READOUTS).strip("|").split("|")]
    assert cells == ["parts", "10", "85.0±5.0", "+35.0", "-5.0", "50.0", "50.0±0.0", "90.0±0.0", "80.0±0.0", "0.5"]
    assert header(READOUTS).splitlines()[0].count("|") == len(cells) + 1
