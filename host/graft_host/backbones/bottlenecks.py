"""Computes the bottlenecks of photos with the quantized backbone, and caches them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize
from graft_device.errors import PhotoError
from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_device.runtime import TensorSpec, open_model
from graft_host.backbones.extraction import Job, extracted
from graft_host.backbones.quantize import Backbone, BackboneSpec
from graft_host.photos.augment import VERSION as AUGMENT_VERSION
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress
from graft_host.support.vector_store import BottleneckStore

_COMMIT_ROWS = 256
_COMMIT_SECONDS = 2.0

Rows = list[tuple[str, NDArray[Any]]]


@dataclass(frozen=True)
class Augmentation:
    """How many variants of each training photo are made besides the photo itself, and from which seed."""

    variants: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Extraction:
    """The result of an extraction.

    Attributes:
        failures: photos that could not be decoded, digest to reason.
        hits: number of bottlenecks that were cached.
        misses: number of bottlenecks that were computed.
        damaged: number of bottlenecks among the misses that were cached, but damaged.
        put_aside: new names of cache files that were damaged as a whole.
    """

    failures: dict[str, str]
    hits: int
    misses: int
    damaged: int = 0
    put_aside: tuple[Path, ...] = ()

    @property
    def damage(self) -> str | None:
        """A warning if the cache was damaged; None if it was not."""
        if self.put_aside:
            names = " and ".join(map(str, self.put_aside))
            return f"warning: a cache file was damaged and put aside as {names}: the disk may be failing"
        if not self.damaged:
            return None
        were = "1 bottleneck in the cache was" if self.damaged == 1 else f"{self.damaged} bottlenecks in the cache were"
        return f"warning: {were} damaged and computed again: the disk may be failing"


class Bottlenecks:
    """The bottlenecks of one backbone under one resize rule; a context manager.

    Args:
        backbone: from ``quantized_backbone``.
        cache: the folder of caches.
    """

    def __init__(self, backbone: Backbone, cache: Path) -> None:
        self._backbone = backbone
        runner = open_model(backbone.path, threads=1)
        self.spec: TensorSpec = runner.output
        name = f"{backbone.fingerprint}-{backbone.spec.resize}-v{PREPROCESS_VERSION}-{runner.runtime}.sqlite"
        self._store = BottleneckStore(cache / "bottlenecks" / name, self.spec.dtype, self.spec.shape[1])

    def __enter__(self) -> Bottlenecks:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.__exit__(None, None, None)

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
        wanted = _wanted(photos, augmented, augmentation)
        return extract_together(
            self._backbone.path, self._backbone.spec, [self], wanted, augmentation.seed, threads, progress
        )

    def matrix(
        self, photos: Sequence[Photo], augmentation: Augmentation | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The bottlenecks ``[N,D]`` and labels ``[N]`` of extracted photos, followed by those of their variants."""
        variants = augmentation.variants if augmentation else 0
        seed = augmentation.seed if augmentation else 0
        keys = [_key(photo.cache_key, index, seed) for index in range(variants + 1) for photo in photos]
        labels = np.tile(np.array([photo.label for photo in photos], np.int64), variants + 1)
        return dequantize(self._store.matrix(keys), self.spec), labels

    def missing(self, photos: Iterable[Photo]) -> int:
        """How many different photos have no bottleneck in the cache yet."""
        keys = {photo.cache_key for photo in photos}
        return len(keys) - len(self.known(keys))

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of the keys are cached."""
        return self._store.known(keys)

    @property
    def damaged(self) -> int:
        """How many of the bottlenecks that were asked for are cached, but damaged; they count as missing."""
        return len(self._store.damaged)

    @property
    def put_aside(self) -> Path | None:
        """The new name of a damaged cache file that was put aside; None if there was none."""
        return self._store.put_aside

    def put(self, rows: Rows) -> None:
        """Caches all of these bottlenecks, or none if that fails."""
        self._store.put(rows)


def photos_alone(photos: Iterable[Photo]) -> list[Job]:
    """Different photos without variants, as ``extract_together`` takes them."""
    return _wanted(photos, (), Augmentation())


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
        outputs: the caches of the outputs, in the order of the outputs.
        wanted: jobs for different photos.
        seed: seed of the variants.
        threads: number of workers.
        progress: called with (photos done, photos to do).

    Raises:
        CacheError: the cache cannot be written; what was stored before stays.
    """
    jobs = _to_do(wanted, outputs, seed)
    total = sum(len(job.variants) for job in wanted)
    missing = sum(len(job.variants) for job in jobs)
    damaged = sum(output.damaged for output in outputs)
    failures: dict[str, str] = {}
    failed = 0
    rows: list[Rows] = [[] for _ in outputs]
    stored = time.monotonic()
    try:
        for done, (job, result) in enumerate(extracted(network, spec, jobs, seed, threads), 1):
            if isinstance(result, PhotoError):
                failures[job.photo.digest] = str(result)
                failed += len(job.variants)
            else:
                for index, vectors in result.items():
                    for place, vector in enumerate(vectors):
                        rows[place].append((_key(job.photo.cache_key, index, seed), vector))
            if len(rows[0]) >= _COMMIT_ROWS or time.monotonic() - stored > _COMMIT_SECONDS:
                _flush(rows, outputs)
                stored = time.monotonic()
            progress(done, len(jobs))
    finally:
        _flush(rows, outputs)  # Ctrl-C keeps what was computed
    put_aside = tuple(output.put_aside for output in outputs if output.put_aside is not None)
    return Extraction(failures, total - missing, missing - failed, damaged, put_aside)


def _flush(rows: list[Rows], outputs: Sequence[Bottlenecks]) -> None:
    for batch, output in zip(rows, outputs, strict=True):
        if batch:
            ready, batch[:] = list(batch), []
            output.put(ready)


def _to_do(wanted: Sequence[Job], outputs: Sequence[Bottlenecks], seed: int) -> list[Job]:
    """The jobs without the variants that every output has cached."""
    cached = [output.known(_keys(wanted, seed)) for output in outputs]
    known = set.intersection(*cached)
    if not known:
        return list(wanted)
    jobs = []
    for job in wanted:
        missing = tuple(index for index in job.variants if _key(job.photo.cache_key, index, seed) not in known)
        if missing:
            jobs.append(job if missing == job.variants else Job(job.photo, missing))
    return jobs


def _keys(jobs: Iterable[Job], seed: int) -> Iterator[str]:
    for job in jobs:
        for index in job.variants:
            yield _key(job.photo.cache_key, index, seed)


def _wanted(photos: Iterable[Photo], augmented: Sequence[Photo], augmentation: Augmentation) -> list[Job]:
    with_variants = {photo.digest for photo in augmented} if augmentation.variants else set()
    alone, together = (0,), tuple(range(augmentation.variants + 1))
    jobs: dict[str, Job] = {}
    for photo in photos:
        if photo.digest not in jobs:
            jobs[photo.digest] = Job(photo, together if photo.digest in with_variants else alone)
    return list(jobs.values())


def _key(photo: str, index: int, seed: int) -> str:
    return f"{photo}/v{AUGMENT_VERSION}/{seed}/{index}" if index else photo
