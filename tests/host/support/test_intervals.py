from __future__ import annotations

import pytest
from scipy.stats import binomtest

from graft_host.support.intervals import sign_test, wilson_interval


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (1, 3), (54, 55), (55, 55), (900, 1000)])
def test_the_interval_equals_scipys(hits: int, total: int) -> None:
    theirs = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    assert wilson_interval(hits, total) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_the_interval_of_no_photos_is_everything() -> None:
    assert wilson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0), (3, 3), (9, 2), (0, 12), (40, 61), (700, 600)])
def test_the_sign_test_equals_scipys(first: int, second: int) -> None:
    assert sign_test(first, second) == pytest.approx(binomtest(first, first + second).pvalue, rel=1e-9)


def test_models_that_differ_on_no_photo_are_equal() -> None:
    assert sign_test(0, 0) == 1.0
