"""The bottlenecks of a backbone: computes them for photos, caches them by tap, and returns them as a matrix."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.bottlenecks.extract import Extraction, extract_missing, known_keys, lacking_outputs
from graft_host.backbones.bottlenecks.jobs import Augmentation, Job, jobs_for, key_of
from graft_host.backbones.bottlenecks.tap_bottlenecks import TapBottlenecks
from graft_host.backbones.bottlenecks.workers import OpenNetwork
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress


class Bottlenecks:
    """The bottlenecks of one backbone under one resize rule; a context manager.

    Those of several taps are side by side, and cached by tap: a backbone of one of these taps finds them.

    Args:
        backbone: from ``make_backbone``.
        cache: the folder of caches.
    """

    def __init__(self, backbone: Backbone, cache: Path) -> None:
        self._backbone = backbone
        network = OpenNetwork(backbone.path)
        pairs = zip(backbone.parts or (backbone,), network.outputs, strict=True)
        with contextlib.ExitStack() as opened:
            self.taps = tuple(
                opened.enter_context(TapBottlenecks(part, spec, network.runtime, cache)) for part, spec in pairs
            )
            self._opened = opened.pop_all()

    def __enter__(self) -> Bottlenecks:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def extract(
        self,
        photos: Sequence[Photo],
        augmented: Sequence[Photo],
        augmentation: Augmentation,
        threads: int,
        progress: Progress,
    ) -> Extraction:
        """Computes the bottlenecks that are not cached yet, one photo per core at a time.

        Args:
            photos: the photos whose bottlenecks are wanted.
            augmented: the photos whose variants are wanted too.
            augmentation: how many variants of a photo are wanted.
            threads: number of workers; each decodes photos and runs the network on one core.
            progress: called with (photos done, photos to do).

        Raises:
            CacheError: the cache cannot be written; what was stored before stays.
        """
        wanted, seed, spec = jobs_for(photos, augmented, augmentation), augmentation.seed, self._backbone.spec
        known = known_keys(self.taps, wanted, seed)
        lacking = lacking_outputs(known, wanted, seed)
        if self._backbone.parts and len(lacking) == 1:  # one tap's backbone does less
            (place,) = lacking
            part = self._backbone.parts[place].path
            return extract_missing(part, spec, [self.taps[place]], [known[place]], wanted, seed, threads, progress)
        return extract_missing(self._backbone.path, spec, self.taps, known, wanted, seed, threads, progress)

    def matrix(
        self, photos: Sequence[Photo], augmentation: Augmentation | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The bottlenecks ``[N,D]`` and labels ``[N]`` of extracted photos, followed by those of their variants."""
        variants = augmentation.variants if augmentation else 0
        seed = augmentation.seed if augmentation else 0
        keys = [key_of(photo.cache_key, index, seed) for index in range(variants + 1) for photo in photos]
        labels = np.tile(np.array([photo.label for photo in photos], np.int64), variants + 1)
        parts = [tap.matrix(keys) for tap in self.taps]
        return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0], labels

    def missing(self, photos: Iterable[Photo]) -> int:
        """How many different photos have no bottleneck in the cache yet."""
        keys = {photo.cache_key for photo in photos}
        return len(keys) - len(self.known(keys))

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of the keys are cached for every tap."""
        wanted = list(keys)
        return set.intersection(*(tap.known(wanted) for tap in self.taps))


def extract_together(
    network: Path,
    spec: BackboneSpec,
    outputs: Sequence[Bottlenecks],
    wanted: Sequence[Job],
    seed: int,
    threads: int,
    progress: Progress,
) -> Extraction:
    """Computes bottlenecks for all outputs of a network in one pass; skips photos that every output has cached.

    Args:
        network: the ``.tflite``.
        spec: gives the input scaling, the input side and the resize rule.
        outputs: the bottlenecks of its taps, in the order of the outputs.
        wanted: jobs for different photos.
        seed: seed of the variants.
        threads: number of workers.
        progress: called with (photos done, photos to do).

    Raises:
        CacheError: the cache cannot be written; what was stored before stays.
    """
    taps = [tap for output in outputs for tap in output.taps]
    return extract_missing(network, spec, taps, known_keys(taps, wanted, seed), wanted, seed, threads, progress)
