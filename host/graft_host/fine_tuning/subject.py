"""What is fine-tuned: a backbone, the photos it is fitted to, and those that judge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.conversion.backbone import Backbone
from graft_host.fine_tuning.maps import ShownRow
from graft_host.fine_tuning.plan import BATCH, HEAD_RATE, TAIL_RATE, Plan
from graft_host.heads.head import Array, Head, Labels, train_head, weighted_photos
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import Photo
from graft_host.photos.renditions import ORIGINAL

_VERSION = 1
"""Goes up when the same photos and plan would give another tail. Cached tails are keyed by it."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is fine-tuned.

    Attributes:
        backbone: the frozen backbone, int8.
        shown: what each row of ``train`` shows, ``[N]``.
        train: bottlenecks ``[N,D]`` and labels ``[N]`` of the training photos and their renditions.
        groups: rows of ``train`` with the same number show one photo or near duplicates of it, ``[N]``. Rows with a
            negative number only train.
        weights: of the rows of ``train`` in the loss, ``[N]``; None if all count the same.
        others: the validation photos.
        validation: their bottlenecks and labels.
        classes: K.
        recipe: how heads are trained.
        cache: the folder of caches.
        threads: the number of cores to use.
    """

    backbone: Backbone
    shown: Sequence[ShownRow]
    train: tuple[Array, Labels]
    groups: Labels
    weights: NDArray[np.float64] | None
    others: Sequence[Photo]
    validation: tuple[Array, Labels]
    classes: int
    recipe: Recipe
    cache: Path
    threads: int

    @property
    def photos(self) -> Labels:
        """Equal for rows of ``train`` that show the same photo, ``[N]``."""
        return np.unique([photo.digest for photo, _ in self.shown], return_inverse=True)[1].astype(np.int64)

    @property
    def loss_weights(self) -> NDArray[np.float64]:
        """The weight of each row of ``train`` in the loss, ``[N]``, 1 on average."""
        weights: NDArray[np.float64] = weighted_photos(self.train, self.classes, self.recipe, self.weights)[2]
        shares: NDArray[np.float64] = weights / weights.mean()
        return shares

    def linear_head(self, rows: NDArray[np.int64]) -> Head:
        """The head that ``graft train`` would train on some rows of ``train``."""
        return train_head(
            (self.train[0][rows], self.train[1][rows]), self.validation, self.classes, self.recipe, self.groups[rows],
            self.threads, weights=None if self.weights is None else self.weights[rows],
        )  # fmt: skip

    def rows(self, plan: Plan) -> NDArray[np.int64]:
        """The rows of ``train`` whose renditions a plan trains on."""
        seen: dict[str, int] = {}
        kept = []
        for row, (photo, _) in enumerate(self.shown):
            seen[photo.digest] = seen.get(photo.digest, 0) + 1
            if seen[photo.digest] <= plan.renditions:
                kept.append(row)
        return np.array(kept, np.int64)

    def all_shown(self, plan: Plan) -> list[ShownRow]:
        """What each row of the maps shows: the rows of a plan, then the validation photos."""
        return [self.shown[row] for row in self.rows(plan)] + [(photo, ORIGINAL[0]) for photo in self.others]

    def inputs(self, plan: Plan) -> tuple[Any, ...]:
        """Everything that a tail of a plan depends on, as ``digest_of`` takes it."""
        weights = self.backbone.spec.weights
        return (
            _VERSION, metadata.version("tensorflow"), self.backbone.fingerprint, weights.fingerprint, weights.last_pool,
            [rendition.key(photo.cache_key) for photo, rendition in self.all_shown(plan)], self.train, self.groups,
            self.loss_weights, self.validation, self.classes, self.recipe, plan.cut, plan.epochs,
            (BATCH, TAIL_RATE, HEAD_RATE),
        )  # fmt: skip
