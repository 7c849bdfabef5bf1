"""What a learned model remembers: what the old one did, and the photos that it learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from graft_device.learning.photos import Shown, same_as, stacked
from graft_device.learning.pieces import Pieces
from graft_device.learning.remembered import (
    NEGATIVE,
    Means,
    Remembered,
    kept_rows,
    pack_means,
    pack_photos,
    steps_of,
)

_MOST_NAMED = 3  # photos in notes of one kind


def without_the_same(
    pieces: Pieces, photos: tuple[Shown, ...], label: int, note: Callable[[str], None]
) -> tuple[Remembered, tuple[Shown, ...]]:
    """Leaves out photos that are remembered for this class, and remembered ones that are given for it now.

    Args:
        pieces: of the file.
        photos: that are given.
        label: their class.
        note: called with a line for each such photo; of many, the first are named and the others counted.
    """
    remembered, labels, steps = pieces.remembered, pieces.model.labels, steps_of(pieces.parts)[0]
    if remembered.drawn:
        return remembered, photos
    kept, forgotten = [], np.zeros(len(remembered.labels), bool)
    known_already: list[str] = []
    forgotten_as: dict[str, list[str]] = {}
    for photo in photos:
        same = same_as(photo.bottleneck, remembered.bottlenecks, steps)
        if (same & (remembered.labels == label)).any():
            known_already.append(photo.name)
            continue
        for other in np.unique(remembered.labels[same]):
            was = "a photo of none of the classes" if other == NEGATIVE else f"a photo of {labels[other]}"
            forgotten_as.setdefault(was, []).append(photo.name)
        forgotten |= same
        kept.append(photo)
    _name(known_already, "remembered already, so it is left out", "remembered already, so they are left out", note)
    for was, names in forgotten_as.items():
        _name(names, f"no longer remembered as {was}", f"no longer remembered as {was}", note)
    rows = ~forgotten
    for known in range(len(labels)):  # a class is never forgotten as a whole
        if not (rows & (remembered.labels == known)).any():
            rows |= remembered.labels == known
    left = replace(
        remembered,
        bottlenecks=remembered.bottlenecks[rows],
        labels=remembered.labels[rows],
        unfitted=remembered.unfitted[rows],
    )
    return left, tuple(kept)


def _name(names: Sequence[str], one: str, several: str, note: Callable[[str], None]) -> None:
    """Notes what is true of photos: the first by their names, since a whole folder would hide the other notes."""
    for name in names[:_MOST_NAMED]:
        note(f"{name} is {one}")
    more = len(names) - _MOST_NAMED
    if more > 0:
        note(f"{more:,} more {'is ' + one if more == 1 else 'are ' + several}")


def updated_memory(pieces: Pieces, remembered: Remembered, photos: tuple[Shown, ...], label: int) -> bytes:
    """The entry ``memory.bin`` of a learned model."""
    if pieces.means is not None:
        return pack_means(pieces.parts, _with_mean(pieces.means, photos))
    bottlenecks = np.concatenate([remembered.bottlenecks, stacked(photos)])
    labels = np.concatenate([remembered.labels, np.full(len(photos), label)])
    unfitted = np.concatenate([remembered.unfitted, np.ones(len(photos), bool)])
    rows = kept_rows(labels, bottlenecks.shape[1])
    return pack_photos(pieces.parts, Remembered(bottlenecks[rows], labels[rows], unfitted[rows]))


def _with_mean(means: Means, photos: tuple[Shown, ...]) -> Means:
    """The means with that of a new class."""
    values = stacked(photos)
    mean = (np.sqrt(np.maximum(values, 0)) if means.roots else values).mean(axis=0)
    return replace(
        means, counts=np.append(means.counts, len(photos)), means=np.concatenate([means.means, mean[np.newaxis]])
    )
