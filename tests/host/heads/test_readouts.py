"""Which readout is chosen, and what its figures mean."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_host.heads.readouts import Candidate, Judged, Judges, Readout, judge, simplest_of_the_best
from graft_host.heads.softmax_regression import rotated, solve, solve_rotated

Array = NDArray[np.float32]

CLASSES, EACH = 3, 20


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def _judges(labels: NDArray[np.int64], groups: NDArray[np.int64] | None = None) -> Judges:
    return Judges(
        labels=labels,
        groups=np.arange(len(labels)) if groups is None else groups,
        weights=np.ones(len(labels)),
        classes=CLASSES,
        seed=0,
    )


def _labels() -> NDArray[np.int64]:
    return np.repeat(np.arange(CLASSES), EACH)


def _noise(rng: np.random.Generator, width: int) -> Array:
    return rng.normal(size=(CLASSES * EACH, width)).astype(np.float32)


def _telling(rng: np.random.Generator, distance: float) -> Array:
    """Numbers of which the first three are larger by a distance for photos of one class each."""
    return (_noise(rng, 10) + distance * np.eye(CLASSES, 10)[_labels()]).astype(np.float32)


@pytest.mark.parametrize("width", [8, 200])
def test_rotated_photos_train_the_same_head(rng: np.random.Generator, width: int) -> None:
    values, labels, weights = _noise(rng, width), _labels(), rng.uniform(0.5, 2, CLASSES * EACH)
    coordinates = rotated(values)
    assert coordinates.shape == (len(labels), min(width, len(labels)))
    heads = zip(
        solve(values, labels, weights, CLASSES, (0.01, 1)),
        solve_rotated(coordinates, labels, weights, CLASSES, (0.01, 1)),
        strict=True,
    )
    for (kernel, bias), (rotated_kernel, rotated_bias) in heads:
        assert coordinates @ rotated_kernel + rotated_bias == pytest.approx(values @ kernel + bias, abs=2e-3)


def test_a_readout_that_tells_the_classes_apart_has_a_small_loss(rng: np.random.Generator) -> None:
    good, poor = (judge(values, _judges(_labels()), 2) for values in (_telling(rng, 6), _noise(rng, 10)))
    assert good.losses.shape == (CLASSES * EACH,)
    assert good.losses.mean() < 0.05
    assert good.accuracy > 0.98
    assert poor.losses.mean() > 0.9 * np.log(CLASSES)
    assert poor.accuracy < 0.6


def test_the_number_of_threads_changes_nothing(rng: np.random.Generator) -> None:
    values = _telling(rng, 1)
    one, two = (judge(values, _judges(_labels()), threads) for threads in (1, 2))
    assert np.array_equal(one.losses, two.losses)
    assert one.accuracy == two.accuracy


def test_near_duplicates_do_not_vouch_for_each_other(rng: np.random.Generator) -> None:
    few = rng.normal(size=(CLASSES * EACH // 5, 40)).astype(np.float32)
    values, labels, groups = np.repeat(few, 5, axis=0), _labels(), np.repeat(np.arange(CLASSES * EACH // 5), 5)
    together, apart = judge(values, _judges(labels, groups), 1), judge(values, _judges(labels), 1)
    assert apart.accuracy == 1  # a copy of each photo was trained on
    assert together.accuracy < 0.6


def test_photos_that_only_train_help_and_are_not_judged(rng: np.random.Generator) -> None:
    values, labels = _telling(rng, 2.5), _labels()
    own = np.arange(len(labels)) % EACH < 4
    alone = judge(values[own], _judges(labels[own]), 1)
    with_others = judge(values, _judges(labels, np.where(own, np.arange(len(labels)), -1)), 1)
    assert with_others.losses.shape == alone.losses.shape == (CLASSES * 4,)
    assert with_others.losses.mean() < 0.8 * alone.losses.mean()


def _judged(*losses: float) -> Judged:
    return Judged(losses=np.array(losses), accuracy=1.0, penalty=1.0)


def test_the_smallest_loss_is_chosen_if_it_is_smaller_on_most_photos() -> None:
    simple, better, worse = _judged(0.5, 0.6, 0.4, 0.5), _judged(0.3, 0.4, 0.3, 0.2), _judged(0.9, 0.9, 0.9, 0.9)
    assert simplest_of_the_best([simple, better, worse], np.arange(4)) == 1


def test_a_loss_that_is_smaller_by_the_luck_of_one_photo_is_not_chosen() -> None:
    simple, lucky = _judged(0.5, 0.5, 0.5, 1.0), _judged(0.6, 0.6, 0.6, 0.55)
    assert lucky.losses.mean() < simple.losses.mean()
    assert simplest_of_the_best([simple, lucky], np.arange(4)) == 0


def test_near_duplicates_count_as_one_photo_in_the_comparison() -> None:
    # Better on one photo that is there eight times, and worse on twelve others.
    better, worse = (0.2,) * 8, (0.62,) * 12
    simple, other = _judged(*(0.5,) * 20), _judged(*better, *worse)
    assert simplest_of_the_best([simple, other], np.arange(20)) == 1
    assert simplest_of_the_best([simple, other], np.array([0] * 8 + list(range(1, 13)))) == 0


def test_a_gain_that_nobody_notices_is_left() -> None:
    simple = _judged(0.05, 0.05, 0.05, 0.05)
    assert simplest_of_the_best([simple, _judged(0.035, 0.035, 0.035, 0.035)], np.arange(4)) == 0
    assert simplest_of_the_best([simple, _judged(0.025, 0.025, 0.025, 0.025)], np.arange(4)) == 1


def test_equal_readouts_leave_the_simplest() -> None:
    assert simplest_of_the_best([_judged(0.5, 0.4), _judged(0.5, 0.4)], np.arange(2)) == 0


def _candidates(**losses: float) -> tuple[Candidate, ...]:
    return tuple(Candidate(tap=tap, log_loss=loss, accuracy=0.9) for tap, loss in losses.items())


def test_the_text_compares_with_the_deepest_tap_alone_or_with_the_next_best() -> None:
    candidates = _candidates(mixed7=0.9, mixed8=0.93, **{"mixed7+mixed8": 0.81})
    several = Readout(requested="auto", chosen="mixed7+mixed8", photos=50, candidates=candidates)
    assert several.text() == "mixed7+mixed8, chosen from 3 by cross-validation (log loss 0.810, mixed8 0.930)"
    candidates = _candidates(mixed7=0.9, mixed8=0.3, **{"mixed7+mixed8": 0.31})
    single = Readout(requested="auto", chosen="mixed8", photos=50, candidates=candidates)
    assert single.text() == "mixed8, chosen from 3 by cross-validation (log loss 0.300, mixed7+mixed8 0.310)"
    candidates = _candidates(mixed7=0.31, mixed8=0.33, **{"mixed7+mixed8": 0.3})
    simple = Readout(requested="auto", chosen="mixed7", photos=50, candidates=candidates)
    assert simple.text() == (
        "mixed7, chosen from 3 by cross-validation (log loss 0.310; mixed7+mixed8 is hardly better: 0.300)"
    )
    assert Readout(requested="single", chosen="mixed8").text() == "mixed8"
