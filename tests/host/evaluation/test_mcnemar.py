from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.evaluation.mcnemar import PairedCounts, worse_by_chance, worse_parts
from graft_host.support.intervals import sign_test

COUNTS = st.integers(0, 60)


def counts(lost: int, gained: int, both: int = 20) -> PairedCounts:
    return PairedCounts(both=both, only_old=lost, only_new=gained, neither=0)


def test_five_lost_photos_of_five_are_one_chance_in_32() -> None:
    assert worse_by_chance(5, 0) == pytest.approx(1 / 32)
    assert worse_by_chance(0, 5) == 1


def test_twice_the_smaller_chance_is_the_published_two_sided_one() -> None:
    """Agresti, Categorical Data Analysis, table 10.1: 150 and 86 of 1600; 3.716e-5 by statsmodels' exact mcnemar."""
    assert 2 * worse_by_chance(150, 86) == pytest.approx(3.716e-5, rel=1e-3)


@given(COUNTS, COUNTS)
def test_the_chance_is_the_tail_of_fair_coins(lost: int, gained: int) -> None:
    total = lost + gained
    tail = sum(comb(total, count) for count in range(lost, total + 1)) / 2**total
    assert worse_by_chance(lost, gained) == pytest.approx(tail)
    if lost > gained:
        assert 2 * tail == pytest.approx(sign_test(lost, gained))


def test_photos_are_counted_by_who_is_right() -> None:
    old, new = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool)
    found = PairedCounts.of(old, new)
    assert (found.both, found.only_old, found.only_new, found.neither) == (1, 2, 1, 1)
    assert (found.photos, found.old_right, found.new_right) == (5, 3, 2)
    figures = found.to_json()
    assert figures["accuracy"]["old"]["accuracy"] == pytest.approx(0.6)
    low, high = figures["accuracy"]["new"]["interval"]
    assert 0 < low < 0.4 < high < 1


@pytest.mark.parametrize(
    ("lost", "gained", "worse"), [(1, 0, False), (4, 0, False), (5, 0, True), (5, 1, False), (8, 1, True)]
)
def test_one_photo_is_chance_and_many_are_not(lost: int, gained: int, worse: bool) -> None:
    assert bool(worse_parts(counts(lost, gained), {"cats": counts(lost, gained)})) == worse


def test_a_class_that_broke_is_found_though_another_makes_up_for_it() -> None:
    classes = {"cats": counts(12, 0), "dogs": counts(0, 12), "mice": counts(1, 0)}
    (part,) = worse_parts(counts(13, 12), classes)
    assert part.label == "cats"
    assert part.limit == pytest.approx(0.01 / 3)
