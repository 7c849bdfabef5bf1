"""Prints two tables about data sets of 5 to 20 photos per class; run ``python -m benchmarks.few_photos``.

*Before* is a split by the rule alone, which refuses a data set if a class has no photo to train on or to test on, and
states the accuracy on the test photos. *After* is what ``graft train`` does. The true accuracy is that of the same head
on all other photos of the pool. The draw of number N has the seed N.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.few_photos.pools import Pool, drawn, make_photos, make_pool
from graft_device.errors import DatasetError
from graft_host.heads.head import Head, train_head
from graft_host.heads.held_out import VARIANCE, Rows, held_out_predictions
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.split import Split, split
from graft_host.photos.split_rule import SplitRule
from graft_host.support.intervals import wilson_interval

_SHARED = Path(__file__).parents[3] / "shared"
_WEIGHTS = _SHARED / "weights" / "inception_v3_2015_mixed8_notop.h5"
_PHOTOS = _SHARED / "datasets" / "cats_and_dogs"
_NETWORKS = {"real": (str(_WEIGHTS), "mixed7", 150), "random": ("random", "mixed0", 75)}
"""Weights, tap and image size: an easy task, and a hard one."""

_HEADER = (
    "photos a class", "", "data sets", "true accuracy, mean", "stated minus true, mean", "mean distance", "worst of 20",
    "in the 95% interval", "width of the interval",
)  # fmt: skip
_PHOTO_COUNTS, _CLASS_COUNTS = (5, 10, 20), (2, 3, 4, 5)


@dataclass(frozen=True)
class Stated:
    """An accuracy that a run states, with its interval, and the true one."""

    accuracy: float
    low: float
    high: float
    truth: float


Result = tuple[int, Stated | None, Stated]
"""Photos of each class; what was stated before, if the data set was not refused, and after."""


def by_rule_alone(dataset: Dataset, rule: SplitRule) -> Split | None:
    """The split as it was before stand-ins; None for a data set that was refused."""
    parts: dict[str, list[Photo]] = {"train": [], "validation": [], "test": []}
    for photo in sorted(dataset.photos, key=lambda photo: (photo.digest, photo.label)):
        parts[rule.part(photo.place)].append(photo)
    if any({photo.label for photo in parts[name]} != set(range(len(dataset.labels))) for name in ("train", "test")):
        return None
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))


def by_library(dataset: Dataset, rule: SplitRule) -> Split | None:
    """The split of ``graft train``; None for a data set that it refuses."""
    try:
        return split(dataset, rule)
    except DatasetError:
        return None


def refusals(pool: Pool, draws: int) -> list[str]:
    """A row for each number of photos and classes: the share of data sets refused before and after."""
    rows = ["| photos a class | classes | refused before | refused after |", "| --- | --- | --- | --- |"]
    for photos in _PHOTO_COUNTS:
        for classes in _CLASS_COUNTS:
            refused = [0, 0]
            for seed in range(draws):
                few, _ = drawn(pool, classes, photos, np.random.default_rng(seed))
                for place, divide in enumerate((by_rule_alone, by_library)):
                    refused[place] += divide(few, SplitRule(seed)) is None
            shares = " | ".join(f"{count / draws:.0%} ({count})" for count in refused)
            rows.append(f"| {photos} | {classes} | {shares} |")
    return rows


class Draw:
    """A data set of few photos, drawn from a pool."""

    def __init__(self, pool: Pool, seed: int) -> None:
        """Draws 2 to 5 classes and 5 to 20 photos of each."""
        rng = np.random.default_rng(seed)
        self.photos, self.classes = int(rng.integers(5, 21)), int(rng.integers(2, 6))
        self._places = {photo.digest: place for place, photo in enumerate(pool.dataset.photos)}
        self._pool, self._seed = pool, seed
        self.few, self.others = drawn(pool, self.classes, self.photos, rng)

    def before(self) -> Stated | None:
        """The accuracy on the test photos of the rule alone; None if the data set was refused."""
        parts = by_rule_alone(self.few, SplitRule(self._seed))
        if parts is None:
            return None
        head = self._head(parts)
        hits, photos = self._hits(head, parts.test)
        return Stated(hits / photos, *wilson_interval(hits, photos), self._truth(head))

    def after(self) -> Stated:
        """The cross-validated accuracy."""
        parts = split(self.few, SplitRule(self._seed))
        photos = [*parts.train, *parts.validation, *parts.test]
        bottlenecks, labels = self._rows(photos)
        count = len(photos)
        groups = np.unique([photo.place for photo in photos], return_inverse=True)[1].astype(np.int64)
        validates = np.zeros(count, bool)
        validates[len(parts.train) : len(parts.train) + len(parts.validation)] = True
        rows = Rows(bottlenecks=bottlenecks, labels=labels, photos=np.arange(count), groups=groups, validates=validates)
        hits = int((held_out_predictions(rows, self.classes, Recipe(seed=self._seed)) == labels).sum())
        interval = wilson_interval(hits / VARIANCE, count / VARIANCE)
        return Stated(hits / count, *interval, self._truth(self._head(parts)))

    def _head(self, parts: Split) -> Head:
        recipe = Recipe(seed=self._seed)
        return train_head(self._rows(parts.train), self._rows(parts.validation), self.classes, recipe)

    def _rows(self, photos: Sequence[Photo]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        places = [self._places[photo.digest] for photo in photos]
        return self._pool.bottlenecks[places], np.array([photo.label for photo in photos], np.int64)

    def _hits(self, head: Head, photos: Sequence[Photo]) -> tuple[int, int]:
        bottlenecks, labels = self._rows(photos)
        return int((head.predict(bottlenecks) == labels).sum()), len(labels)

    def _truth(self, head: Head) -> float:
        hits, photos = self._hits(head, self.others.photos)
        return hits / photos


def measured(pool: Pool, seeds: Iterable[int], kept: Path) -> list[Result]:
    """Measures draws; those that an interrupted or another run has kept in a file are not measured again.

    Args:
        pool: to draw from.
        seeds: of the draws.
        kept: a file with a line for each draw.
    """
    done = {seed: (photos, before, after) for seed, photos, before, after in map(json.loads, _lines(kept))}
    for seed in seeds:
        if seed not in done:
            draw = Draw(pool, seed)
            before = draw.before()
            done[seed] = (draw.photos, None if before is None else astuple(before), astuple(draw.after()))
            with kept.open("a") as file:
                file.write(json.dumps([seed, *done[seed]]) + "\n")
    return [
        (photos, None if before is None else Stated(*before), Stated(*after))
        for photos, before, after in (done[seed] for seed in seeds)
    ]


def _lines(kept: Path) -> list[str]:
    return kept.read_text().splitlines() if kept.is_file() else []


def accuracies(results: Sequence[Result]) -> list[str]:
    """A row before and after for each range of photos per class: how far the stated accuracy is from the true one."""
    rows = [f"| {' | '.join(_HEADER)} |", "| --- " * len(_HEADER) + "|"]
    for low, high in ((5, 9), (10, 14), (15, 20), (5, 20)):
        chosen = [(before, after) for photos, before, after in results if low <= photos <= high]
        rows.append(_row(f"{low} to {high}", "before", (before for before, _ in chosen if before is not None)))
        rows.append(_row("", "after", (after for _, after in chosen)))
    return rows


def _row(photos: str, when: str, stated: Iterable[Stated]) -> str:
    results = list(stated)
    if not results:
        return f"| {photos} | {when} | 0 |" + " |" * 6
    errors = np.array([result.accuracy - result.truth for result in results])
    covered = np.mean([result.low <= result.truth <= result.high for result in results])
    width = np.mean([result.high - result.low for result in results])
    truth = np.mean([result.truth for result in results])
    cells = [
        photos, when, str(len(results)), f"{truth:.1%}", f"{100 * errors.mean():+.1f}",
        f"{100 * np.abs(errors).mean():.1f}", f"{100 * np.quantile(np.abs(errors), 0.95):.1f}", f"{covered:.1%}",
        f"{100 * width:.1f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _part(text: str) -> tuple[int, None, int]:
    """The start and step of a part of the seeds, such as ``0/2``."""
    start, _, step = text.partition("/")
    return int(start), None, int(step)


def main() -> None:
    """Prints the tables as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few_photos", description=__doc__)
    parser.add_argument("--draws", type=int, default=400, help="data sets of each table and row (default: 400)")
    parser.add_argument("--weights", choices=["real", "random"], help="only these weights (default: both)")
    parser.add_argument("--part", type=_part, default=(0, None, 1), help="0/2 and 1/2: halves, for two processes")
    parser.add_argument("--folder", type=Path, default=Path("build/few_photos"), help="for photos and the cache")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    photos = make_photos(options.folder / "photos", _PHOTOS)
    with threadpool_limits(1):
        for kind, (weights, tap, size) in _NETWORKS.items():
            if options.weights not in {None, kind}:
                continue
            pool = make_pool(photos, weights, tap, size, options.folder / "cache")
            sizes = ", ".join(pool.dataset.labels)
            if kind == "real" and options.part[2] == 1:
                sys.stdout.write(f"{options.draws} draws a row, seeds 0 to {options.draws - 1}, from {sizes}\n\n")
                sys.stdout.write("\n".join(refusals(pool, options.draws)) + "\n\n")
            title = f"{kind} weights, {tap} at {size}"
            sys.stdout.write(f"{title}: {options.draws} draws, seeds 0 to {options.draws - 1}\n\n")
            seeds = range(options.draws)[slice(*options.part)]
            results = measured(pool, seeds, options.folder / f"{kind}.jsonl")
            sys.stdout.write("\n".join(accuracies(results)) + "\n\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
