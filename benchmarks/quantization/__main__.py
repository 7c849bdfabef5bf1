"""Prints the table: by set of photos and by what wrote the int8 backbone, over several draws of test photos.

The backbones of a set are calibrated on photos that are among the training photos of every draw.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_noise.sets import PhotoFolder, arguments, photo_folders
from benchmarks.quantization.backbones import CONVERTER_PHOTOS, Backbones
from graft_device.preprocess import preprocess
from graft_host.backbones.weights import find_weights
from graft_host.heads.head import Head, train_head
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import scan

TAP, SIZE = "mixed7", 299
SETS = ["cats and dogs", "parts", "flowers", "coarse digits"]

_PHOTOS = 300  # of a set
_TEST, _VALIDATION = 0.3, 0.1  # shares


@dataclass(frozen=True)
class Measured:
    """One draw: which photos train, which test.

    Attributes:
        ratios: signal to noise of the bottleneck of each test photo in dB.
        right: for each test photo whether the head names its class.
        exact: for each test photo whether the head on float32 bottlenecks does.
        same: for each test photo whether both name the same class.
    """

    ratios: NDArray[np.float64]
    right: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    same: NDArray[np.bool_]


def signal_to_noise(exact: NDArray[np.float32], stored: NDArray[np.float32]) -> NDArray[np.float64]:
    """The power of each exact bottleneck ``[N,D]`` over that of its error, in dB, ``[N]``."""
    noise = np.square(stored.astype(np.float64) - exact).sum(1)
    return np.asarray(10 * np.log10(np.square(exact.astype(np.float64)).sum(1) / noise))


def draws(found: PhotoFolder, weights: str, seeds: int) -> tuple[list[Measured], list[Measured]]:
    """Measures the converter's and graftkit's backbones on the draws of some seeds."""
    dataset = scan(found.folder, 2)
    chosen = np.random.default_rng(0).permutation(len(dataset.photos))[:_PHOTOS]
    photos = [dataset.photos[index] for index in chosen]
    pixels, labels = np.stack([preprocess(photo.path, SIZE) for photo in photos]), np.array([p.label for p in photos])
    cache = found.folder.parent / f"int8-{found.folder.name}"
    cache.mkdir(exist_ok=True)
    backbones = Backbones(weights=find_weights(weights), tap=TAP, pixels=pixels, cache=cache)
    exact = backbones.float32()
    orders = [_order(len(pixels), seed) for seed in range(seeds)]
    converters, ours = (
        [_measured(exact, stored, labels, order) for order in orders]
        for stored in (backbones.converter(), backbones.ours())
    )
    return converters, ours


def _order(count: int, seed: int) -> NDArray[np.int64]:
    """The photos in a random order, those that calibrate first."""
    others = CONVERTER_PHOTOS + np.random.default_rng(seed).permutation(count - CONVERTER_PHOTOS)
    return np.concatenate([np.arange(CONVERTER_PHOTOS), others])


def _measured(
    exact: NDArray[np.float32], stored: NDArray[np.float32], labels: NDArray[np.int64], order: NDArray[np.int64]
) -> Measured:
    test = order[round((1 - _TEST) * len(order)) :]
    truth, names = labels[test], [_head(values, labels, order).predict(values[test]) for values in (exact, stored)]
    ratios = signal_to_noise(exact[test], stored[test])
    return Measured(ratios, names[1] == truth, names[0] == truth, names[0] == names[1])


def _head(values: NDArray[np.float32], labels: NDArray[np.int64], order: NDArray[np.int64]) -> Head:
    ends = round((1 - _TEST - _VALIDATION) * len(order)), round((1 - _TEST) * len(order))
    train, validation, _ = np.split(order, ends)
    sides = [(values[rows], labels[rows]) for rows in (train, validation)]
    return train_head(sides[0], sides[1], int(labels.max()) + 1, Recipe(), None, 2)


def row(name: str, which: str, results: list[Measured]) -> str:
    """A row of the table: over all draws, with the standard deviation of the draws."""
    medians = [float(np.median(result.ratios)) for result in results]
    worst = [float(np.percentile(result.ratios, 1)) for result in results]
    shares = [
        [100 * float(np.mean(getattr(result, part))) for result in results] for part in ("exact", "right", "same")
    ]
    cells = [f"{np.mean(values):.1f} ± {np.std(values):.1f}" for values in (medians, worst)]
    cells += [f"{np.mean(values):.1f}% ± {np.std(values):.1f}" for values in shares]
    return f"| {' | '.join([name, which, *cells])} |"


def main() -> None:
    """Runs the command line."""
    options = arguments(__doc__)
    options.only = options.only or SETS
    sys.stdout.write(f"{TAP} at {SIZE}, {_PHOTOS} photos of each set, seeds 0 to {options.seeds - 1}\n\n")
    header = ["photos", "int8 by", "SQNR, median (dB)", "1st percentile", "float32 right", "int8 right", "same class"]
    sys.stdout.write(f"| {' | '.join(header)} |\n| {' | '.join(['---'] * len(header))} |\n")
    for found in photo_folders(options):
        converters, ours = draws(found, options.weights, options.seeds)
        for which, results in (("the converter", converters), ("graftkit", ours)):
            sys.stdout.write(f"{row(found.name, which, results)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
