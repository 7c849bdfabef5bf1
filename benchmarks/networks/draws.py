"""Draws the photos that train and test heads, the same ones for every network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.photos.dataset import Photo

TEST, VALIDATION = 0.4, 0.2
"""Shares: of all photos, and of those that are left to train on."""

FEW = 10
"""Photos of each class that the second head is trained on."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """Places of photos.

    Attributes:
        train: photos to train on.
        validation: photos that choose the penalty of the head on ``train``.
        few: the first photos of each class, to train on alone.
        test: photos to test both heads on; no near duplicate of one is among the others.
    """

    train: Rows
    validation: Rows
    few: Rows
    test: Rows


def calibrating(photos: Sequence[Photo], count: int) -> list[int]:
    """Photos to quantize a backbone on: some of each class in turn, with all their near duplicates.

    Args:
        photos: of all classes.
        count: how many to choose; their near duplicates come on top.
    """
    order = np.random.default_rng(0).permutation(len(photos))
    ranks: dict[int, int] = {}
    keyed = []
    for place in order.tolist():
        rank = ranks[photos[place].label] = ranks.get(photos[place].label, -1) + 1
        keyed.append((rank, photos[place].label, place))
    groups = {photos[place].place for _, _, place in sorted(keyed)[:count]}
    return [place for place, photo in enumerate(photos) if photo.place in groups]


def draw(photos: Sequence[Photo], trained: Sequence[int], seed: int) -> Draw:
    """Draws photos to test on from each class, and divides the others.

    Args:
        photos: of all classes.
        trained: photos that no draw tests on, because they quantized the backbone.
        seed: of the draw.
    """
    order = np.random.default_rng(seed).permutation(len(photos)).tolist()
    members: dict[str, list[int]] = {}
    for place in order:
        members.setdefault(photos[place].place, []).append(place)
    kept = {photos[place].place for place in trained}
    wanted = {label: round(TEST * count) for label, count in _counts(photos).items()}
    test: list[int] = []
    for group, places in members.items():
        label = photos[places[0]].label
        if group not in kept and wanted[label] >= len(places):
            wanted[label] -= len(places)
            test += places
    tested = set(test)
    rest = [place for place in order if place not in tested]
    split = round(VALIDATION * len(rest))
    return Draw(*(np.array(part, np.int64) for part in (rest[split:], rest[:split], _first(photos, rest), test)))


def _counts(photos: Sequence[Photo]) -> dict[int, int]:
    labels, counts = np.unique([photo.label for photo in photos], return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def _first(photos: Sequence[Photo], places: Sequence[int]) -> list[int]:
    """The first few places of each class."""
    counts: dict[int, int] = {}
    chosen = []
    for place in places:
        label = photos[place].label
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= FEW:
            chosen.append(place)
    return chosen
