"""Prints a row for each draw and kind of new photos: the drift index, and what became of the accuracy.

Run ``python -m benchmarks.drift PHOTOS --weights FILE``. In each draw, a model is trained on some photos of each class,
a fifth of them test photos, and the other photos are new to it. They are classified as they are, and changed as another
camera or another place would change them. The draw of number S has the seed S.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from benchmarks.machine import dated, hardware_line, versions_line
from graft_device.classifier import Classifier
from graft_device.drift.histogram import NONE, Histogram, card_histogram
from graft_device.drift.index import Comparison, compare
from graft_device.system.machine import usable_cores
from graft_host.demo.rendering.render import render_dataset
from graft_host.library import train
from graft_host.photos.camera_copies import camera_copy

_SIDE = 480

Photos = list[tuple[str, Image.Image]]
"""The class and the pixels of each photo."""


@dataclass(frozen=True)
class Row:
    """One kind of new photos in one draw.

    Attributes:
        photos: how many.
        right: the share that is classified correctly, whether called unknown or not; None where no class is right.
        unknown: the share that is called unknown.
        found: the scores against the model card's.
    """

    photos: int
    right: float | None
    unknown: float
    found: Comparison

    def text(self) -> str:
        """The figures as cells of a table."""
        right = "-" if self.right is None else f"{self.right:.1%}"
        index = f"{self.found.index:.3f} | {self.found.chance:.3f}"
        return f"{self.photos} | {right} | {self.unknown:.1%} | {index} | {self.found.lower:.2f}"


def main() -> None:
    """Runs the command line."""
    parsed = _parsed()
    folder: Path = parsed.folder
    parts = folder / "parts"
    if not parts.exists():
        render_dataset(parts, 40, 0)
    others = [("", _opened(path)) for path in sorted(parts.rglob("*.jpg"))]
    lines = [hardware_line(usable_cores()), versions_line(), dated(), "", f"options: {' '.join(sys.argv[1:])}", ""]
    lines += ["| draw | new photos | count | right | unknown | index | by chance | lower |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- |"]
    sys.stdout.write("\n".join(lines) + "\n")
    for seed in range(parsed.draws):
        model, new = _trained(parsed, seed)
        for name, photos in kinds(new, others, seed):
            sys.stdout.write(f"| {seed} | {name} | {classified(model, photos).text()} |\n")
            sys.stdout.flush()


def kinds(new: Photos, others: Photos, seed: int) -> Iterator[tuple[str, Photos]]:
    """The kinds of new photos: those like the training's, and others.

    Args:
        new: photos of the training's classes.
        others: photos of things of no class.
        seed: of what is drawn.
    """
    first = new[0][0]
    rng = np.random.default_rng(seed)
    yield "as in training", new
    yield "a quarter of them", [new[place] for place in rng.permutation(len(new))[: len(new) // 4]]
    yield f"only {first}", [photo for photo in new if photo[0] == first]
    yield "somewhat dark", _changed(new, lambda image: ImageEnhance.Brightness(image).enhance(0.5))
    yield "very dark", _changed(new, lambda image: ImageEnhance.Brightness(image).enhance(0.12))
    yield "somewhat blurred", _changed(new, lambda image: image.filter(ImageFilter.GaussianBlur(4)))
    yield "very blurred", _changed(new, lambda image: image.filter(ImageFilter.GaussianBlur(12)))
    yield "bad camera", _changed(new, lambda image: camera_copy(image, _digest(image), 0, seed))
    yield "1 of 5 of no class", [*new, *others[: len(new) // 4]]
    yield "all of no class", others


def classified(model: Path, photos: Photos) -> Row:
    """Classifies photos, and compares their scores with the card's."""
    classifier = Classifier(model)
    card = classifier.model.card
    scores = np.stack([classifier.classify_scores(np.asarray(image)) for _, image in photos])
    best = scores.max(axis=1)
    unknown = int((best < card.unknown_below).sum())
    known = [(label, classifier.labels[place]) for (label, _), place in zip(photos, scores.argmax(axis=1), strict=True)]
    rated = [truth == answer for truth, answer in known if truth]
    reference = card_histogram(card.training) or NONE
    found = compare(reference, Histogram.of(best.tolist(), unknown))
    if found is None:
        raise ValueError("the card has no scores, or there are no photos")
    return Row(len(photos), sum(rated) / len(rated) if rated else None, unknown / len(photos), found)


def _trained(parsed: argparse.Namespace, seed: int) -> tuple[Path, Photos]:
    """A model of a draw, and the photos that it has not seen."""
    place, rng, new = parsed.folder / f"draw-{seed}", np.random.default_rng(seed), Photos()
    for label in sorted(path for path in parsed.photos_folder.iterdir() if path.is_dir()):
        paths = sorted(path for path in label.iterdir() if path.is_file())
        order = [paths[index] for index in rng.permutation(len(paths))]
        (place / "photos" / label.name).mkdir(parents=True, exist_ok=True)
        for path in order[: parsed.photos]:
            link = place / "photos" / label.name / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(path.absolute())
        new += [(label.name, _opened(path)) for path in order[parsed.photos :]]
    model = place / "model.tflite"
    train(
        place / "photos", model, weights=parsed.weights, tap=parsed.tap, image_size=parsed.image_size, seed=seed,
        test_percent=20, cache=parsed.folder / "cache", overwrite=True,
    )  # fmt: skip
    return model, new


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        photo = image.convert("RGB")
    photo.thumbnail((_SIDE, _SIDE))
    return photo


def _changed(photos: Photos, change: Callable[[Image.Image], Image.Image]) -> Photos:
    return [(label, change(image)) for label, image in photos]


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos_folder", metavar="PHOTOS", type=Path, help="a folder for each class")
    parser.add_argument("--weights", required=True, help="as in graft train")
    parser.add_argument("--tap", default="mixed7", help="as in graft train (default: mixed7)")
    parser.add_argument("--image-size", type=int, default=224, help="as in graft train (default: 224)")
    parser.add_argument("--photos", type=int, default=150, help="of each class to train and test on (default: 150)")
    parser.add_argument("--draws", type=int, default=5, help="how many draws (default: 5)")
    parser.add_argument("--folder", type=Path, default=Path("build/drift"), help="for models and cache")
    return parser.parse_args()


if __name__ == "__main__":
    main()
