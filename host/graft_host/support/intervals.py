"""Says how far chance may have moved a share of photos, or the difference between two models on the same photos."""

from __future__ import annotations

import math

_Z = 1.959964  # the normal quantile of a two-sided 95% interval


def wilson_interval(hits: float, total: float) -> tuple[float, float]:
    """Returns the 95% score interval of a share, which stays within 0 to 1 and is valid for few photos too.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212.

    Args:
        hits: number of photos that are correct.
        total: number of all photos; with 0 the interval is 0 to 1. Both may be fractions where photos count for less.
    """
    if total == 0:
        return 0.0, 1.0
    share, weight = hits / total, _Z**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return (0.0 if hits == 0 else middle - half), (1.0 if hits == total else middle + half)


def sign_test(first: int, second: int) -> float:
    """Returns the probability that chance alone divides photos at least this unevenly between two equal models.

    These are the photos that exactly one of two models classifies correctly. If the models are equally good, each of
    these photos is as likely to be of one as of the other. The p-value is two-sided and exact.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), 153-157, with binomial probabilities instead of the normal ones.

    Args:
        first: number of photos that only the first model classifies correctly.
        second: number of photos that only the second model classifies correctly.
    """
    total, fewer = first + second, min(first, second)
    if first == second:
        return 1.0
    tail = sum(math.comb(total, count) for count in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << total))
