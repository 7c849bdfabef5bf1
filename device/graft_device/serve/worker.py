"""The thread that runs the model, and the queue of photos that wait for it."""

from __future__ import annotations

import contextlib
import functools
import math
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import Classifier, Timed
from graft_device.errors import GraftError
from graft_device.preprocess import PhotoSource, preprocess
from graft_device.preprocess.budget import Limits
from graft_device.preprocess.decoding_process import AbandonedError, DecodingProcess
from graft_device.run.opened import grey

_TICK = 1.0
"""Seconds between two watchdog messages while there is nothing to do."""

_SMOOTHING = 0.2
"""Weight of the newest photo in the running mean of seconds per photo."""


class FullError(Exception):
    """The queue is full.

    Attributes:
        seconds: about how long it takes until there is room again.
    """

    def __init__(self, seconds: int) -> None:
        """Creates the error; ``seconds`` as the attribute."""
        super().__init__("the queue is full")
        self.seconds = seconds


@dataclass(frozen=True)
class Classification:
    """The result for one photo.

    Attributes:
        timed: the predictions, and how long preprocessing and the network took.
        queue_ms: how long the photo waited in the queue, in milliseconds.
    """

    timed: Timed
    queue_ms: float


@dataclass(eq=False)
class Job:
    """A photo that waits, is being classified, or is done.

    Attributes:
        photo: the file's bytes, or the decoded pixels.
        top_k: the number of predictions in the result.
        unknown: whether a photo with a low score is called unknown.
        since: when the photo was submitted, by ``time.perf_counter``.
        future: receives the result, or the error that the classifier raised.
        abandoned: whether nobody waits for the result any more.
    """

    photo: bytes | NDArray[np.uint8]
    top_k: int
    unknown: bool
    since: float = field(default_factory=time.perf_counter)
    future: Future[Classification] = field(default_factory=Future)
    abandoned: bool = False


class Worker:
    """Classifies photos one after the other in a separate thread.

    A classifier must not be shared between threads, and two photos at the same time would only share the cores.

    Attributes:
        limit: the number of photos that may wait.
        last_success: when the model last ran, as Unix time.
    """

    def __init__(self, classifier: Classifier, limit: int, limits: Limits | None = None) -> None:
        """Creates the thread; ``start`` starts it.

        Args:
            classifier: the model; from now on only the worker may use it.
            limit: the number of photos that may wait behind the one that is being classified.
            limits: what decoding one photo may take; those for this machine's files when None.
        """
        self.limit = limit
        self._ran()
        self._classifier = classifier
        self._waiting: deque[Job] = deque()
        self._decoder = DecodingProcess(limits or Limits.of_machine())
        self._changed = threading.Condition()
        self._ending = False
        self._running = False
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="graft-classify", daemon=True)

    @property
    def classifier(self) -> Classifier:
        """The model in use; read its properties, but do not run it."""
        return self._classifier

    @property
    def waiting(self) -> int:
        """The number of photos in the queue."""
        return len(self._waiting)

    @property
    def idle_seconds(self) -> float:
        """How long ago the model last ran, by a clock that nobody can set."""
        return time.monotonic() - self._last_run

    def start(self) -> None:
        """Starts the thread, and the process that decodes the photos."""
        with contextlib.suppress(MemoryError):  # it is tried again with the first photo
            self._decoder.start()
        self._thread.start()

    def check_room(self) -> None:
        """Raises FullError if the queue has no room for another photo."""
        if len(self._waiting) + self._running > self.limit:
            raise FullError(self._wait_seconds())

    def submit(self, photo: bytes, top_k: int, unknown: bool) -> Job:
        """Puts a photo into the queue.

        Args:
            photo: the file's bytes.
            top_k: the number of predictions in the result.
            unknown: whether a photo with a low score is called unknown.

        Raises:
            FullError: the queue is full.
        """
        job = Job(photo, top_k, unknown)
        with self._changed:
            self.check_room()
            self._put(job)
        return job

    def probe(self) -> Job:
        """Queues a grey image to test whether the model still runs, even if the queue is full."""
        job = Job(grey(self._classifier), 1, unknown=False)
        with self._changed:
            self._put(job)
        return job

    def withdraw(self, job: Job) -> None:
        """Removes a photo that nobody waits for from the queue, or stops decoding it."""
        job.abandoned = True
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)

    def swap(self, classifier: Classifier) -> None:
        """Replaces the model, beginning with the next photo."""
        with self._changed:
            self._classifier = classifier
            self._ran()

    def close(self, seconds: float) -> bool:
        """Ends the thread after the current photo; returns whether it ended within ``seconds``."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(seconds)
        self._decoder.close()
        return not self._thread.is_alive()

    def _ran(self) -> None:
        self.last_success = time.time()
        self._last_run = time.monotonic()

    def _put(self, job: Job) -> None:
        self._waiting.append(job)
        self._changed.notify()

    def _wait_seconds(self) -> int:
        return max(1, math.ceil(self._seconds * (len(self._waiting) + 1)))

    def _run(self) -> None:
        from graft_device.system import notify

        while True:
            with self._changed:
                self._running = False
                if not self._waiting and not self._ending:
                    self._changed.wait(_TICK)
                if self._ending:
                    return
                job = self._waiting.popleft() if self._waiting else None
                self._running = job is not None
                classifier = self._classifier
            if job is not None:
                self._answer(job, classifier)
            del job, classifier  # so that an idle thread holds neither a photo nor a replaced model
            notify.watchdog()

    def _read(self, job: Job, photo: PhotoSource, size: int, rule: str) -> NDArray[np.uint8]:
        """Reads a photo in the other process, until nobody waits for it any more."""
        if not isinstance(photo, bytes):
            return preprocess(photo, size, rule)
        return self._decoder.preprocess(photo, size, rule, lambda: not job.abandoned)

    def _answer(self, job: Job, classifier: Classifier) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        start = time.perf_counter()
        photo, job.photo = job.photo, b""  # an error's traceback may keep the job alive
        try:
            timed = classifier.classify_timed(photo, job.top_k, job.unknown, functools.partial(self._read, job))
        except BaseException as error:  # noqa: BLE001  the caller receives it, and the thread continues
            job.future.set_exception(_without_traceback(error))
            return
        self._ran()
        seconds = time.perf_counter() - start
        self._seconds += (seconds - self._seconds) * (_SMOOTHING if self._seconds else 1.0)
        job.future.set_result(Classification(timed, (start - job.since) * 1e3))


def _without_traceback(error: BaseException) -> BaseException:
    """Removes an expected error's traceback, whose frames would keep the photo until the next garbage collection."""
    if isinstance(error, (GraftError, MemoryError, AbandonedError)):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    return error
