"""Computes the bottlenecks of photos with the quantized backbone, and caches them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import PhotoError
from graft_host.backbones.bottlenecks.extraction import Job, Network, extracted
from graft_host.backbones.bottlenecks.tap_bottlenecks import Rows, TapBottlenecks
from graft_host.backbones.conversion.quantize import Backbone, BackboneSpec
from graft_host.photos.augment import VERSION as AUGMENT_VERSION
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress

_COMMIT_ROWS = 256
_COMMIT_SECONDS = 2.0


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

    Those of several taps are side by side, and cached by tap: a backbone of one of these taps finds them.

    Args:
        backbone: from ``make_backbone``.
        cache: the folder of caches.
    """

    def __init__(self, backbone: Backbone, cache: Path) -> None:
        self._backbone = backbone
        network = Network(backbone.path)
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
        wanted, seed, spec = _wanted(photos, augmented, augmentation), augmentation.seed, self._backbone.spec
        known = _known(self.taps, wanted, seed)
        if self._backbone.parts and len(lacking := _lacking(known, wanted, seed)) == 1:  # one tap's backbone does less
            (place,) = lacking
            part = self._backbone.parts[place].path
            return _extract(part, spec, [self.taps[place]], [known[place]], wanted, seed, threads, progress)
        return _extract(self._backbone.path, spec, self.taps, known, wanted, seed, threads, progress)

    def matrix(
        self, photos: Sequence[Photo], augmentation: Augmentation | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The bottlenecks ``[N,D]`` and labels ``[N]`` of extracted photos, followed by those of their variants."""
        variants = augmentation.variants if augmentation else 0
        seed = augmentation.seed if augmentation else 0
        keys = [_key(photo.cache_key, index, seed) for index in range(variants + 1) for photo in photos]
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
        outputs: the bottlenecks of its taps, in the order of the outputs.
        wanted: jobs for different photos.
        seed: seed of the variants.
        threads: number of workers.
        progress: called with (photos done, photos to do).

    Raises:
        CacheError: the cache cannot be written; what was stored before stays.
    """
    taps = [tap for output in outputs for tap in output.taps]
    return _extract(network, spec, taps, _known(taps, wanted, seed), wanted, seed, threads, progress)


def _extract(
    network: Path,
    spec: BackboneSpec,
    outputs: Sequence[TapBottlenecks],
    known: Sequence[set[str]],
    wanted: Sequence[Job],
    seed: int,
    threads: int,
    progress: Progress,
) -> Extraction:
    """Computes what is missing in the cache of an output; ``known`` has the keys that are cached, by output."""
    jobs = _to_do(wanted, set.intersection(*known), seed)
    lacking = _lacking(known, wanted, seed)
    total = sum(len(job.variants) for job in wanted)
    missing = sum(len(job.variants) for job in jobs)
    damaged = sum(output.damaged for output in outputs)
    failures: dict[str, str] = {}
    failed = 0
    rows: dict[int, Rows] = {place: [] for place in lacking}
    stored = time.monotonic()
    try:
        for done, (job, result) in enumerate(extracted(network, spec, jobs, seed, threads), 1):
            if isinstance(result, PhotoError):
                failures[job.photo.digest] = str(result)
                failed += len(job.variants)
            else:
                for index, vectors in result.items():
                    for place, batch in rows.items():
                        batch.append((_key(job.photo.cache_key, index, seed), vectors[place]))
            if len(rows[lacking[0]]) >= _COMMIT_ROWS or time.monotonic() - stored > _COMMIT_SECONDS:
                _flush(rows, outputs)
                stored = time.monotonic()
            progress(done, len(jobs))
    finally:
        _flush(rows, outputs)  # Ctrl-C keeps what was computed
    put_aside = tuple(output.put_aside for output in outputs if output.put_aside is not None)
    return Extraction(failures, total - missing, missing - failed, damaged, put_aside)


def _flush(rows: Mapping[int, Rows], outputs: Sequence[TapBottlenecks]) -> None:
    for place, batch in rows.items():
        if batch:
            ready, batch[:] = list(batch), []
            outputs[place].put(ready)


def _known(outputs: Sequence[TapBottlenecks], wanted: Sequence[Job], seed: int) -> list[set[str]]:
    """The keys of some jobs that are cached, by output."""
    keys = list(_keys(wanted, seed))
    return [output.known(keys) for output in outputs]


def _lacking(known: Sequence[set[str]], wanted: Sequence[Job], seed: int) -> list[int]:
    """The outputs that lack a bottleneck of some jobs."""
    keys = set(_keys(wanted, seed))
    return [place for place, cached in enumerate(known) if not keys <= cached]


def _to_do(wanted: Sequence[Job], known: set[str], seed: int) -> list[Job]:
    """The jobs without the variants that every output has cached."""
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
