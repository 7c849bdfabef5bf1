"""Runs everything once on rendered photos: training, export, and classification on the device side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graft_device.classifier import Answer, Classifier
from graft_device.errors import WeightsError
from graft_host.backbones.weights import find_weights
from graft_host.demo.render import PARTS, render_dataset, render_part
from graft_host.support.reporter import Reporter
from graft_host.training.options import TrainOptions
from graft_host.training.pipeline import train
from graft_host.training.result import TrainResult

PHOTOS_PER_CLASS = 80
_PRETRAINED_TAP = "mixed7"
_RANDOM_TAP = "mixed5"  # the best of those tried on these photos
_IMAGE_SIZE = 224
_SEED = 0
_NEW_PHOTOS_SEED = 1


@dataclass(frozen=True)
class DemoResult:
    """The result of the demo.

    Attributes:
        training: the result of the training run.
        answers: the files of new photos with the device side's answers.
    """

    training: TrainResult
    answers: list[tuple[str, Answer]]

    def to_json(self) -> dict[str, Any]:
        """The figures of the training run, and the answers."""
        answers = [
            {"image": image, "label": answer.label, "score": answer[0].score, "unknown": answer.unknown}
            for image, answer in self.answers
        ]
        return {**self.training.to_json(), "answers": answers}


def run_demo(folder: Path, weights: str | None, cache: Path | None, reporter: Reporter) -> DemoResult:
    """Renders photos of hardware parts, trains, exports, and classifies with the device side.

    Args:
        folder: where photos and model are written; those of an earlier demo are replaced.
        weights: the option of ``graft train``; None for the ImageNet weights, or random ones if these are not
            available.
        cache: the option of ``graft train``.
        reporter: receives progress and notes.

    Raises:
        GraftError: for the same reasons as in ``graft train``.
    """
    chosen = weights or _available_weights(reporter)
    photos, fresh, model = folder / "photos", folder / "new", folder / "parts.tflite"
    reporter.note(f"rendering {len(PARTS) * PHOTOS_PER_CLASS} photos of {', '.join(PARTS)}s into {photos}")
    render_dataset(photos, PHOTOS_PER_CLASS, _SEED)
    options = TrainOptions(
        photos=photos,
        output=model,
        weights=chosen,
        tap=_RANDOM_TAP if chosen == "random" else _PRETRAINED_TAP,
        image_size=_IMAGE_SIZE,
        cache=cache,
        overwrite=True,
    )
    training = train(options, reporter)
    classifier = Classifier(model)
    answers = [(str(path), classifier.classify(path, top_k=1)) for path in _new_photos(fresh)]
    return DemoResult(training, answers)


def _available_weights(reporter: Reporter) -> str:
    try:
        find_weights("imagenet", reporter=reporter)
    except WeightsError:
        reporter.note("they are not in the cache and cannot be downloaded: continuing with random weights")
        return "random"
    return "imagenet"


def _new_photos(folder: Path) -> list[Path]:
    """Renders one photo of each part that is not among the training photos."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, part in enumerate(PARTS):
        path = folder / f"{part}.jpg"
        render_part(part, np.random.default_rng([_NEW_PHOTOS_SEED, index])).save(path, quality=90)
        paths.append(path)
    return paths
