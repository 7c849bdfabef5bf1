"""Runs everything once on rendered photos: training, export, and classification on the device side."""

from __future__ import annotations

from collections.abc import Sequence
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
_IMAGE_SIZE = 224
_RANDOM_TAP, _RANDOM_SIZE = "mixed0", 192
"""Random layers keep less and less of a photo. Measured on three places: 92 to 97% right at mixed0, 83 to 88% and less
at mixed5 and later ones; photos of a new place each are as good as guessed at all of them."""

_PLACE = 1
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
    random = chosen == "random"
    place = _PLACE if random else None
    photos, fresh, model = folder / "photos", folder / "new", folder / "parts.tflite"
    where = "all on one bench, because random weights can do no more" if random else "each on another bench"
    reporter.note(f"rendering {len(PARTS) * PHOTOS_PER_CLASS} photos of {_listed(PARTS)}, {where}, into {photos}")
    render_dataset(photos, PHOTOS_PER_CLASS, _SEED, place)
    options = TrainOptions(
        photos=photos,
        output=model,
        weights=chosen,
        tap=_RANDOM_TAP if random else _PRETRAINED_TAP,
        image_size=_RANDOM_SIZE if random else _IMAGE_SIZE,
        cache=cache,
        overwrite=True,
    )
    training = train(options, reporter)
    classifier = Classifier(model)
    answers = [(str(path), classifier.classify(path, top_k=1)) for path in _new_photos(fresh, place)]
    return DemoResult(training, answers)


def _available_weights(reporter: Reporter) -> str:
    try:
        find_weights("imagenet", reporter=reporter)
    except WeightsError:
        reporter.note("they are not in the cache and cannot be downloaded: continuing with random weights")
        return "random"
    return "imagenet"


def _listed(parts: Sequence[str]) -> str:
    """The names of parts in the plural, as in a sentence."""
    *names, last = (f"{part}s" for part in parts)
    return f"{', '.join(names)} and {last}"


def _new_photos(folder: Path, place: int | None) -> list[Path]:
    """Renders one photo of each part that is not among the training photos."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, part in enumerate(PARTS):
        path = folder / f"{part}.jpg"
        render_part(part, np.random.default_rng([_NEW_PHOTOS_SEED, index]), place=place).save(path, quality=90)
        paths.append(path)
    return paths
