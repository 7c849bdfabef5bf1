"""Prints the table: by set of photos and by what wrote the int8 backbone, over several draws of test photos.

The backbones of a set are calibrated on photos that are among the training photos of every draw. TensorFlow's converter
writes those of Inception-v3 alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_noise.sets import PhotoFolder, command_line, photo_folders
from benchmarks.networks.choices import REFERENCE, Network, parse
from benchmarks.quantization.backbones import CONVERTER_PHOTOS, Backbones
from graft_device.preprocess import preprocess
from graft_host.backbones.registry import DEFAULT, family
from graft_host.backbones.weights.find import find_weights
from graft_host.heads.head import Head, train_head
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import scan

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


def draws(
    found: PhotoFolder, network: Network, weights: str, seeds: int, without_equalization: bool = False
) -> dict[str, list[Measured]]:
    """Measures the backbones of a network on the draws of some seeds, by what wrote them.

    Args:
        found: the photos.
        network: the family, the tap and the image size.
        weights: of Inception-v3, as in ``graft train``.
        seeds: how many draws.
        without_equalization: whether to measure graftkit's network without equalized channels too.
    """
    dataset = scan(found.folder, 2)
    chosen = np.random.default_rng(0).permutation(len(dataset.photos))[:_PHOTOS]
    photos = [dataset.photos[index] for index in chosen]
    pixels = np.stack([preprocess(photo.path, network.image_size) for photo in photos])
    labels = np.array([photo.label for photo in photos])
    cache = found.folder.parent / f"int8-{found.folder.name}-{str(network).replace(':', '-')}"
    cache.mkdir(exist_ok=True)
    own = network.backbone == DEFAULT
    source = find_weights(weights if own else "imagenet", 0, family(network.backbone))
    backbones = Backbones(weights=source, tap=network.tap, pixels=pixels, cache=cache)
    exact = backbones.float32()
    orders = [_order(len(pixels), seed) for seed in range(seeds)]
    stored = {"the converter": backbones.converter()} if own else {}
    stored["graftkit"] = backbones.ours()
    if without_equalization:
        stored["graftkit, not equalized"] = backbones.without_equalization()
    return {which: [_measured(exact, values, labels, order) for order in orders] for which, values in stored.items()}


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
    parser = command_line(__doc__)
    parser.add_argument(
        "--network", dest="networks", action="append", type=parse, metavar="FAMILY:TAP:SIZE",
        help=f"measure this network; repeatable (default: {REFERENCE})",
    )  # fmt: skip
    parser.add_argument(
        "--without-equalization", action="store_true", help="measure graftkit's network without equalized channels too"
    )
    options = parser.parse_args()
    options.only = options.only or SETS
    header = ["photos", "int8 by", "SQNR, median (dB)", "1st percentile", "float32 right", "int8 right", "same class"]
    for network in options.networks or [REFERENCE]:
        sys.stdout.write(f"{network.shown}, {_PHOTOS} photos of each set, seeds 0 to {options.seeds - 1}\n\n")
        sys.stdout.write(f"| {' | '.join(header)} |\n| {' | '.join(['---'] * len(header))} |\n")
        for found in photo_folders(options):
            measured = draws(found, network, options.weights, options.seeds, options.without_equalization)
            for which, results in measured.items():
                sys.stdout.write(f"{row(found.name, which, results)}\n")
                sys.stdout.flush()
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
