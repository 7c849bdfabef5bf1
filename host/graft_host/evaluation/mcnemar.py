"""McNemar's test of two models on the same photos: whether the new one is worse than chance explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.support.intervals import wilson_interval

LEVEL, CLASS_LEVEL = 0.05, 0.01
"""The chance of a false alarm on all photos together, and on one of the classes.

Two models that are as good overall often divide their mistakes differently among the classes, so the second is smaller:
see the table in ``docs/explanation/figures.md``, which ``python -m benchmarks.never_worse`` makes.
"""


@cache
def worse_by_chance(only_old: int, only_new: int) -> float:
    """Returns the probability that chance alone takes at least so many photos away from a model that is as good.

    These are the photos that exactly one of two models classifies correctly. If the models are equally good, each of
    these photos is as likely to be of one as of the other. The p-value is one-sided and exact.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), 153-157, with binomial probabilities instead of the normal ones.

    Args:
        only_old: number of photos that only the old model classifies correctly.
        only_new: number of photos that only the new model classifies correctly.
    """
    if only_old == 0:
        return 1.0
    from scipy.stats import binomtest  # takes most of a second to import, and few runs compare models

    return float(binomtest(only_old, only_old + only_new, 0.5, alternative="greater").pvalue)


@dataclass(frozen=True, kw_only=True)
class PairedCounts:
    """How many of the same photos two models classify correctly.

    Attributes:
        both: number of photos that both classify correctly.
        only_old: number of photos that only the old model classifies correctly.
        only_new: number of photos that only the new model classifies correctly.
        neither: number of photos that neither classifies correctly.
    """

    both: int
    only_old: int
    only_new: int
    neither: int

    @classmethod
    def of(cls, old: NDArray[np.bool_], new: NDArray[np.bool_]) -> PairedCounts:
        """Counts photos from whether each model is right, ``[N]`` each."""
        return cls(
            both=int((old & new).sum()),
            only_old=int((old & ~new).sum()),
            only_new=int((new & ~old).sum()),
            neither=int((~old & ~new).sum()),
        )

    @property
    def photos(self) -> int:
        """The number of all photos."""
        return self.both + self.only_old + self.only_new + self.neither

    @property
    def old_right(self) -> int:
        """The number of photos that the old model classifies correctly."""
        return self.both + self.only_old

    @property
    def new_right(self) -> int:
        """The number of photos that the new model classifies correctly."""
        return self.both + self.only_new

    @property
    def p(self) -> float:
        """The probability that chance alone makes a model of the same quality look so much worse."""
        return worse_by_chance(self.only_old, self.only_new)

    def to_json(self) -> dict[str, Any]:
        """The counts, both accuracies with their 95% intervals, and p."""
        return {
            "photos": self.photos,
            "accuracy": {
                "old": _accuracy(self.old_right, self.photos),
                "new": _accuracy(self.new_right, self.photos),
            },
            "both_right": self.both,
            "only_old": self.only_old,
            "only_new": self.only_new,
            "neither": self.neither,
            "p": self.p,
        }


def _accuracy(right: int, photos: int) -> dict[str, Any]:
    return {"accuracy": right / photos if photos else None, "interval": list(wilson_interval(right, photos))}


@dataclass(frozen=True)
class WorsePart:
    """Photos on which a new model is worse than chance explains.

    Attributes:
        label: the class of the photos; None if they are all.
        counts: of the photos.
        limit: the p up to which it is called worse.
    """

    label: str | None
    counts: PairedCounts
    limit: float


def worse_parts(counts: PairedCounts, classes: Mapping[str, PairedCounts]) -> tuple[WorsePart, ...]:
    """Finds what a new model is worse at: all photos together, then classes, with Bonferroni's correction.

    Args:
        counts: of all photos.
        classes: of the photos of each class, by label.
    """
    limit = CLASS_LEVEL / max(1, len(classes))
    found = [WorsePart(None, counts, LEVEL)] if counts.p <= LEVEL else []
    found += [WorsePart(label, part, limit) for label, part in classes.items() if part.p <= limit]
    return tuple(found)
