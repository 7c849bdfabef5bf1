"""Tests the shipped file itself on photos, through the code that the board runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import Classifier
from graft_device.errors import DatasetError, PhotoError
from graft_device.model import ModelCard, read_model, without_checksum
from graft_device.runtime import threads_to_use
from graft_device.trial.trial import try_without_checksum
from graft_host.evaluation.accuracy import FEW_TEST_PHOTOS, Estimate
from graft_host.evaluation.against import Against
from graft_host.evaluation.kept_aside import photos_to_test, recorded_split
from graft_host.evaluation.refusals import Refusals, refusals
from graft_host.photos.dataset import NO_CLASS, Dataset, Photo, scan
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.layout import is_unknown
from graft_host.support.notebook import html_line, html_table
from graft_host.support.progress import Progress
from graft_host.support.reporter import Reporter, note_skipped

_MAX_CONFUSION_CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model's scores for photos whose class is known.

    Attributes:
        labels: the labels of the model, in the order of its output.
        truth: index of each photo's class, ``[N]``.
        scores: probabilities, ``[N,K]``.
        failures: files that could not be used, path to reason.
        paths: the photos' files, N of them in the order of ``truth``.
        unknown_below: photos whose best score is less than this are called unknown; 0 for a model without a threshold.
        negatives: what the model says of photos of none of the classes; None if there were none.
        comparison: with an older model; None if none was asked for.
    """

    labels: tuple[str, ...]
    truth: NDArray[np.int64] = field(repr=False)
    scores: NDArray[np.float32] = field(repr=False)
    failures: dict[Path, str]
    paths: tuple[Path, ...] = field(repr=False)
    unknown_below: float = 0.0
    negatives: Refusals | None = None
    comparison: Against | None = None

    @property
    def refused(self) -> NDArray[np.bool_]:
        """Which photos are called unknown, ``[N]``."""
        refused: NDArray[np.bool_] = self.scores.max(axis=1) < self.unknown_below
        return refused

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Index of the best class of each photo, ``[N]``."""
        predicted: NDArray[np.int64] = np.argmax(self.scores, axis=1)
        return predicted

    @property
    def accuracy(self) -> float:
        """The share of photos that are classified correctly."""
        return float(np.mean(self.predicted == self.truth))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Photo counts ``[K,K]``: rows are the true classes, columns the predicted ones."""
        counts = np.zeros((len(self.labels), len(self.labels)), np.int64)
        np.add.at(counts, (self.truth, self.predicted), 1)
        return counts

    def per_class(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support by label; a figure without photos is 0."""
        confusion = self.confusion
        figures = {}
        for index, label in enumerate(self.labels):
            hits, predicted, support = (
                int(n) for n in (confusion[index, index], confusion[:, index].sum(), confusion[index].sum())
            )
            figures[label] = {
                "precision": hits / predicted if predicted else 0.0,
                "recall": hits / support if support else 0.0,
                "f1": 2 * hits / (predicted + support) if predicted + support else 0.0,
                "support": support,
            }
        return figures

    def figures(self) -> dict[str, Any]:
        """The figures that every test of a model reports; a photo counts for its best label, refused or not."""
        figures: dict[str, Any] = {"per_class": self.per_class(), "confusion": self.confusion.tolist()}
        if self.negatives is not None:
            figures["negatives"] = self.negatives.to_json()
        if not self.unknown_below:
            return figures
        return {**figures, "unknown": {"below": self.unknown_below, "refused": int(self.refused.sum())}}

    def to_json(self) -> dict[str, Any]:
        """The figures as ``graft evaluate --json`` prints them."""
        figures = {
            "accuracy": self.accuracy,
            "photos": len(self.truth),
            **self.figures(),
            "labels": list(self.labels),
            "skipped": [{"path": os.fsdecode(path), "reason": reason} for path, reason in self.failures.items()],
        }
        return figures if self.comparison is None else {**figures, "comparison": self.comparison.to_json()}

    def _repr_html_(self) -> str:
        """The figures as a notebook shows them."""
        rows = [
            [label, *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1")), int(row["support"])]
            for label, row in self.per_class().items()
        ]
        shown = html_line(f"accuracy {self.accuracy:.4f} on {len(self.truth)} photos")
        if self.negatives is not None:
            shown += html_line(f"unknown photos: {self.negatives.text()} refused")
        shown += html_table(["class", "precision", "recall", "f1", "photos"], rows)
        if len(self.labels) > _MAX_CONFUSION_CLASSES:
            return shown
        counts = zip(self.labels, self.confusion.tolist(), strict=True)
        return shown + html_table(["truth \\ predicted", *self.labels], [[label, *row] for label, row in counts])


def evaluate(
    model: Path, photos: Sequence[Photo], labels: Sequence[str], threads: int, progress: Progress
) -> Evaluation:
    """Classifies photos with a model, on each thread one at a time.

    Args:
        model: the ``.tflite`` file.
        photos: the photos; their ``label`` is an index into ``labels``, or ``NO_CLASS``.
        labels: names of classes, all of them known to the model.
        threads: photos at a time; each thread has an interpreter of its own.
        progress: called with the number of photos done and the number of photos.

    Raises:
        DatasetError: a class is unknown to the model, or no photo can be read.
        ModelError: the file cannot be used.
    """
    contents = read_model(model)
    known = contents.labels
    places = _places(known, labels, model)
    local, lock = threading.local(), threading.Lock()
    done = 0

    def classify(photo: Photo) -> NDArray[np.float32] | str:
        nonlocal done
        if not hasattr(local, "classifier"):
            local.classifier = Classifier(model, threads=1)
        try:
            scores: NDArray[np.float32] | str = local.classifier.classify_scores(photo.path)
        except PhotoError as error:
            scores = str(error)
        with lock:
            done += 1
            progress(done, len(photos))
        return scores

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(classify, photos))
    usable = [(photo, scores) for photo, scores in zip(photos, results, strict=True) if not isinstance(scores, str)]
    pairs = [(photo, scores) for photo, scores in usable if photo.label != NO_CLASS]
    others, below = [scores for photo, scores in usable if photo.label == NO_CLASS], contents.card.unknown_below
    failures = {photo.path: error for photo, error in zip(photos, results, strict=True) if isinstance(error, str)}
    if not pairs:
        raise DatasetError("there is no readable photo to test the model on")
    truth = np.array([places[photo.label] for photo, _ in pairs], np.int64)
    paths = tuple(photo.path for photo, _ in pairs)
    return Evaluation(
        labels=known,
        truth=truth,
        scores=np.stack([scores for _, scores in pairs]),
        failures=failures,
        paths=paths,
        unknown_below=below,
        negatives=refusals(np.stack(others), known, below) if others else None,
    )


def _places(known: Sequence[str], labels: Sequence[str], model: Path) -> list[int]:
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise DatasetError(
            f"{model} has no label {', '.join(map(repr, unknown))}, only {', '.join(known)}",
            "rename the folders or remove them",
        )
    return [list(known).index(label) for label in labels]


def evaluate_folder(
    model: Path, folder: Path | PhotoPlaces, part: str, threads: int | None, reporter: Reporter
) -> Evaluation:
    """Tests a model on a folder of photos.

    Args:
        model: the ``.tflite`` file.
        folder: a folder of photos for each class, or several and lists of labels; the classes are some or all of the
            model's labels. Photos of a folder ``unknown`` are of none of them, unless the model has this label.
        part: ``test`` for the photos that training kept aside, and newer ones that its split makes test photos (see
            ``photos_to_test``); ``all`` for every photo.
        threads: photos at a time; None for the number of usable cores.
        reporter: receives progress, and notes about skipped photos.

    Raises:
        DatasetError: there is no photo to test on, or the model does not have the label of a class.
        ModelError: the file cannot be used.
    """
    return evaluate_photos(
        model, photos_for(model, folder, part, threads, reporter), part, threads_to_use(threads), reporter
    )


@dataclass(frozen=True)
class PhotosToTest:
    """The photos that a model is tested on.

    Attributes:
        dataset: all photos of the folder.
        photos: those to test on.
        card: of the model.
    """

    dataset: Dataset
    photos: Sequence[Photo]
    card: ModelCard


def photos_for(
    model: Path, folder: Path | PhotoPlaces, part: str, threads: int | None, reporter: Reporter
) -> PhotosToTest:
    """Tries a model, and finds the photos to test it on; arguments and errors are those of ``evaluate_folder``."""
    known = try_without_checksum(model)
    if (line := without_checksum(known)) is not None:
        reporter.note(line)
    card = known.card
    workers = threads_to_use(threads)
    places = folder if isinstance(folder, PhotoPlaces) else PhotoPlaces(root=folder)
    if places.unknown is None and not any(map(is_unknown, known.labels)):
        places = replace(places, unknown=())
    dataset = scan(places, workers, min_classes=1)
    photos: Sequence[Photo] = dataset.everything
    if part == "test":
        photos = photos_to_test(dataset, recorded_split(card, model), workers, reporter)
        if all(photo.label == NO_CLASS for photo in photos):
            raise DatasetError(f"none of the photos in {dataset.root} is a test photo of {model}", "give --split all")
    return PhotosToTest(dataset, photos, card)


def evaluate_photos(model: Path, tests: PhotosToTest, part: str, workers: int, reporter: Reporter) -> Evaluation:
    """Tests a model on photos that were chosen for it; see ``evaluate_folder``."""
    dataset, photos, card = tests.dataset, tests.photos, tests.card
    with reporter.progress("testing the file") as progress:
        result = evaluate(model, photos, dataset.labels, workers, progress)
    tested = len(result.truth)
    if part == "test" and tested < FEW_TEST_PHOTOS and (estimate := Estimate.read(card.training.get("accuracy"))):
        few = "1 test photo is" if tested == 1 else f"{tested} test photos are"
        reporter.note(
            f"note: {few} too few to judge by; in training, the accuracy was cross-validated: {estimate.text()}"
        )
    failures = {**{skip.path: skip.reason for skip in dataset.skipped}, **result.failures}
    note_skipped(failures.items(), reporter, ": --json lists them")
    return replace(result, failures=failures)
