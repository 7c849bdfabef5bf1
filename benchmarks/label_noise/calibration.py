"""Counts how often a temperature makes the scores of photos worse that had no part in choosing it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_noise.sets import PhotoSet, arguments, photo_sets
from graft_host.heads.finished import finish_head
from graft_host.heads.head import train_head
from graft_host.heads.recipe import Recipe
from graft_host.heads.temperature import best_temperature, expected_calibration_error, log_softmax, softmax

SIZES = (60, 150, 300)
"""Photos that train and validate; all others test."""

_VALIDATION = 15 / 85


@dataclass(frozen=True)
class Change:
    """What a temperature changes on the test photos; below 0 is better.

    Attributes:
        loss: of the cross-entropy of a photo.
        error: of the expected calibration error.
        left: whether the temperature is 1.
    """

    loss: float
    error: float
    left: bool


def changes(photos: PhotoSet, size: int, seed: int) -> tuple[Change, Change]:
    """The changes by the best temperature for the validation photos, and by the one that training takes."""
    order = np.random.default_rng([size, seed]).permutation(len(photos.labels))
    held = int(size * _VALIDATION)
    parts = order[held:size], order[:held], order[size:]
    train, validation, (values, truth) = ((photos.bottlenecks[rows], photos.labels[rows]) for rows in parts)
    recipe, groups = Recipe(), np.arange(len(parts[0]))
    head = train_head(train, validation, photos.classes, recipe, groups, 2)
    always = best_temperature(head.logits(validation[0]).astype(np.float64), validation[1])
    taken = finish_head(head, train, validation, recipe, groups, 0.05, 2).temperature
    logits = head.logits(values).astype(np.float64)
    return _change(logits, truth, always), _change(logits, truth, taken)


def _change(logits: NDArray[np.float64], truth: NDArray[np.int64], temperature: float) -> Change:
    scaled, rows = logits / temperature, np.arange(len(truth))
    loss = float(np.mean(log_softmax(logits)[rows, truth] - log_softmax(scaled)[rows, truth]))
    errors = [expected_calibration_error(softmax(values), truth) for values in (logits, scaled)]
    return Change(loss, errors[1] - errors[0], temperature == 1)


def row(name: str, which: str, results: list[Change]) -> str:
    """A row of the table."""
    worse = [np.mean([getattr(result, figure) > 0 for result in results]) for figure in ("loss", "error")]
    points = [100 * result.error for result in results]
    left = np.mean([result.left for result in results])
    cells = [name, which, *(f"{share:.0%}" for share in worse), f"{np.mean(points):+.2f} ± {np.std(points):.2f}"]
    return f"| {' | '.join([*cells, f'{left:.0%}'])} |"


def main() -> None:
    """Runs the command line."""
    options = arguments(__doc__)
    seeds = range(options.seeds)
    sizes = ", ".join(map(str, SIZES))
    sys.stdout.write(f"seeds {seeds.start} to {seeds.stop - 1}, {sizes} photos for training and validation\n\n")
    header = ["photos", "temperature", "loss is worse", "calibration error is worse", "change in points", "left at 1"]
    sys.stdout.write(f"| {' | '.join(header)} |\n| {' | '.join(['---'] * len(header))} |\n")
    everything: list[tuple[Change, Change]] = []
    for photos in photo_sets(options):
        results = [changes(photos, size, seed) for size in SIZES for seed in seeds]
        everything += results
        _write(photos.name, results)
    _write("all", everything)


def _write(name: str, results: list[tuple[Change, Change]]) -> None:
    for place, which in enumerate(("validation photos, always", "all held-out photos, only where it helps")):
        sys.stdout.write(f"{row(name, which, [result[place] for result in results])}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
