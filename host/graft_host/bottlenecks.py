"""Photos become bottlenecks: what the quantized backbone itself says of them, cached."""

from __future__ import annotations

import hashlib
import math
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize, to_input
from graft_device.errors import PhotoError
from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_device.preprocess import fit, load, read_photo
from graft_device.runtime import Runner, TensorSpec, open_model
from graft_host.augment import MIN_CROP_SIDE, variant
from graft_host.augment import VERSION as AUGMENT_VERSION
from graft_host.dataset import Photo
from graft_host.isolated import Progress
from graft_host.quantize import Backbone
from graft_host.store import BottleneckStore

_COMMIT_ROWS = 256
_COMMIT_SECONDS = 2.0


@dataclass(frozen=True)
class Augmentation:
    """How many variants of each training photo there are besides the photo itself, and their seed."""

    variants: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Extraction:
    """What extraction found.

    Attributes:
        failures: photos that could not be decoded: digest to reason.
        hits: bottlenecks that were cached.
        misses: bottlenecks that were computed.
    """

    failures: dict[str, str]
    hits: int
    misses: int


@dataclass(frozen=True)
class _Job:
    """One photo and those of its variants that are wanted (0 is the photo itself)."""

    photo: Photo
    keys: dict[int, str]


class Bottlenecks:
    """The bottlenecks of one backbone under one resize rule; a context manager.

    Args:
        backbone: from ``quantized_backbone``.
        cache: folder of the kit's caches.
    """

    def __init__(self, backbone: Backbone, cache: Path) -> None:
        self._backbone = backbone
        self._rule = backbone.spec.resize
        runner = open_model(backbone.path, threads=1)
        self.spec: TensorSpec = runner.output
        name = f"{backbone.fingerprint}-{self._rule}-v{PREPROCESS_VERSION}-{runner.runtime}.sqlite"
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
        """Computes what is not cached yet, one photo a core at a time, decoding and inference overlapped.

        Args:
            photos: all photos whose bottlenecks are wanted.
            augmented: those of them whose variants are wanted too.
            augmentation: how many variants.
            threads: workers; each decodes and runs the network on one core.
            progress: called with (photos done, photos to do).

        Raises:
            CacheError: the cache cannot be written; what was stored before stays.
        """
        wanted = _wanted(photos, augmented, augmentation)
        known = self._store.known(key for job in wanted for key in job.keys.values())
        jobs = [
            _Job(job.photo, missing)
            for job in wanted
            if (missing := {index: key for index, key in job.keys.items() if key not in known})
        ]
        total = sum(len(job.keys) for job in wanted)
        failures = self._compute(jobs, augmentation.seed, threads, progress)
        failed = sum(len(job.keys) for job in jobs if job.photo.digest in failures)
        missing_count = sum(len(job.keys) for job in jobs)
        return Extraction(failures, total - missing_count, missing_count - failed)

    def matrix(
        self, photos: Sequence[Photo], augmentation: Augmentation | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The bottlenecks ``[N,D]`` and labels ``[N]`` of photos that were extracted, variants behind them."""
        variants = augmentation.variants if augmentation else 0
        seed = augmentation.seed if augmentation else 0
        keys = [_key(photo.digest, index, seed) for index in range(variants + 1) for photo in photos]
        labels = np.tile(np.array([photo.label for photo in photos], np.int64), variants + 1)
        return dequantize(self._store.matrix(keys), self.spec), labels

    def _compute(self, jobs: list[_Job], seed: int, threads: int, progress: Progress) -> dict[str, str]:
        failures: dict[str, str] = {}
        rows: list[tuple[str, NDArray[Any]]] = []
        stored = time.monotonic()
        try:
            for done, (job, vectors) in enumerate(self._results(jobs, seed, threads), 1):
                if isinstance(vectors, PhotoError):
                    failures[job.photo.digest] = str(vectors)
                else:
                    rows += [(key, vectors[index]) for index, key in job.keys.items()]
                if len(rows) >= _COMMIT_ROWS or time.monotonic() - stored > _COMMIT_SECONDS:
                    self._store.put(rows)
                    rows, stored = [], time.monotonic()
                progress(done, len(jobs))
        finally:
            if rows:
                self._store.put(rows)  # Ctrl-C keeps what was computed
        return failures

    def _results(
        self, jobs: list[_Job], seed: int, threads: int
    ) -> Iterator[tuple[_Job, dict[int, NDArray[Any]] | PhotoError]]:
        """Each job with its vectors or the reason why there are none, as they are finished."""
        pending = iter(jobs)
        lock, stop = threading.Lock(), threading.Event()
        results: queue.Queue[tuple[_Job, Any]] = queue.Queue(maxsize=4 * threads)

        def work() -> None:
            job = jobs[0]
            try:
                runner = open_model(self._backbone.path, threads=1)
                while not stop.is_set():
                    with lock:
                        following = next(pending, None)
                    if following is None:
                        return
                    job = following
                    results.put((job, self._vectors(job, seed, runner)))
            except Exception as error:  # noqa: BLE001  raised again by the reader below
                results.put((job, error))

        workers = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(jobs)))]
        for worker in workers:
            worker.start()
        try:
            for _ in jobs:
                job, result = results.get()
                if isinstance(result, Exception) and not isinstance(result, PhotoError):
                    raise result
                yield job, result
        finally:
            stop.set()
            _drain(results, workers)

    def _vectors(self, job: _Job, seed: int, runner: Runner) -> dict[int, NDArray[Any]] | PhotoError:
        weights = self._backbone.spec.weights
        size = self._backbone.spec.image_size
        try:
            data = read_photo(job.photo.path)
            if hashlib.sha256(data).hexdigest() != job.photo.digest:
                raise PhotoError("changed while it was being read")
            # The photo itself exactly as the board decodes it; its variants large enough to be cropped.
            image = load(data, size, self._rule)
            wide = load(data, math.ceil(size / MIN_CROP_SIDE) + 1, self._rule) if max(job.keys) else image
        except PhotoError as error:
            return error
        vectors = {}
        for index in job.keys:
            shown = variant(wide, job.photo.digest, index, seed) if index else image
            tensor = to_input(fit(shown, size, self._rule), runner.input, weights.mean, weights.std)
            vectors[index] = runner(tensor)[0]
        return vectors


def _wanted(photos: Sequence[Photo], augmented: Sequence[Photo], augmentation: Augmentation) -> list[_Job]:
    with_variants = {photo.digest for photo in augmented} if augmentation.variants else set()
    jobs: dict[str, _Job] = {}
    for photo in photos:
        count = augmentation.variants if photo.digest in with_variants else 0
        keys = {index: _key(photo.digest, index, augmentation.seed) for index in range(count + 1)}
        jobs.setdefault(photo.digest, _Job(photo, keys))
    return list(jobs.values())


def _key(digest: str, index: int, seed: int) -> str:
    return f"{digest}/v{AUGMENT_VERSION}/{seed}/{index}" if index else digest


def _drain(results: queue.Queue[tuple[_Job, Any]], workers: list[threading.Thread]) -> None:
    """Lets workers that wait for room in the queue come to their end."""
    while any(worker.is_alive() for worker in workers):
        try:
            results.get(timeout=0.05)
        except queue.Empty:
            continue
