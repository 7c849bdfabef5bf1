"""Runs the demo's steps with one seed of the renderer, and classifies photos that the training did not use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graft_device.classifier import Classifier
from graft_host.demo.demo import options
from graft_host.demo.network import Choice
from graft_host.demo.photos import PHOTO_SIZE, Folders, render_photos
from graft_host.demo.rendering.render import PARTS, UNKNOWN_OBJECTS, render_alone
from graft_host.support.parallel import map_parallel
from graft_host.support.reporter import Reporter
from graft_host.training.pipeline import train

_NEW = 1
"""The first number of the seeds of new photos, as in the demo. The photos to train on have other seeds."""


@dataclass(frozen=True)
class Answer:
    """The answer for a photo.

    Attributes:
        truth: the part or the unknown object that the photo shows.
        label: what a board says: a part, or ``unknown``.
        score: of the best label.
    """

    truth: str
    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """The demo with one seed.

    Attributes:
        seed: of the renderer.
        tested: how many test photos there were.
        wrong: the test photos whose best label is wrong, by their file in the folder of photos.
        new: the answers for photos that the training did not use.
        seconds: from the first rendered photo to the tested model.
    """

    seed: int
    tested: int
    wrong: dict[str, Answer]
    new: tuple[Answer, ...]
    seconds: float

    @property
    def accuracy(self) -> float:
        """The share of the test photos that the model names rightly."""
        return 1 - len(self.wrong) / self.tested


def run(seed: int, choice: Choice, per_class: int, new: int, folder: Path, threads: int, reporter: Reporter) -> Run:
    """Renders, trains and classifies with one seed.

    Args:
        seed: of the renderer.
        choice: what to train with.
        per_class: photos of each part to train and to test on.
        new: photos to render of each part and of each unknown object that the training does not use.
        folder: for the photos, the model and the cache.
        threads: photos to render at a time.
        reporter: receives progress and notes.
    """
    start = time.monotonic()
    folders = Folders(folder / f"seed-{seed}")
    folders.prepare()
    with reporter.progress("rendering") as progress:
        render_photos(folders, choice.place, threads, progress, seed, per_class)
    evaluation = train(options(choice, folders, folder / "cache"), reporter).evaluation
    seconds = time.monotonic() - start
    wrong = {
        path.relative_to(folders.photos).as_posix(): Answer(
            evaluation.labels[truth], evaluation.labels[named], float(scores.max())
        )
        for path, truth, named, scores in zip(
            evaluation.paths, evaluation.truth, evaluation.predicted, evaluation.scores, strict=True
        )
        if truth != named
    }
    answers = _new(seed, choice.place, new, folders, threads)
    return Run(seed=seed, tested=len(evaluation.truth), wrong=wrong, new=tuple(answers), seconds=seconds)


def _new(seed: int, place: int | None, count: int, folders: Folders, threads: int) -> list[Answer]:
    """Renders photos as the demo does its new ones, and classifies them."""
    shown = (*PARTS, *UNKNOWN_OBJECTS)
    classifier = Classifier(folders.model, threads=1)

    def render(which: tuple[int, int]) -> tuple[Path, str]:
        index, number = which
        path = folders.new / f"{shown[index]}-{number:04d}.jpg"
        # A last 0 would be ignored: numbers begin at 1, so that no photo is one of those to train on.
        rng = np.random.default_rng([_NEW, index, seed, number])
        render_alone(shown[index], rng, PHOTO_SIZE, place).save(path, quality=90)
        return path, shown[index]

    wanted = [(index, number) for index in range(len(shown)) for number in range(1, count + 1)]
    answers = []
    for path, truth in map_parallel(render, wanted, threads):
        answer = classifier.classify(path, top_k=1)
        answers.append(Answer(truth, answer.label, answer[0].score))
    return answers
