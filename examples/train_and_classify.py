"""Trains a model on a folder of photos, then classifies other photos with it.

    python examples/train_and_classify.py photos/ pets.tflite new-photo.jpg

``photos/`` holds a folder of photos per class. Training needs ``pip install "graftkit[host]"``; classifying alone runs
on a board with ``pip install "graftkit[device]"``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from graft_device import Classifier
from graft_host import GraftError, TrainResult, train


def main() -> int:
    """Reads the command line, trains, and classifies."""
    options = _options()
    try:
        result = train(
            options.photos,
            options.model,
            weights=options.weights,
            tap=options.tap,
            image_size=options.image_size,
            cache=options.cache,
            overwrite=True,
            progress=_show_progress,
            note=_show_note,
        )
        _show_result(result)
        _classify(options.model, options.images)
    except GraftError as error:
        print(f"error: {error.what}", file=sys.stderr)
        if error.remedy:
            print(f"  try this: {error.remedy}", file=sys.stderr)
        return error.exit_status
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a model on photos, then classify other photos with it.")
    parser.add_argument("photos", type=Path, help="a folder with a folder of photos per class")
    parser.add_argument("model", type=Path, help="the .tflite to write")
    parser.add_argument("images", type=Path, nargs="*", help="photos to classify")
    parser.add_argument("--weights", default="imagenet", help="imagenet, random, or a weights file")
    parser.add_argument("--tap", default="mixed7", help="the layer to cut the network at; earlier is faster")
    parser.add_argument("--image-size", type=int, default=224, help="input side in pixels; smaller is faster")
    parser.add_argument("--cache", type=Path, help="folder of backbones and bottlenecks")
    return parser.parse_args()


def _show_progress(stage: str, done: int, total: int) -> None:
    if done == total:
        print(f"{stage}: {total} done", file=sys.stderr)


def _show_note(text: str) -> None:
    print(text, file=sys.stderr)


def _show_result(result: TrainResult) -> None:
    print(f"{result.model}: {', '.join(result.labels)}")
    print(f"accuracy on the test photos: {result.accuracy.shipped:.1%}")
    for label, figures in result.evaluation.per_class().items():
        print(f"  {label}: precision {figures['precision']:.3f}, recall {figures['recall']:.3f}")


def _classify(model: Path, images: list[Path]) -> None:
    classifier = Classifier(model)
    for image in images:
        answer = classifier.classify(image, top_k=3)
        best, *others = answer
        rest = ", ".join(f"{other.label} {other.score:.1%}" for other in others)
        if answer.unknown:
            print(f"{image}: unknown (nearest: {best.label} {best.score:.0%})")
        else:
            print(f"{image}: {best.label} {best.score:.1%} ({rest})")


if __name__ == "__main__":
    sys.exit(main())
