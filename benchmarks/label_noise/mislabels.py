"""Plants wrong labels in sets of photos, and counts how many of them the search for mislabels lists."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from benchmarks.label_noise.sets import PhotoSet, arguments, photo_sets
from graft_host.heads.mislabels import search_mislabels

RATES = (0.0, 0.01, 0.02, 0.05)
"""Shares of wrong labels that are planted."""

_TOP = 10


@dataclass(frozen=True)
class Draw:
    """One search.

    Attributes:
        planted: number of wrong labels.
        listed: number of photos in the list.
        hits: number of photos in the list that are in the wrong class.
        top: number of photos among the first ten of the list.
        top_hits: number of photos among the first ten of the list that are in the wrong class.
        accuracy: share of the photos whose class the heads named.
    """

    planted: int
    listed: int
    hits: int
    top: int
    top_hits: int
    accuracy: float


def draw(photos: PhotoSet, rate: float, seed: int) -> Draw:
    """Moves a share of the photos into another class, drawn with the seed, and searches for them."""
    rng = np.random.default_rng([round(1000 * rate), seed])
    count = round(rate * len(photos.labels))
    moved = rng.choice(len(photos.labels), count, replace=False)
    labels = photos.labels.copy()
    labels[moved] = (labels[moved] + rng.integers(1, photos.classes, count)) % photos.classes
    search = search_mislabels(photos.bottlenecks, labels, photos.places, photos.classes, seed, 2)
    right = np.isin([mislabel.index for mislabel in search.mislabels], moved)
    return Draw(count, len(right), int(right.sum()), len(right[:_TOP]), int(right[:_TOP].sum()), search.accuracy or 0)


def row(name: str, rate: float, draws: list[Draw]) -> str:
    """A row of the table: means over the draws, and the smallest and largest list."""
    lengths = [result.listed for result in draws]
    cells = [
        name,
        f"{np.mean([result.accuracy for result in draws]):.0%}",
        f"{rate:.0%}",
        f"{np.mean(lengths):.1f} ({min(lengths)} to {max(lengths)})",
        _share(draws, "top_hits", "top"),
        _share(draws, "hits", "listed"),
        _share(draws, "hits", "planted"),
    ]
    return f"| {' | '.join(cells)} |"


def _share(draws: list[Draw], part: str, whole: str) -> str:
    """The share over all draws together, and the standard deviation of the draws' own shares."""
    total = sum(getattr(result, whole) for result in draws)
    if not total:
        return "none"
    own = [getattr(result, part) / getattr(result, whole) for result in draws if getattr(result, whole)]
    return f"{sum(getattr(result, part) for result in draws) / total:.0%} ± {np.std(own):.0%}"


def main() -> None:
    """Runs the command line."""
    options = arguments(__doc__)
    seeds = range(options.seeds)
    sys.stdout.write(f"seeds {seeds.start} to {seeds.stop - 1}\n\n")
    sys.stdout.write("| photos | heads right | wrong labels | listed | right in first ten | right in list | found |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- | --- | --- |\n")
    for photos in photo_sets(options):
        for rate in RATES:
            results = [draw(photos, rate, seed) for seed in seeds]
            sys.stdout.write(f"{row(f'{photos.name}, {len(photos.labels):,}', rate, results)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
