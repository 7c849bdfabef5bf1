"""The one thread that runs the model, and the photos that wait for it."""

from __future__ import annotations

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
from graft_device.preprocess import MAX_PIXELS
from graft_device.run.opened import grey
from graft_device.serve.pixels import check_size

_TICK = 1.0
"""Seconds between two signs of life while there is nothing to do."""

_SMOOTHING = 0.2
"""Weight of the newest photo in the running mean of seconds a photo."""


class FullError(Exception):
    """No photo more can wait; ``seconds`` is when there will be room, about."""

    def __init__(self, seconds: int) -> None:
        super().__init__("the queue is full")
        self.seconds = seconds


@dataclass(frozen=True)
class Answer:
    """What the model said, and the milliseconds that the photo waited before."""

    timed: Timed
    queue_ms: float


@dataclass(eq=False)
class Job:
    """A photo that waits, runs or is done; ``future`` brings its answer, or what the classifier raised."""

    photo: bytes | NDArray[np.uint8]
    top_k: int
    unknown: bool
    since: float = field(default_factory=time.perf_counter)
    future: Future[Answer] = field(default_factory=Future)


class Worker:
    """Classifies photos one after the other in a thread of its own.

    A classifier must not be shared between threads, and photos side by side would only share the same cores.
    """

    def __init__(self, classifier: Classifier, limit: int, max_pixels: int = MAX_PIXELS) -> None:
        """Prepares the thread; ``start`` starts it.

        Args:
            classifier: given away: no one else may use it afterwards.
            limit: photos that may wait behind the one that is being classified.
            max_pixels: of a photo, as ``pixels.check_size`` counts them.
        """
        self.limit = limit
        self._ran()
        self._classifier = classifier
        self._waiting: deque[Job] = deque()
        self._max_pixels = max_pixels
        self._changed = threading.Condition()
        self._ending = False
        self._running = False
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="graft-classify", daemon=True)

    @property
    def classifier(self) -> Classifier:
        """The model in use; look at it, but leave the running to the thread."""
        return self._classifier

    @property
    def waiting(self) -> int:
        """Photos in the queue."""
        return len(self._waiting)

    @property
    def idle_seconds(self) -> float:
        """How long ago the model ran, whatever was done to the clock meanwhile."""
        return time.monotonic() - self._last_run

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def check_room(self) -> None:
        """Raises FullError when a photo would find no place now."""
        if len(self._waiting) + self._running > self.limit:
            raise FullError(self._wait_seconds())

    def submit(self, photo: bytes, top_k: int, unknown: bool) -> Job:
        """Puts a photo into the queue.

        Raises:
            FullError: as many as allowed are waiting.
        """
        job = Job(photo, top_k, unknown)
        with self._changed:
            self.check_room()
            self._put(job)
        return job

    def probe(self) -> Job:
        """Has the model run on a grey picture, however many photos wait; a sign that it still can."""
        job = Job(grey(self._classifier), 1, unknown=False)
        with self._changed:
            self._put(job)
        return job

    def withdraw(self, job: Job) -> None:
        """Takes a photo whose answer nobody waits for out of the queue; one that is running runs on."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)

    def swap(self, classifier: Classifier) -> None:
        """Uses another model from the next photo on."""
        with self._changed:
            self._classifier = classifier
            self._ran()

    def close(self, seconds: float) -> bool:
        """Ends the thread after the photo in hand; whether it has ended within ``seconds``."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(seconds)
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
            del job, classifier  # neither a photo nor a replaced model is held while nothing runs
            notify.watchdog()

    def _answer(self, job: Job, classifier: Classifier) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        start = time.perf_counter()
        photo, job.photo = job.photo, b""  # the job may live on in the traceback of an error
        try:
            if isinstance(photo, bytes):
                check_size(photo, self._max_pixels)
            timed = classifier.classify_timed(photo, job.top_k, job.unknown)
        except BaseException as error:  # noqa: BLE001  goes to whoever asked; the thread lives on
            job.future.set_exception(_light(error))
            return
        self._ran()
        seconds = time.perf_counter() - start
        self._seconds += (seconds - self._seconds) * (_SMOOTHING if self._seconds else 1.0)
        job.future.set_result(Answer(timed, (start - job.since) * 1e3))


def _light(error: BaseException) -> BaseException:
    """An expected error without its traceback, whose frames would hold the photo until the next garbage collection."""
    if isinstance(error, (GraftError, MemoryError)):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    return error
