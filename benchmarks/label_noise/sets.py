"""The data sets: an easy one and hard ones, of real and of rendered photos."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.label_noise.flowers import render_flowers
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.demo.rendering.render import render_dataset
from graft_host.photos.dataset import scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.support.cache import default_cache
from graft_host.support.progress import Progress
from graft_host.training.options import HeadOptions
from graft_host.training.survey import chosen_weights

_SHARED = Path(__file__).resolve().parents[3] / "shared"
_DIGITS = (1, 3, 5, 8, 9)


@dataclass(frozen=True)
class PhotoSet:
    """Bottlenecks of a set of photos whose labels are right.

    Attributes:
        name: of the set.
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        places: of the photos, ``[N]``; equal for near duplicates.
        classes: K.
    """

    name: str
    bottlenecks: NDArray[np.float32]
    labels: NDArray[np.int64]
    places: tuple[str, ...]
    classes: int


class Quiet:
    """Reports nothing."""

    def note(self, text: str) -> None:
        """Writes a note to standard error."""
        sys.stderr.write(f"{text}\n")

    @contextlib.contextmanager
    def progress(self, stage: str, unit: str = "photos") -> Iterator[Progress]:
        """Counts nothing."""
        del stage, unit
        yield _count


def _count(done: int, total: int) -> None:
    """Counts nothing."""
    del done, total


def arguments(description: str | None) -> argparse.Namespace:
    """The options of a measurement, from its command line."""
    return command_line(description).parse_args()


def command_line(description: str | None) -> argparse.ArgumentParser:
    """What every measurement's command line has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--weights", default=str(next((_SHARED / "weights").glob("*.h5"), "random")))
    parser.add_argument("--photos", type=Path, default=_SHARED / "datasets" / "cats_and_dogs")
    parser.add_argument("--folder", type=Path, default=Path("build/label_noise"), help="for photos and the cache")
    parser.add_argument("--seeds", type=int, default=8, help="draws of each kind")
    parser.add_argument("--only", action="append", help="measure only this set; repeatable")
    return parser


@dataclass(frozen=True)
class PhotoFolder:
    """A set of photos on disk, and the network that suits it.

    Attributes:
        name: of the set.
        folder: of a folder of photos per class.
        tap: the layer that bottlenecks are taken from.
        size: the input side in pixels.
    """

    name: str
    folder: Path
    tap: str
    size: int


def photo_sets(options: argparse.Namespace) -> Iterator[PhotoSet]:
    """Makes the sets that do not exist yet, and computes their bottlenecks."""
    for found in photo_folders(options):
        yield extracted(found.name, found.folder, HeadOptions(
            photos=found.folder, weights=options.weights, tap=found.tap, image_size=found.size,
            cache=options.folder / "cache", threads=2,
        ))  # fmt: skip


def photo_folders(options: argparse.Namespace) -> Iterator[PhotoFolder]:
    """Makes the sets that do not exist yet."""
    made: dict[str, tuple[Callable[[Path], object], str, int]] = {
        "cats and dogs": (lambda folder: folder.symlink_to(options.photos.resolve()), "mixed7", 299),
        "parts": (lambda folder: render_dataset(folder, 200, 0), "mixed8", 139),
        "flowers": (lambda folder: render_flowers(folder, 200, 0, 1.0), "mixed8", 139),
        "coarse digits": (_coarse_digits, "mixed8", 139),
        "coarse cats and dogs": (lambda folder: _coarse(options.photos, folder), "mixed8", 139),
    }
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, (make, tap, size) in made.items():
        if options.only and name not in options.only:
            continue
        folder = options.folder / name.replace(" ", "-")
        if not folder.exists():
            make(folder)
        yield PhotoFolder(name, folder, tap, size)


def extracted(name: str, folder: Path, options: HeadOptions) -> PhotoSet:
    """Computes the bottlenecks of a folder of photos, or takes them from the cache."""
    reporter, cache = Quiet(), options.cache or default_cache()
    with reporter.progress("") as progress:
        dataset = group_near_duplicates(scan(folder, 2), cache, 2, progress)
        spec = BackboneSpec(
            weights=chosen_weights(options, reporter, cache), tap=options.tap, image_size=options.image_size,
            quantization="int8", resize=options.resize,
        )  # fmt: skip
        backbone = quantized_backbone(spec, dataset.photos, cache, 2, progress=progress)
        with Bottlenecks(backbone, cache) as bottlenecks:
            bottlenecks.extract(photos_alone(dataset.photos), 2, progress)
            values, labels = bottlenecks.matrix(dataset.photos)
    return PhotoSet(name, values, labels, tuple(photo.place for photo in dataset.photos), len(dataset.labels))


def _coarse(photos: Path, folder: Path, side: int = 32, noise: float = 25) -> None:
    """Real photos of 32 x 32 pixels with much noise."""
    for label in sorted(path.name for path in photos.iterdir()):
        (folder / label).mkdir(parents=True)
        for number, path in enumerate(sorted((photos / label).iterdir())):
            with Image.open(path) as photo:
                small = photo.convert("RGB").resize((side, side), Image.Resampling.BOX)
            _save(np.asarray(small), noise, number, folder / label / f"{path.stem}.png")


def _coarse_digits(folder: Path, noise: float = 50) -> None:
    """Real handwriting of 8 x 8 pixels with noise: the test part of the UCI digits, which scikit-learn contains."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (values, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        if digit in _DIGITS:
            (folder / str(digit)).mkdir(parents=True, exist_ok=True)
            _save(255 - 15 * values, noise, number, folder / str(digit) / f"{number:04}.png")


def _save(values: NDArray[np.float64] | NDArray[np.uint8], noise: float, seed: int, path: Path) -> None:
    """Adds noise, and writes the pixels enlarged."""
    noisy = values + np.random.default_rng(seed).normal(0, noise, values.shape)
    photo = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    photo.resize((128, 128), Image.Resampling.BICUBIC).save(path)
