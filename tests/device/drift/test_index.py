from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_device.drift.drift import drift_of
from graft_device.drift.histogram import BINS, EDGES, NONE, Histogram, bin_of, card_entry, card_histogram
from graft_device.drift.index import compare

COUNTS = st.lists(st.integers(0, 400), min_size=BINS, max_size=BINS).map(lambda counts: Histogram(tuple(counts), 0))


def drawn(rng: np.random.Generator, photos: int, ease: float = 8.0) -> Histogram:
    """Scores like those of a classifier: most near 1, fewer the smaller ``ease`` is."""
    scores = rng.beta(ease, 1, photos)
    return Histogram.of(scores.tolist(), int((scores < 0.5).sum()))


def days(scores: Histogram, count: int) -> dict[str, Histogram]:
    return {f"2026-03-{day:02}": scores for day in range(1, count + 1)}


@given(st.floats(0, 1))
def test_every_score_is_between_the_edges_of_its_bin(score: float) -> None:
    place = bin_of(score)
    assert EDGES[place] <= score <= EDGES[place + 1]
    assert score < EDGES[place + 1] or place == BINS - 1


@given(COUNTS, COUNTS)
def test_the_index_is_never_negative_and_the_same_both_ways(one: Histogram, other: Histogram) -> None:
    found, back = compare(one, other), compare(other, one)
    if found is None or back is None:
        assert not (one.photos and other.photos)
        return
    assert found.index >= 0
    assert found.index == pytest.approx(back.index)
    assert found.lower == pytest.approx(1 - back.lower)


@given(COUNTS)
def test_the_same_scores_have_no_drift(scores: Histogram) -> None:
    found = compare(scores, scores)
    assert found is None or found.index == pytest.approx(0)
    twice = compare(scores, scores + scores)
    assert twice is None or twice.index < 0.05


@pytest.mark.parametrize(("tested", "recent"), [(40, 100), (80, 400), (400, 5000)])
def test_without_drift_the_index_exceeds_what_chance_gives_in_about_5_of_100_cases(tested: int, recent: int) -> None:
    rng = np.random.default_rng(tested)
    found = [compare(drawn(rng, tested), drawn(rng, recent)) for _ in range(1000)]
    above = sum(1 for one in found if one is not None and one.index > one.chance)
    assert 15 <= above <= 90


def test_lower_scores_on_enough_days_are_a_reason_to_train_again() -> None:
    rng = np.random.default_rng(1)
    reference, worse = drawn(rng, 200), drawn(rng, 500, ease=2)
    found = drift_of("pets", reference, days(worse, 7), 7)
    assert found.comparison is not None
    assert found.comparison.index > 0.25 > found.comparison.chance
    assert found.comparison.lower > 0.6
    assert found.retrain
    assert "train again" in found.verdict
    early = drift_of("pets", reference, days(worse, 2), 7)
    assert not early.retrain
    assert "wait until 3 days" in early.verdict


def test_one_bad_day_among_good_ones_is_no_reason() -> None:
    rng = np.random.default_rng(2)
    reference = drawn(rng, 200)
    scores = {**days(drawn(rng, 300), 6), "2026-03-07": drawn(rng, 6000, ease=1)}
    found = drift_of("pets", reference, scores, 7)
    assert found.comparison is not None
    assert found.comparison.index > 0.25
    assert not found.retrain


def test_higher_scores_are_no_reason_to_train_again() -> None:
    rng = np.random.default_rng(3)
    found = drift_of("pets", drawn(rng, 200, ease=2), days(drawn(rng, 500, ease=60), 7), 7)
    assert found.comparison is not None
    assert found.comparison.index > 0.25
    assert not found.retrain
    assert "higher" in found.verdict


def test_few_photos_raise_no_alarm() -> None:
    rng = np.random.default_rng(4)
    few = drift_of("pets", drawn(rng, 12), days(drawn(rng, 400, ease=4), 7), 7)
    assert not few.retrain
    assert "so few photos" in few.verdict
    assert "too few answers" in drift_of("pets", drawn(rng, 200), days(drawn(rng, 4, ease=1), 7), 7).verdict


def test_only_the_newest_days_count() -> None:
    rng = np.random.default_rng(5)
    good = drawn(rng, 300)
    scores = {**days(drawn(rng, 300, ease=1), 9), "2026-04-01": good, "2026-04-02": good}
    found = drift_of("pets", good, scores, 2)
    assert list(found.days) == ["2026-04-01", "2026-04-02"]
    assert found.recent == good + good


def test_a_model_from_before_says_so() -> None:
    found = drift_of("pets", card_histogram({}), days(Histogram.of([0.9] * 100, 0), 7), 7)
    assert "no scores of test photos" in found.verdict
    assert found.to_json()["index"] is None
    assert found.to_json()["reference"] is None


def test_the_cards_entry_is_read_back_and_a_strange_one_is_as_none() -> None:
    entry = json.loads(json.dumps(card_entry([0.2, 0.5, 0.99, 1.0], 1)))
    found = card_histogram({"scores": entry})
    assert found is not None
    assert (found.photos, found.unknown) == (4, 1)
    for strange in ({**entry, "edges": [0, 0.5, 1]}, {**entry, "counts": [-1] * BINS}, {**entry, "unknown": 9}, 7,
                    {**entry, "counts": [1.5] * BINS}, {**entry, "edges": ["x"] * len(EDGES)},
                    {**entry, **NONE.to_json()}):  # fmt: skip
        assert card_histogram({"scores": strange}) is None
