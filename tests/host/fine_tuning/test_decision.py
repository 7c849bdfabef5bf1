"""The paired test that decides whether a tuned tail is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graft_host.fine_tuning.decision import Comparison, Trial, compare, held_out_losses, joined
from graft_host.fine_tuning.result import FineTuning, verdict
from graft_host.fine_tuning.trial import Fold, first_of_each, fold_numbers, judged

PHOTOS, CLASSES = 120, 3


def trial(linear: float, tuned: float, seed: int = 0, photos: int = PHOTOS, **changes: Any) -> Trial:
    """A trial in which the logit of the true class stands out by so much, on average."""
    rng = np.random.default_rng(seed)
    labels = np.arange(photos) % CLASSES

    def logits(margin: float) -> Any:
        values = rng.normal(0, 1, (photos, CLASSES))
        values[np.arange(photos), labels] += margin
        return values

    values = {
        "linear": logits(linear),
        "tuned": logits(tuned),
        "labels": labels,
        "groups": np.arange(photos),
        "folds": np.arange(photos) // CLASSES % 3,
        "seed": 0,
    }
    return Trial(**{**values, **changes})


def test_a_clear_gain_wins_and_a_clear_loss_loses() -> None:
    gain, loss = compare(trial(1, 3)), compare(trial(3, 1))
    assert gain.wins
    assert not gain.loses
    assert loss.loses
    assert not loss.wins
    assert gain.difference == pytest.approx(gain.linear - gain.tuned)
    assert gain.difference > 0.2


def test_validation_photos_withdraw_a_tail_that_is_worse_on_them() -> None:
    won = FineTuning(kept=True, reason="it won", cut="middle", comparison=compare(trial(1, 3)))
    assert won.checked(compare(trial(1, 3))) is won
    assert won.checked(compare(trial(2, 2.1, photos=5))) is won
    withdrawn = won.checked(compare(trial(3, 0)))
    assert not withdrawn.kept
    assert withdrawn.comparison == won.comparison
    assert withdrawn.reason.startswith("its trial won, but trained on all photos: log loss ")
    assert withdrawn.text.startswith("not kept: its trial won")


def test_few_validation_photos_withdraw_a_tail_that_is_worse_in_both_figures() -> None:
    few = compare(trial(4, -4, photos=5))
    assert few.standard_error == float("inf")
    assert few.withdraws
    assert not few.loses


def test_tails_that_change_nothing_are_rarely_kept_and_worse_ones_hardly_ever() -> None:
    alike, worse = ([compare(trial(2, margin, seed)).wins for seed in range(60)] for margin in (2, 1.6))
    assert sum(alike) <= 12
    assert sum(worse) <= 1


def test_near_duplicates_count_as_one_photo() -> None:
    """Ten copies of each photo are no more evidence than one."""
    base = trial(2, 2.5, photos=30)
    fields = ("linear", "tuned", "labels", "groups", "folds")
    copies = Trial(**{field: np.repeat(getattr(base, field), 10, axis=0) for field in fields}, seed=0)
    once, tenfold = compare(base), compare(copies)
    as_different = compare(Trial(**{**vars(copies), "groups": np.arange(300)}))
    assert 0.6 < tenfold.standard_error / once.standard_error < 1.8  # temperatures differ
    assert as_different.standard_error == pytest.approx(tenfold.standard_error / np.sqrt(10), rel=0.1)


def test_a_few_photos_keep_nothing() -> None:
    assert not compare(trial(1, 9, photos=6)).wins
    assert compare(trial(1, 9, photos=12)).wins


def test_both_get_the_temperature_that_suits_the_other_folds() -> None:
    """Logits that are ten times too large cost hardly anything, and a photo has no influence on its temperature."""
    overconfident = trial(1, 1)
    scaled = Trial(**{**vars(overconfident), "tuned": overconfident.linear * 10})
    comparison = compare(scaled)
    assert comparison.tuned == pytest.approx(comparison.linear, abs=0.02)
    losses = held_out_losses(overconfident, overconfident.linear)
    changed = overconfident.linear.copy()
    changed[0] = changed[0][::-1] * 3
    others = held_out_losses(overconfident, changed)
    same_fold = overconfident.folds == overconfident.folds[0]
    np.testing.assert_array_equal(losses[same_fold][1:], others[same_fold][1:])


def test_a_tail_that_loses_clearly_ends_the_trial_early() -> None:
    computed = []

    def folds(margin: float) -> Any:
        for number in range(3):
            computed.append(number)
            yield Fold(trial=trial(2, margin, number, 40, folds=np.full(40, number)), seconds=1, memory=1)

    comparison, finished = judged(folds(0.5))
    assert computed == [0]
    assert comparison.loses
    computed.clear()
    comparison, finished = judged(folds(4))
    assert computed == [0, 1, 2]
    assert comparison.photos == sum(len(fold.trial.labels) for fold in finished) == 120
    assert comparison == compare(joined([fold.trial for fold in finished]))


def test_folds_have_photos_of_every_class_and_whole_groups() -> None:
    rng = np.random.default_rng(0)
    groups = np.concatenate([np.tile(np.arange(40), 2), np.full(10, -1)])
    labels = np.concatenate([np.tile(np.arange(40) % 2, 2), rng.integers(2, size=10)])
    folds = fold_numbers(labels, groups, 3, 5)
    assert (folds[80:] == -1).all()
    np.testing.assert_array_equal(folds[:40], folds[40:80])
    counts = [np.bincount(labels[:40][folds[:40] == fold], minlength=2) for fold in range(3)]
    assert np.ptp(counts, axis=0).max() <= 1
    np.testing.assert_array_equal(folds, fold_numbers(labels, groups, 3, 5))
    assert (folds != fold_numbers(labels, groups, 3, 6)).any()


def test_photos_are_judged_without_their_renditions() -> None:
    photos, wanted = np.array([4, 7, 4, 7, 9]), np.array([True, True, True, True, False])
    np.testing.assert_array_equal(first_of_each(photos, wanted), [0, 1])


@pytest.mark.parametrize(
    ("difference", "right", "kept", "text"),
    [
        (0.3, 50, True, "0.300 ± 0.100 less"),
        (0.3, 47, False, "0.300 ± 0.100 less, but 3 fewer named right"),
        (0.1, 52, False, "0.100 ± 0.100 less, which may be chance"),
        (-0.2, 52, False, "0.200 ± 0.100 more"),
    ],
)
def test_the_verdict_is_one_clause(difference: float, right: int, kept: bool, text: str) -> None:
    comparison = Comparison(
        linear=0.8, tuned=0.5, difference=difference, standard_error=0.1, photos=60, linear_right=50, tuned_right=right
    )
    assert comparison.wins == kept
    assert verdict(comparison) == f"log loss 0.500 on 60 held-out photos, 0.800 with the head alone: {text}"


def test_the_figures_as_plain_values() -> None:
    skipped = FineTuning(kept=False, reason="few photos").to_json()
    assert skipped == {
        "kept": False, "cut": None, "photos": 0, "epochs": 0, "log_loss": None, "right": None,
        "difference": None, "standard_error": None, "seconds": 0.0, "memory_mb": 0, "reason": "few photos",
    }  # fmt: skip
    comparison = Comparison(
        linear=0.8, tuned=0.5, difference=0.3, standard_error=0.1, photos=60, linear_right=50, tuned_right=55
    )
    kept = FineTuning(
        kept=True, reason="less", cut="mixed5", photos=90, epochs=20, comparison=comparison, seconds=12.34,
        memory=1_234_567_890,
    )  # fmt: skip
    assert kept.to_json()["log_loss"] == {"linear": 0.8, "tuned": 0.5}
    assert (kept.to_json()["seconds"], kept.to_json()["memory_mb"]) == (12.3, 1235)
    assert kept.record().keys() == {"cut", "photos", "epochs", "log_loss", "difference", "standard_error"}
