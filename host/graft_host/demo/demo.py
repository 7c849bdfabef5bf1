"""Runs everything once on rendered photos: training, export, report, and classification on the device side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.classifier import Answer, Classifier
from graft_device.runtime import threads_to_use
from graft_host.backbones.readouts import SINGLE
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import check_tap, find_weights
from graft_host.demo.network import Choice, choose
from graft_host.demo.photos import PHOTOS_PER_CLASS, Folders, render_new_photos, render_photos
from graft_host.demo.rendering.render import PARTS
from graft_host.support.reporter import Reporter
from graft_host.support.sentence import listed
from graft_host.training.options import TrainOptions
from graft_host.training.pipeline import train
from graft_host.training.result import TrainResult


@dataclass(frozen=True)
class NewPhoto:
    """A photo that the training did not use, and the device side's answer.

    Attributes:
        path: of the photo.
        truth: the part that it shows; None if it shows none.
        answer: of the model.
    """

    path: Path
    truth: str | None
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        """The file, the label that the board gives (``unknown`` for a refused photo), and the best label's score."""
        return {"file": str(self.path), "said": self.answer.label, "score": self.answer[0].score}


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """The result of the demo.

    Attributes:
        training: the result of the training run.
        choice: the network that it trained with.
        folders: the files that it wrote.
        new: new photos, one of each part.
        unknown: a photo of an object that is none of the parts.
    """

    training: TrainResult
    choice: Choice
    folders: Folders
    new: list[NewPhoto]
    unknown: NewPhoto

    def to_json(self) -> dict[str, Any]:
        """The figures of the training run, the report, and the answers."""
        answers = [
            {
                "image": str(photo.path),
                "label": photo.answer.label,
                "score": photo.answer[0].score,
                "unknown": photo.answer.unknown,
            }
            for photo in self.new
        ]
        return {
            **self.training.to_json(),
            "backbone": self.choice.backbone,
            "report": str(self.folders.report),
            "new": [{**photo.to_json(), "truth": photo.truth} for photo in self.new],
            "stranger": self.unknown.to_json(),
            "answers": answers,
        }


def options(choice: Choice, folders: Folders, cache: Path | None) -> TrainOptions:
    """The options of the training run.

    Args:
        choice: the network.
        folders: of the photos, the model and the report.
        cache: the option of ``graft train``.
    """
    return TrainOptions(
        photos=folders.photos,
        output=folders.model,
        weights=choice.weights,
        backbone=choice.backbone,
        tap=choice.tap,
        readout=SINGLE,
        image_size=choice.image_size,
        cache=cache,
        overwrite=True,
        report=folders.report,
    )


def run_demo(
    folder: Path, weights: str | None, backbone: str | None, cache: Path | None, reporter: Reporter
) -> DemoResult:
    """Renders photos of hardware parts, trains, exports, reports, and classifies with the device side.

    Args:
        folder: where photos, model and report are written; those of an earlier demo are replaced.
        weights: the option of ``graft train``; None for the best that are available.
        backbone: the option of ``graft train``; None for the family of the best weights that are available.
        cache: the option of ``graft train``.
        reporter: receives progress and notes.

    Raises:
        GraftError: for the same reasons as in ``graft train``, or because the folder holds files of others.
    """
    choice = choose(weights, backbone, reporter)
    _check_weights(choice, reporter)  # before the photos of an earlier demo are removed
    folders = Folders(folder)
    folders.prepare()
    where, parts = "each on another bench", listed([f"{part}s" for part in PARTS])
    if choice.place is not None:
        where = "all on one bench, because random weights can do no more"
    reporter.note(f"rendering {len(PARTS) * PHOTOS_PER_CLASS} photos of {parts}, {where}, into {folders.photos}")
    with reporter.progress("rendering") as progress:
        render_photos(folders, choice.place, threads_to_use(None), progress)
        photos = render_new_photos(folders, choice.place)
    training = train(options(choice, folders, cache), reporter)
    classifier = Classifier(folders.model)
    new = [NewPhoto(path, truth, classifier.classify(path, top_k=1)) for path, truth in photos]
    return DemoResult(training=training, choice=choice, folders=folders, new=new[:-1], unknown=new[-1])


def _check_weights(choice: Choice, reporter: Reporter) -> None:
    """Raises a GraftError unless the weights are available and reach the tap."""
    known = family(choice.backbone)
    check_tap(find_weights(choice.weights, family=known, reporter=reporter), choice.tap or known.default_tap)
