"""Prints what a board learns from 1, 5, 10 and 20 photos of a new class; run ``python -m benchmarks.learning FOLDER``.

For each task a model of the known classes is trained. ``graft-device learn`` then makes a file from it, for each number
of photos and each of five draws of them, and the file is run on photos that neither saw. *Workstation* is a head that
``graft train`` makes from all photos, with classes counted as they come (the first figure) and alike. Figures are in
percent: the mean of the draws, and the standard deviation of the accuracy.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.learning.photos import Set, divided, sets
from graft_device.classifier import Classifier
from graft_device.learning.learn import learn
from graft_device.learning.photos import Opened
from graft_device.learning.pieces import take_apart
from graft_device.learning.request import Request
from graft_device.learning.result import LearnResult
from graft_device.model import read_checked
from graft_device.preprocess import preprocess
from graft_device.runtime import RUNTIMES
from graft_device.store.slots import Store
from graft_host.heads.head import train_head
from graft_host.heads.recipe import Recipe
from graft_host.library import train

_SHARED = Path(__file__).parents[3] / "shared"
_COUNTS, _DRAWS = (1, 5, 10, 20), 5
_COMPARED = 90

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Tested:
    """What a file does on photos that it has not seen, as shares.

    Attributes:
        accuracy: of all photos.
        old: of those of the old classes.
        new: of those of the new class.
        old_refused: of the old classes' photos.
        new_refused: of the new class's.
        strangers_refused: of things of no class.
    """

    accuracy: float
    old: float
    new: float
    old_refused: float
    new_refused: float
    strangers_refused: float


def tested(model: Path, task: Set) -> Tested:
    """Runs a file on the test photos; a photo's best label counts even if the photo is refused."""
    classifier = Classifier(model)
    answers = [
        [classifier.classify(photo, top_k=1) for photo in divided(folder).tested] for folder in (*task.old, task.new)
    ]
    strangers = [classifier.classify(photo) for folder in task.strangers for photo in divided(folder).tested]
    right = [
        [answer[0].label == label for answer in own] for own, label in zip(answers, task.labels, strict=True)
    ]  # fmt: skip
    refused = [[answer.unknown for answer in own] for own in answers]
    return Tested(
        float(np.mean(right)), float(np.mean(right[:-1])), float(np.mean(right[-1])),
        float(np.mean(refused[:-1])), float(np.mean(refused[-1])),
        float(np.mean([answer.unknown for answer in strangers])),
    )  # fmt: skip


def known_model(task: Set, folder: Path) -> Path:
    """Trains the model of the known classes on links to their photos."""
    photos, model = folder / task.name.replace(" ", "-"), folder / f"{task.name.replace(' ', '-')}.tflite"
    for own in task.old:
        (photos / own.name).mkdir(parents=True, exist_ok=True)
        for path in divided(own).known:
            with contextlib.suppress(FileExistsError):
                os.link(path, photos / own.name / path.name)
    train(photos, model, backbone="efficientnet-lite0", tap="top", cache=folder / "cache", overwrite=True, threads=1)
    return model


def bottlenecks(model: Path, folder: Path, photos: Sequence[Path]) -> Array:
    """The bottlenecks of photos, as the model's network computes them."""
    read = read_checked(model)
    pieces = take_apart(read)
    options = Request(model, "", True, (), model, 1.0, None, Store(folder), threads=1)
    opened = Opened(read, pieces.network, pieces.shape, folder, options)
    return np.stack([opened(preprocess(photo, read.card.image_size, read.card.resize)) for photo in photos])


class Workstation:
    """Heads that the workstation trains on the photos that a board has."""

    def __init__(self, task: Set, model: Path, folder: Path) -> None:
        """Computes the bottlenecks of all photos."""
        folders = (*task.old, task.new)
        self._known = [bottlenecks(model, folder, divided(own).known) for own in folders]
        self._tests = np.concatenate([bottlenecks(model, folder, divided(own).tested) for own in folders])
        self._truth = np.repeat(np.arange(len(folders)), [len(divided(own).tested) for own in folders])

    def accuracy(self, drawn: NDArray[np.int64], *, balanced: bool) -> float:
        """The accuracy of a head on old photos and the drawn ones of the new class."""
        rows = [*self._known[:-1], self._known[-1][drawn]]
        labels = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
        nothing = np.zeros((0, rows[0].shape[1]), np.float32), np.zeros(0, np.int64)
        recipe = Recipe(class_weight="balanced" if balanced else "none")
        with threadpool_limits(1):
            head = train_head((np.concatenate(rows), labels), nothing, len(rows), recipe)
        return float((head.predict(self._tests) == self._truth).mean())


def agreement(task: Set, model: Path, old: Path, folder: Path) -> str:
    """On how many photos both runtimes name the class that the float head of the file's numbers names."""
    photos = [photo for own in (*task.old, task.new) for photo in divided(own).tested]
    photos = [photos[place] for place in np.random.default_rng(1).permutation(len(photos))[:_COMPARED]]
    head = take_apart(read_checked(model)).old
    logits = bottlenecks(old, folder, photos) @ head.kernel + head.bias
    cells = []
    for runtime in RUNTIMES:
        found = [Classifier(model, runtime).classify_scores(photo).argmax() for photo in photos]
        cells.append(f"{runtime} {int((np.array(found) == logits.argmax(axis=1)).sum())} of {len(photos)}")
    return ", ".join(cells)


def row(task: Set, count: int, results: Sequence[Tested], learned: Sequence[LearnResult], others: Array) -> str:
    """A line of the table."""
    figures = np.array([list(vars(result).values()) for result in results])
    mean = 100 * figures.mean(axis=0)
    head = np.mean([result.seconds["head"] for result in learned])
    cells = [
        task.name, str(count), f"{mean[0]:.1f} ± {100 * figures[:, 0].std():.1f}",
        *(f"{value:.1f}" for value in mean[1:]),
        " / ".join(f"{100 * value:.1f}" for value in others.mean(axis=0)), f"{head:.2f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Prints the table as Markdown, a line as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("folder", type=Path, help="for rendered photos, models and the cache")
    parser.add_argument("--pets", type=Path, default=_SHARED / "datasets" / "cats_and_dogs")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    names = (
        "task", "photos", "accuracy", "old", "new", "old refused", "new refused", "strangers refused", "workstation",
        "seconds",
    )  # fmt: skip
    _say(f"| {' | '.join(names)} |\n| --- |{' --: |' * (len(names) - 1)}")
    for task in sets(folder, options.pets):
        model, pool = known_model(task, folder), divided(task.new).known
        before, workstation = tested(model, task), Workstation(task, model, folder)
        _say(
            f"| {task.name} | 0 | | {100 * before.old:.1f} | | {100 * before.old_refused:.1f} | "
            f"{100 * before.new_refused:.1f} | {100 * before.strangers_refused:.1f} | | |"
        )
        for count in _COUNTS:
            results, learned, others = [], [], []
            for seed in range(_DRAWS):
                drawn = np.random.default_rng(seed).permutation(len(pool))[:count]
                names_of = tuple(str(pool[place]) for place in drawn)
                output = folder / "learned.tflite"
                request = Request(
                    model, task.new.name, True, names_of, output, 1.0, None, Store(folder / "store"), True, threads=1
                )  # fmt: skip
                with threadpool_limits(1):
                    learned.append(learn(request, lambda _: None))
                results.append(tested(output, task))
                others.append([workstation.accuracy(drawn, balanced=balanced) for balanced in (False, True)])
            _say(row(task, count, results, learned, np.array(others, np.float32)))
        _say(f"\n{task.name}: {agreement(task, output, model, folder)}\n")


if __name__ == "__main__":
    main()
