"""The ways to learn from source and target photos: each gives a head, trained by graftkit's functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.samples.others import coral, mean_shift
from benchmarks.samples.photos import Draw
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.heads.finished import finish_head
from graft_host.heads.head import Head, train_head
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import Photo
from graft_host.photos.matching import Statistics
from graft_host.photos.renditions import ORIGINAL, Rendition, renditions
from graft_host.samples.options import DENSITY, EQUAL, SampleOptions
from graft_host.samples.prior import Prior
from graft_host.samples.rows import join_rows
from graft_host.samples.sources import Source, Sources
from graft_host.training.material import group_numbers

_COMMON = 0.85  # share of one of two classes at the place

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the heads of one run are trained on and tested with.

    Attributes:
        draw: the photos.
        bottlenecks: of all photos.
        place: the statistics of the target's unlabelled photos.
        classes: number of classes.
        seed: of the run.
        threads: folds at a time.
    """

    draw: Draw
    bottlenecks: Bottlenecks
    place: Statistics
    classes: int
    seed: int
    threads: int

    def accuracy(self, head: Head) -> float:
        """The balanced accuracy on the test photos: the mean of the classes' recalls."""
        features, truth = self.bottlenecks.matrix(self.draw.tests)
        right = head.predict(features) == truth
        return float(np.mean([right[truth == label].mean() for label in range(self.classes)]))

    def alone(self, photos: list[Photo], shown: tuple[Rendition, ...] = ORIGINAL) -> Head:
        """A head that is trained on photos of one domain."""
        groups = np.tile(group_numbers(photos), len(shown))
        return self._head(self.bottlenecks.matrix(photos, shown), groups, None)

    def together(
        self, weight: str | float, shown: tuple[Rendition, ...] = ORIGINAL,
        moved: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]] | None = None,
    ) -> Head:  # fmt: skip
        """A head that is trained on source and target as ``graft train --source`` does.

        Args:
            weight: as of ``--source-weight``.
            shown: what is trained on of each source photo.
            moved: changes the source's bottlenecks, given those and the target's; None to leave them.
        """
        sources = Sources((Source(root=Path(), photos=tuple(self.draw.sources)),))
        target = self.bottlenecks.matrix(self.draw.targets)
        features, labels = self.bottlenecks.matrix(sources.photos, shown)
        features = features if moved is None else moved(features, target[0])
        options = SampleOptions(source=(Path(),), source_weight=weight, camera_copies=0)
        joined = join_rows(
            target, group_numbers(self.draw.targets), (features, labels), sources, options, self.seed, self.threads,
            target_rows=1,
        )  # fmt: skip
        return self._head(joined.train, joined.groups, joined.weights)

    def at_prior(self) -> tuple[float, float]:
        """The accuracy at a place with 85% of one class, without and with ``--prior``: the mean over the two classes.

        The head is trained on source photos, their camera copies and target photos, with the same weight of both
        classes, and has a temperature as ``graft train`` sets it.
        """
        sources = Sources((Source(root=Path(), photos=tuple(self.draw.sources)),))
        shown = renditions(camera_copies=1, seed=self.seed)
        joined = join_rows(
            self.bottlenecks.matrix(self.draw.targets), group_numbers(self.draw.targets),
            self.bottlenecks.matrix(sources.photos, shown), sources, SampleOptions(source=(Path(),)), self.seed,
            self.threads, target_rows=1,
        )  # fmt: skip
        head = self._head(joined.train, joined.groups, joined.weights)
        none = joined.train[0][:0], joined.train[1][:0]
        features, truth = self.bottlenecks.matrix(self.draw.tests)
        shares = []
        for common in range(self.classes):
            there = np.full(self.classes, (1 - _COMMON) / (self.classes - 1))
            there[common] = _COMMON
            prior = Prior(labels=("a", "b"), shares=there, trained=np.full(self.classes, 1 / self.classes))
            for shift in (None, prior.shift):
                finished = finish_head(
                    head, joined.train, none, Recipe(seed=self.seed), joined.groups, 0, self.threads,
                    weights=joined.weights, shift=shift,
                )  # fmt: skip
                shares.append(prior.accuracy(truth, finished.head.predict(features) == truth))
        return float(np.mean(shares[::2])), float(np.mean(shares[1::2]))

    def _head(self, train: Labelled, groups: NDArray[np.int64], weights: NDArray[np.float64] | None) -> Head:
        none = train[0][:0], train[1][:0]
        recipe = Recipe(seed=self.seed)
        return train_head(train, none, self.classes, recipe, groups, self.threads, weights=weights)


def wanted(run_seed: int, place: Statistics | None = None) -> tuple[Rendition, ...]:
    """All renditions of source photos that a method uses."""
    return renditions(camera_copies=1, place=place, seed=run_seed)


Method = Callable[[Run], Head]

PLAIN = ("source alone", "target alone", "pooled")
"""The methods that need no weights and no copies; the best of them is what the others are compared with."""

METHODS: dict[str, Method] = {
    "source alone": lambda run: run.alone(run.draw.sources),
    "target alone": lambda run: run.alone(run.draw.targets),
    "pooled": lambda run: run.together(1.0),
    "equal weight": lambda run: run.together(EQUAL),
    "density ratio": lambda run: run.together(DENSITY),
    "mean shift, equal weight": lambda run: run.together(EQUAL, moved=mean_shift),
    "CORAL, equal weight": lambda run: run.together(EQUAL, moved=coral),
    "matched copies, equal weight": lambda run: run.together(EQUAL, renditions(place=run.place, seed=run.seed)),
    "camera copies, equal weight": lambda run: run.together(EQUAL, renditions(camera_copies=1, seed=run.seed)),
    "camera and matched copies, equal weight": lambda run: run.together(EQUAL, wanted(run.seed, run.place)),
    "camera copies, no target photos": lambda run: run.alone(
        run.draw.sources, renditions(camera_copies=1, seed=run.seed)
    ),
    "matched copies, no labelled target photos": lambda run: run.alone(
        run.draw.sources, renditions(place=run.place, seed=run.seed)
    ),
}
"""The methods by name."""
