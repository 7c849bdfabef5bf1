from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_host.heads.label_noise import estimate_label_noise
from graft_host.heads.temperature import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _labelled(
    count: int, classes: int, share: float, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Logits, labels that are as likely as the logits say except for wrong ones, and which are wrong."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, classes))
    truth = np.array([rng.choice(classes, p=row) for row in softmax(logits)])
    wrong = rng.random(count) < share
    return logits, np.where(wrong, (truth + rng.integers(1, classes, count)) % classes, truth), wrong


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("factor", [0.1, 1.0, 8.0])
def test_the_share_of_wrong_labels_is_found_at_any_temperature(classes: int, factor: float) -> None:
    logits, labels, _ = _labelled(4000, classes, 0.06)
    noise = estimate_label_noise(factor * logits, labels, np.ones(4000))
    assert noise.share == pytest.approx(0.06, abs=0.02)
    assert noise.evidence > 20
    assert noise.probabilities == pytest.approx(softmax(logits), abs=0.1)


@pytest.mark.parametrize("classes", [2, 5])
def test_mistakes_of_an_honest_head_are_no_evidence(classes: int) -> None:
    false_alarms = 0
    for seed in range(20):
        logits, labels, _ = _labelled(400, classes, 0, seed)
        assert (softmax(logits).argmax(axis=1) != labels).mean() > 0.05
        noise = estimate_label_noise(logits, labels, np.ones(400))
        false_alarms += noise.evidence > 1.353  # once in twenty is expected
        assert (noise.chances > 0.5).sum() <= 6
    assert false_alarms <= 3


def test_chances_are_those_of_bayes() -> None:
    logits, labels, wrong = _labelled(3000, 3, 0.1)
    noise = estimate_label_noise(logits, labels, np.ones(3000))
    given = noise.probabilities[np.arange(3000), labels]
    if_wrong, if_right = noise.share * (1 - given) / 2, (1 - noise.share) * given
    assert noise.chances == pytest.approx(if_wrong / (if_wrong + if_right), abs=1e-6)
    likely = noise.chances > 0.5
    assert wrong[likely].mean() == pytest.approx(noise.chances[likely].mean(), abs=0.1)


def test_copies_with_half_the_weight_change_nothing() -> None:
    logits, labels, _ = _labelled(500, 3, 0.05)
    once = estimate_label_noise(logits, labels, np.ones(500))
    twice = estimate_label_noise(np.tile(logits, (2, 1)), np.tile(labels, 2), np.full(1000, 0.5))
    assert twice.share == pytest.approx(once.share, abs=1e-6)
    assert twice.evidence == pytest.approx(once.evidence, abs=1e-6)


def test_a_head_without_a_mistake_finds_none() -> None:
    labels = np.arange(60) % 3
    noise = estimate_label_noise(5.0 * np.eye(3)[labels], labels, np.ones(60))
    assert noise.share == 0
    assert noise.evidence == 0
    assert not noise.chances.any()
