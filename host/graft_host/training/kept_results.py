"""Takes the steps of ``train`` that follow the bottlenecks from the cache where nothing that they depend on changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graft_device.model.golden import Golden, GoldenPhoto
from graft_host.evaluation.accuracy import Estimate
from graft_host.evaluation.evaluate import Evaluation
from graft_host.evaluation.golden import GoldenPack
from graft_host.evaluation.refusals import Refusals
from graft_host.heads.finished import FinishedHead, LearnedFrom
from graft_host.heads.head import Head
from graft_host.heads.mislabels import MislabelSearch
from graft_host.heads.novelty import Likeness, Novelty, Spread
from graft_host.heads.thresholds import UnknownThreshold
from graft_host.photos.dataset import NO_CLASS, Photo
from graft_host.photos.findings import Mislabel
from graft_host.prospects.learning_curve import ClassNeed, LearningCurve, Point
from graft_host.prospects.strangers import LeftOut, Strangers
from graft_host.support.cache import default_cache
from graft_host.support.kept.results import ResultCache
from graft_host.training.material import Material, fitted_photos, group_numbers
from graft_host.training.negatives import learnable
from graft_host.training.options import HeadOptions
from graft_host.training.source_gain import SourceGain

_HEAD = (FinishedHead, Head, LearnedFrom, Likeness, Novelty, Spread, UnknownThreshold)
_GOLDEN = (GoldenPack, Golden, GoldenPhoto)


class KeptResults:
    """The results that earlier runs kept in the cache, and those that this run keeps.

    Args:
        options: of the run; the cache is that of ``--cache``.
    """

    def __init__(self, options: HeadOptions) -> None:
        self._options = options
        self._results = ResultCache(options.cache or default_cache())

    def search(self, material: Material, compute: Callable[[], MislabelSearch]) -> MislabelSearch:
        """The search for mislabels, which depends on bottlenecks, labels and near duplicates of all photos."""
        photos = [photo for part in material.split.parts.values() for photo in part]
        places = [photo.place for photo in photos]
        fitted = fitted_photos(material.backbone.spec.weights, photos)
        inputs = (*material.without_variants(), places, len(material.dataset.labels), self._options.rule.seed, fitted)
        return self._results.recall("search", inputs, (MislabelSearch, Mislabel), compute)

    def head(self, material: Material, compute: Callable[[], FinishedHead]) -> FinishedHead:
        """The finished head, which depends on the bottlenecks and labels of the training and validation photos."""
        inputs = (
            material.train, material.validation, material.groups, material.weights,
            group_numbers(material.split.validation),
            len(material.dataset.labels), material.fitted, self._options.recipe, self._options.unknown_rate,
            self._options.samples.shares,
            None if (negatives := learnable(material)) is None else (negatives.bottlenecks, negatives.groups),
        )  # fmt: skip
        return self._results.recall("head", inputs, _HEAD, compute)

    def evaluation(self, artifact: str, photos: Sequence[Photo], compute: Callable[[], Evaluation]) -> Evaluation:
        """The evaluation of a file, which depends on its bytes and on the photos'.

        Args:
            artifact: the digest of the file.
            photos: the test photos, in the order of the evaluation, and photos of none of the classes.
            compute: evaluates the file; raises an error if a photo cannot be read.
        """

        def without_paths() -> Evaluation:
            return replace(compute(), paths=())

        inputs = (artifact, [(photo.cache_key, photo.label) for photo in photos])
        kept = self._results.recall("evaluation", inputs, (Evaluation, Refusals), without_paths)
        return replace(kept, paths=tuple(photo.path for photo in photos if photo.label != NO_CLASS))

    def cross_validated(
        self, material: Material, compute: Callable[[], Estimate], offset: NDArray[np.float64] | None = None
    ) -> Estimate:
        """The cross-validated accuracy, which depends on bottlenecks, labels and near duplicates, and on the split.

        Args:
            material: of the model.
            compute: cross-validates.
            offset: what is added to the logits of every head, ``[K]``; None for nothing.
        """
        inputs = (*self._cross_validation(material), offset)
        return self._results.recall("cross-validated", inputs, (Estimate,), compute)

    def source_gain(self, material: Material, compute: Callable[[], SourceGain], *, ranked: bool) -> SourceGain:
        """What source photos gave, which depends on what a cross-validation depends on.

        Args:
            material: of the model.
            compute: trains and tests heads.
            ranked: whether it ranks the source photos.
        """
        source = material.source
        inputs = (
            *self._cross_validation(material), material.fitted, self._options.rule.seed, ranked,
            None if source is None else (source.shown, source.weighted.rule),
        )  # fmt: skip
        return self._results.recall("source-gain", inputs, (SourceGain, Estimate), compute)

    def strangers(self, inputs: tuple[object, ...], compute: Callable[[], Strangers]) -> Strangers:
        """The answers to each class that was left out.

        Args:
            inputs: what they depend on: bottlenecks, labels, near duplicates and how heads are trained.
            compute: trains heads.
        """
        return self._results.recall("strangers", inputs, (Strangers, LeftOut), compute)

    def learning_curve(self, inputs: tuple[object, ...], compute: Callable[[], LearningCurve]) -> LearningCurve:
        """The learning curve.

        Args:
            inputs: what it depends on: bottlenecks, labels, near duplicates and how heads are trained.
            compute: trains heads.
        """
        return self._results.recall("learning-curve", inputs, (LearningCurve, Point, ClassNeed), compute)

    def _cross_validation(self, material: Material) -> tuple[object, ...]:
        """What a cross-validation depends on."""
        parts = material.split
        return (
            material.train, material.validation, material.test, material.groups, material.weights,
            len(parts.train), parts.divided,
            [(photo.digest, photo.place) for part in parts.parts.values() for photo in part],
            len(material.dataset.labels), self._options.recipe, self._options.augment,
        )  # fmt: skip

    def golden(
        self, artifact: str, evaluation: Evaluation, photos: Sequence[Photo], compute: Callable[[], GoldenPack]
    ) -> GoldenPack:
        """The golden photos, which depend on the file, on its scores for the test photos, and on these.

        Args:
            artifact: the digest of the file.
            evaluation: of the file on ``photos``.
            photos: the candidates.
            compute: chooses the golden photos.
        """
        inputs = (artifact, replace(evaluation, paths=()), [photo.cache_key for photo in photos])
        return self._results.recall("golden", inputs, _GOLDEN, compute)
