from __future__ import annotations

import pytest

from graft_host.network_search.pareto import Candidate, Limits, choose, front, nearest, within_one_error


def network(name: str, accuracy: float, ms: float, megabytes: float = 5.0) -> Candidate:
    return Candidate(
        tap=name,
        image_size=224,
        accuracy=accuracy,
        standard_error=0.01,
        ms=ms,
        estimated=False,
        bytes=int(megabytes * 1e6),
    )


SLOW, HALF, POOR, BEATEN, SMALL = (
    network("slow", 0.990, 100),
    network("half", 0.982, 45),
    network("poor", 0.940, 20),
    network("beaten", 0.939, 21),
    network("small", 0.900, 60, 2.0),
)
ALL = [SLOW, BEATEN, SMALL, HALF, POOR]


def test_the_front_has_the_candidates_that_nothing_beats_in_all_three_figures() -> None:
    assert [candidate.tap for candidate in front(ALL)] == ["poor", "half", "small", "slow"]


def test_less_than_a_tenth_is_noise_and_equals_stay() -> None:
    twin = network("twin", 0.990, 100.04, 5.04)
    assert front([SLOW, twin]) == (SLOW, twin)
    assert front([SLOW, network("slower", 0.990, 100.2)]) == (SLOW,)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), [HALF, SLOW]),  # 0.982 is 0.008 below the best, whose standard error is 0.01
        (Limits(max_ms=30), [POOR, BEATEN]),
        (Limits(max_mb=3), [SMALL]),
        (Limits(max_ms=1), []),
    ],
)
def test_within_one_standard_error_of_the_best_that_meets_the_limits(limits: Limits, expected: list[Candidate]) -> None:
    assert within_one_error(ALL, limits) == tuple(expected)


def test_exactly_one_standard_error_counts() -> None:
    edge = network("edge", 0.98, 30)
    assert within_one_error([SLOW, edge, network("below", 0.9799, 20)], Limits()) == (edge, SLOW)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), HALF),
        (Limits(within=0), SLOW),
        (Limits(within=0.05), POOR),
        (Limits(within=0.008), HALF),  # 0.990 - 0.982 is a little more than 0.008
        (Limits(max_ms=30), POOR),
        (Limits(max_ms=20), POOR),
        (Limits(max_mb=3), SMALL),
        (Limits(min_accuracy=0.985), SLOW),
        (Limits(min_accuracy=0.9), POOR),
        (Limits(max_ms=70, min_accuracy=0.98), HALF),
        (Limits(max_ms=10), None),
        (Limits(max_mb=3, min_accuracy=0.95), None),
    ],
)
def test_the_fastest_that_is_good_enough(limits: Limits, expected: Candidate | None) -> None:
    assert choose(ALL, limits) == expected


def test_the_nearest_candidate_to_limits_that_nothing_meets() -> None:
    assert nearest(ALL, Limits(max_ms=18)) == POOR
    assert nearest(ALL, Limits(max_ms=90, min_accuracy=0.99)) == HALF
    assert Limits(max_ms=40, max_mb=4, min_accuracy=0.991).misses(HALF) == pytest.approx(
        {"--max-ms": 0.125, "--max-mb": 0.25, "--min-accuracy": 1 - 0.982 / 0.991}
    )
    assert nearest(ALL, Limits(max_mb=2.1, max_ms=30)) == SMALL


def test_a_missed_limit_is_reported_in_figures_that_miss_it() -> None:
    """The limits were copied from a table with rounded figures."""
    close = network("close", 430 / 445, 3.94, 5.04)
    assert Limits(3.9, 5.0, 0.9663).missed(close, 445) == (
        "3.94 ms misses --max-ms 3.9 and 5.04 MB misses --max-mb 5.0 and "
        "accuracy 0.96629 (430 of 445 photos) misses --min-accuracy 0.9663"
    )
    assert Limits(max_ms=3.5).missed(close, 445) == "3.9 ms misses --max-ms 3.5"
