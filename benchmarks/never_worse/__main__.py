"""Measures the rule of ``--not-worse-than``; run ``python -m benchmarks.never_worse``.

Half of each set is for training, the other half for testing. Each old head is trained on a draw of the first half, each
new one on other photos or labels (``KINDS``). Both are compared on drawn test photos by several rules, of which
``shipped`` is that of ``graft_host.evaluation.against``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.label_noise.sets import PhotoSet, arguments, photo_sets
from benchmarks.never_worse.kinds import Kind
from graft_host.evaluation.mcnemar import PairedCounts, worse_by_chance, worse_parts
from graft_host.heads.head import train_head
from graft_host.heads.recipe import Recipe

_LEVEL, _CLASS_LEVEL, _HALF = 0.05, 0.01, 0.5

TRAINED_ON = 120
"""Photos that a head is trained on."""

TESTED_ON = (30, 75, 200, 500)
"""Numbers of test photos; those that a set has not are left out."""

PAIRS, DRAWS = 60, 20
"""Pairs of heads of each kind, and draws of test photos for each pair."""

Right = NDArray[np.bool_]
Rule = Callable[[Right, Right, NDArray[np.int64]], bool]


KINDS = (
    Kind("a fifth replaced", replaced=0.2),
    Kind("all replaced", replaced=1.0),
    Kind("a third as many", share=1 / 3),
    Kind("a tenth as many", share=0.1),
    Kind("40% of one class mislabelled", confused=0.4),
)
"""The first two are as good as the old heads."""


@dataclass(frozen=True)
class Halves:
    """A set in two halves.

    Attributes:
        photos: the set.
        train: indexes of the photos to train on.
        test: indexes of the photos to test on.
    """

    photos: PhotoSet
    train: NDArray[np.intp]
    test: NDArray[np.intp]


def halved(photos: PhotoSet) -> Halves:
    """Divides a set; near duplicates stay together."""
    _, groups = np.unique(photos.places, return_inverse=True)
    first = np.random.default_rng(0).random(groups.max() + 1) < _HALF
    return Halves(photos, np.flatnonzero(first[groups]), np.flatnonzero(~first[groups]))


def answers(halves: Halves, kind: Kind, seed: int) -> NDArray[np.int64]:
    """Trains a head, and returns its answers for all photos to test on; the seed draws the photos."""
    rng, photos = np.random.default_rng(seed), halves.photos
    order, each = rng.permutation(halves.train), TRAINED_ON / photos.classes
    rows = np.concatenate([kind.drawn(order[photos.labels[order] == label], each) for label in range(photos.classes)])
    labels = photos.labels[rows].copy()
    labels[(labels == 0) & (rng.random(len(labels)) < kind.confused)] = 1
    nothing = (photos.bottlenecks[:0], photos.labels[:0])
    with threadpool_limits(1):
        head = train_head((photos.bottlenecks[rows], labels), nothing, photos.classes, Recipe(seed=seed))
    return head.predict(photos.bottlenecks[halves.test])


def _classes(old: Right, new: Right, truth: NDArray[np.int64]) -> dict[str, PairedCounts]:
    return {str(label): PairedCounts.of(old[truth == label], new[truth == label]) for label in np.unique(truth)}


def any_loss(old: Right, new: Right, truth: NDArray[np.int64]) -> bool:
    """Refuses a model that gets fewer photos right."""
    del truth
    return bool(new.sum() < old.sum())


def total(old: Right, new: Right, truth: NDArray[np.int64]) -> bool:
    """The exact test on all photos together."""
    del truth
    return PairedCounts.of(old, new).p <= _LEVEL


def classes_alike(old: Right, new: Right, truth: NDArray[np.int64]) -> bool:
    """The exact test on all photos, and on classes at the same level with Bonferroni's correction."""
    parts = _classes(old, new, truth)
    return total(old, new, truth) or any(part.p <= _LEVEL / len(parts) for part in parts.values())


def mid_p(old: Right, new: Right, truth: NDArray[np.int64]) -> bool:
    """As ``shipped``, with half the probability of what was seen (mid-p)."""
    parts = _classes(old, new, truth)
    return _mid(PairedCounts.of(old, new)) <= _LEVEL or any(
        _mid(part) <= _CLASS_LEVEL / len(parts) for part in parts.values()
    )


def _mid(counts: PairedCounts) -> float:
    if not counts.only_old:
        return 1.0
    more = worse_by_chance(counts.only_old + 1, counts.only_new - 1) if counts.only_new else 0.0
    return (counts.p + more) / 2


def shipped(old: Right, new: Right, truth: NDArray[np.int64]) -> bool:
    """The rule of graftkit."""
    return bool(worse_parts(PairedCounts.of(old, new), _classes(old, new, truth)))


RULES: dict[str, Rule] = {
    "fewer right": any_loss, "all photos": total, "classes at 5%": classes_alike, "mid-p": mid_p, "shipped": shipped,
}  # fmt: skip


def rows(halves: Halves) -> list[str]:
    """The rows of the table for one set."""
    truth = halves.photos.labels[halves.test]
    old = [answers(halves, Kind("old"), seed) == truth for seed in range(PAIRS)]
    lines = []
    for kind in KINDS:
        new = [answers(halves, kind, seed) == truth for seed in range(PAIRS)]
        drop = float(np.mean(old) - np.mean(new))
        for tested in (number for number in TESTED_ON if number <= len(truth)):
            refused = " | ".join(_shares(old, new, truth, tested))
            name = f"{halves.photos.name} ({np.mean(old):.0%})"
            lines.append(f"| {name} | {kind.name} | {100 * drop:.1f} | {tested} | {refused} |")
    return lines


def _shares(old: list[Right], new: list[Right], truth: NDArray[np.int64], tested: int) -> list[str]:
    """The share of comparisons that each rule refuses."""
    refused = dict.fromkeys(RULES, 0)
    for pair, (before, after) in enumerate(zip(old, new, strict=True)):
        for draw in range(DRAWS):
            chosen = np.random.default_rng([pair, draw]).choice(len(truth), tested, replace=False)
            for name, rule in RULES.items():
                refused[name] += rule(before[chosen], after[chosen], truth[chosen])
    return [f"{count / (PAIRS * DRAWS):.1%}" for count in refused.values()]


def main() -> None:
    """Runs the command line."""
    header = ["set (accuracy of the old)", "new head", "points lost", "test photos", *RULES]
    sys.stdout.write(f"| {' | '.join(header)} |\n{'| --- ' * len(header)}|\n")
    for photos in photo_sets(arguments(__doc__)):
        for line in rows(halved(photos)):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
