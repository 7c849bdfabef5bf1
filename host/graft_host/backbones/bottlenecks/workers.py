"""Runs photos through a network on all cores: each worker decodes one photo at a time and runs the network on it."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import to_input
from graft_device.errors import ExportError, ModelError, PhotoError
from graft_device.preprocess import read_photo
from graft_device.runtime import TensorSpec, load_runtime, open_interpreter, tensor_spec
from graft_device.system.plain import read_plain
from graft_host.backbones.bottlenecks.jobs import Job
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.photos.renditions import Decoded
from graft_host.support.scratch import scratch, write_scratch

Vectors = tuple[NDArray[Any], ...]
"""The bottleneck ``[D]`` of each output of a network, in the numbers of that output."""

Result = list[Vectors] | PhotoError
"""The vectors of each rendition of a job, or the reason why the photo has none."""

_AHEAD = 4  # photos that a worker may be ahead of the reader of the results

MANY = 75
"""Runs on each core that make up for the time that rewriting a network takes."""


class OpenNetwork:
    """A network with one or more outputs, opened on one core. Threads must not share it.

    Args:
        path: the ``.tflite``.

    Raises:
        GraftError: it cannot be opened, or ``__call__`` cannot run it.
    """

    def __init__(self, path: Path) -> None:
        self.runtime, self._interpreter = open_interpreter(path, threads=1)
        self._path = path
        (entrance,) = self._interpreter.get_input_details()
        ends = self._interpreter.get_output_details()
        self.input: TensorSpec = tensor_spec(entrance)
        self.outputs = tuple(tensor_spec(end) for end in ends)
        self._input_index = int(entrance["index"])
        self._output_indices = [int(end["index"]) for end in ends]

    def __call__(self, tensor: NDArray[np.generic]) -> Vectors:
        """The first row of each output for an input tensor."""
        try:
            self._interpreter.set_tensor(self._input_index, tensor)
            self._interpreter.invoke()
            return tuple(self._interpreter.get_tensor(index)[0] for index in self._output_indices)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._path} fails under {self.runtime}: {error}") from error


def extracted(path: Path, spec: BackboneSpec, jobs: Sequence[Job], threads: int) -> Iterator[tuple[Job, Result]]:
    """Yields each finished job with the vectors of its renditions, or with the reason why there are none.

    Args:
        path: the network.
        spec: gives the input scaling, the input side and the resize rule.
        jobs: the photos and renditions to run.
        threads: number of workers.

    Raises:
        GraftError: a worker failed, and not because of a photo.
    """

    def work(network: OpenNetwork, job: Job) -> Result:
        return _vectors(network, spec, job)

    runs = sum(len(job.renditions) for job in jobs) // threads
    with fastest(path, runs) as file:
        yield from _on_all_cores(lambda: OpenNetwork(file), work, jobs, threads)


@contextlib.contextmanager
def fastest(path: Path, runs: int) -> Iterator[Path]:
    """A file that gives the same bits as a network, and takes the least time if each core runs it so many times."""
    with contextlib.ExitStack() as stack:
        if runs >= MANY and load_runtime() == "litert":
            from graft_host.networks.depthwise_means import with_depthwise_means  # only what rewrites needs it

            with contextlib.suppress(ExportError, OSError):  # the network itself does as well
                rewritten = with_depthwise_means(read_plain(path), str(path))
                if rewritten is not None:
                    copy = stack.enter_context(scratch()) / "backbone.tflite"
                    write_scratch(copy, rewritten)
                    path = copy
        yield path


def _on_all_cores(
    opened: Callable[[], OpenNetwork], work: Callable[[OpenNetwork, Job], Result], jobs: Sequence[Job], threads: int
) -> Iterator[tuple[Job, Result]]:
    pending = iter(jobs)
    lock, stop = threading.Lock(), threading.Event()
    results: queue.Queue[tuple[Job, Any]] = queue.Queue(maxsize=_AHEAD * threads)

    def run() -> None:
        job = jobs[0]
        try:
            network = opened()
            while not stop.is_set():
                with lock:
                    following = next(pending, None)
                if following is None:
                    return
                job = following
                results.put((job, work(network, job)))
        except Exception as error:  # noqa: BLE001  raised again by the reader below
            results.put((job, error))

    workers = [threading.Thread(target=run, daemon=True) for _ in range(min(threads, len(jobs)))]
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


def _drain(results: queue.Queue[tuple[Job, Any]], workers: list[threading.Thread]) -> None:
    """Empties the queue until all workers have ended."""
    while any(worker.is_alive() for worker in workers):
        try:
            results.get(timeout=0.05)
        except queue.Empty:
            continue


def _vectors(network: OpenNetwork, spec: BackboneSpec, job: Job) -> Result:
    vectors = []
    try:
        data = read_photo(job.photo.path)
        if hashlib.sha256(data).hexdigest() != job.photo.digest:
            raise PhotoError("changed while it was being read")
        photo = Decoded(data, job.photo.digest, spec.resize)
        for rendition in job.renditions:
            pixels = rendition.pixels(photo, spec.image_size)
            vectors.append(network(to_input(pixels, network.input, spec.weights.mean, spec.weights.std)))
    except PhotoError as error:
        return error
    return vectors
