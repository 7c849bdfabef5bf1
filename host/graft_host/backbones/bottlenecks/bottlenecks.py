"""The bottlenecks of a backbone: computes them for photos, caches them by tap, and returns them as a matrix."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.bottlenecks.extract import Extraction, extract_missing, known_keys, lacking_outputs
from graft_host.backbones.bottlenecks.jobs import Job
from graft_host.backbones.bottlenecks.tap_bottlenecks import TapBottlenecks
from graft_host.backbones.bottlenecks.workers import OpenNetwork
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.photos.dataset import Photo
from graft_host.photos.renditions import ORIGINAL, Rendition
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

    def extract(self, wanted: Sequence[Job], threads: int, progress: Progress) -> Extraction:
        """Computes the bottlenecks that are not cached yet, one photo per core at a time.

        Args:
            wanted: jobs for different photos, from ``jobs_for`` or ``photos_alone``.
            threads: number of workers; each decodes photos and runs the network on one core.
            progress: called with (photos done, photos to do).

        Raises:
            CacheError: the cache cannot be written; what was stored before stays.
        """
        spec, known = self._backbone.spec, known_keys(self.taps, wanted)
        lacking = lacking_outputs(known, wanted)
        if self._backbone.parts and len(lacking) == 1:  # one tap's backbone does less
            (place,) = lacking
            part = self._backbone.parts[place].path
            return extract_missing(part, spec, [self.taps[place]], [known[place]], wanted, threads, progress)
        return extract_missing(self._backbone.path, spec, self.taps, known, wanted, threads, progress)

    def matrix(
        self, photos: Sequence[Photo], renditions: Sequence[Rendition] = ORIGINAL
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The bottlenecks ``[R·N,D]`` and labels ``[R·N]`` of R extracted renditions of N photos.

        Args:
            photos: the photos.
            renditions: those that are wanted of each photo. The rows of all photos under the first rendition come
                first, then those of all photos under the second.
        """
        keys = [rendition.key(photo.cache_key) for rendition in renditions for photo in photos]
        labels = np.tile(np.array([photo.label for photo in photos], np.int64), len(renditions))
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
    threads: int,
    progress: Progress,
) -> Extraction:
    """Computes bottlenecks for all outputs of a network in one pass; skips photos that every output has cached.

    Args:
        network: the ``.tflite``.
        spec: gives the input scaling, the input side and the resize rule.
        outputs: the bottlenecks of its taps, in the order of the outputs.
        wanted: jobs for different photos.
        threads: number of workers.
        progress: called with (photos done, photos to do).

    Raises:
        CacheError: the cache cannot be written; what was stored before stays.
    """
    taps = [tap for output in outputs for tap in output.taps]
    return extract_missing(network, spec, taps, known_keys(taps, wanted), wanted, threads, progress)
