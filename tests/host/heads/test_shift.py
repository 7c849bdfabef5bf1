"""Heads whose logits are shifted to other shares of the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.finished import FinishedHead, finish_head
from graft_host.heads.head import train_head
from graft_host.heads.held_out import Rows, held_out_predictions
from graft_host.heads.recipe import Recipe

SHIFT = np.log(np.array([0.9, 0.05, 0.05]) * 3)


def _photos(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 3).astype(np.int64)
    return (rng.normal(size=(count, 12)) + 1.5 * np.eye(3, 12)[labels]).astype(np.float32), labels


def _finished(shift: NDArray[np.float64] | None) -> tuple[FinishedHead, NDArray[np.float32]]:
    train, held = _photos(90, 0), _photos(60, 1)
    head = train_head(train, held, 3, Recipe())
    finished = finish_head(head, train, held, Recipe(), np.arange(90), 0.3, shift=shift)
    return finished, head.logits(held[0])


def test_the_bias_is_shifted_after_the_temperature_and_nothing_else_is() -> None:
    (plain, raw), (shifted, _) = _finished(None), _finished(SHIFT)
    np.testing.assert_array_equal(shifted.head.kernel, plain.head.kernel)
    np.testing.assert_allclose(shifted.head.bias - plain.head.bias, SHIFT, atol=1e-5)
    assert shifted.temperature == plain.temperature
    values = _photos(60, 1)[0]
    for finished in (plain, shifted):
        np.testing.assert_allclose(finished.trained_logits(values), raw, atol=1e-4)
    np.testing.assert_allclose(plain.unscaled_logits(values), raw, atol=1e-4)
    np.testing.assert_allclose(shifted.unscaled_logits(values), raw + SHIFT, atol=1e-4)


def test_scores_follow_the_shares_and_the_threshold_is_that_of_the_shifted_scores() -> None:
    (plain, _), (shifted, _) = _finished(None), _finished(SHIFT)
    values, labels = _photos(3000, 2)
    before, after = plain.scores(values), shifted.scores(values)
    assert after[:, 0].mean() > before[:, 0].mean() + 0.2
    first = labels == 0
    assert (after.argmax(axis=1) == 0)[first].mean() > (before.argmax(axis=1) == 0)[first].mean()
    assert plain.unknown is not None
    assert shifted.unknown is not None
    for finished, scores in ((plain, before), (shifted, after)):
        assert finished.unknown is not None
        assert (scores.max(axis=1) < finished.unknown.score).mean() < 0.3


def test_an_offset_of_the_logits_moves_the_answers_of_every_fold() -> None:
    values, labels = _photos(60, 3)
    rows = Rows(
        bottlenecks=values, labels=labels, photos=np.arange(60), groups=np.arange(60), validates=np.zeros(60, bool)
    )
    plain = held_out_predictions(rows, 3, Recipe())
    np.testing.assert_array_equal(held_out_predictions(rows, 3, Recipe(), offset=np.zeros(3)), plain)
    assert set(held_out_predictions(rows, 3, Recipe(), offset=np.array([0.0, 100.0, 0.0])).tolist()) == {1}
