from __future__ import annotations

import pytest

from graft_host.support.rounding import apart


@pytest.mark.parametrize(
    ("value", "limit", "digits", "expected"),
    [
        (52 / 55, 0.9455, 4, "0.94545"),
        (0.5, 0.9, 4, "0.5000"),
        (430 / 445, 0.9663, 4, "0.96629"),
        (3.94, 3.9, 1, "3.94"),
        (3.96, 3.9, 1, "4.0"),
        (0.1 + 0.2, 0.3, 4, "0.30000000000000004"),
        (0.3, 0.3, 4, "0.3000"),
        (0.5, float("nan"), 4, "0.5000"),
    ],
)
def test_a_figure_is_not_rounded_onto_its_limit(value: float, limit: float, digits: int, expected: str) -> None:
    assert apart(value, limit, digits) == expected
