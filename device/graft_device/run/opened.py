"""Opens a copy of a model, so that later changes to its file do no harm, and tries a new model before it is opened."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import Classifier
from graft_device.errors import GraftError, ModelError, os_reason
from graft_device.model import read_model
from graft_device.system.durable import digest
from graft_device.trial.copies import Copy, copied
from graft_device.trial.trial import try_copy


def open_copy(path: Path, runtime: str = "auto", threads: int | None = None) -> Classifier:
    """Opens a private copy of a model and runs it once. A file without a checksum is tried in a child process first.

    An interpreter maps its file into memory. If somebody copies a new model over the file, a process that still runs
    the old one gets a bus error. A long run therefore uses a copy.

    Args:
        path: the ``.tflite`` file.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        threads: the number of threads for one inference. None means all usable cores.

    Raises:
        ModelError: the file was not written by graftkit, is damaged, or cannot be run.
        RuntimeMissingError: no interpreter can be opened.
    """
    model = read_model(path)  # its errors name the original file
    with copied(path) as copy:
        if model.golden is None:
            try_copy(copy, path, runtime)
        return _opened(copy, path, runtime, threads)


class NewModel:
    """A new version of a model file, tried in a child process while this process goes on with the old one.

    The trial is in a thread of its own. What is opened after it is the very copy that was tried.
    """

    def __init__(self, path: Path, runtime: str, threads: int | None) -> None:
        """Starts the trial.

        Args:
            path: the ``.tflite`` file.
            runtime: ``auto``, ``litert`` or ``tflite-runtime``.
            threads: the number of threads for one inference. None means all usable cores.
        """
        self.path = path
        self._runtime, self._threads = runtime, threads
        self._cancelled = False
        self._files = contextlib.ExitStack()
        self.tried: Future[Copy] = Future()
        """The copy, once it has passed the trial, or the error of the trial."""
        self.tried.set_running_or_notify_cancel()  # so that who waits for it cannot cancel it
        threading.Thread(target=self._try, name="graft-trial", daemon=True).start()

    def open(self) -> Classifier:
        """Opens the model that has passed the trial, and runs it once.

        Raises:
            GraftError: the model did not pass, or cannot be opened.
        """
        with self._files:
            return _opened(self.tried.result(), self.path, self._runtime, self._threads)

    def cancel(self) -> None:
        """Ends the trial soon, and forgets the model."""
        self._cancelled = True

    def _try(self) -> None:
        try:
            copy = self._files.enter_context(copied(self.path))
            try_copy(copy, self.path, self._runtime, lambda: self._cancelled)
        except BaseException as error:  # noqa: BLE001  ``open`` raises it
            self._files.close()
            self.tried.set_exception(error)
        else:
            self.tried.set_result(copy)


def _opened(copy: Copy, path: Path, runtime: str, threads: int | None) -> Classifier:
    try:
        classifier = Classifier(copy.path, runtime, threads)
        classifier.classify(grey(classifier))
        classifier.model = replace(classifier.model, digest=_digest(copy))
    except GraftError as error:
        raise error.renamed(copy.path, path) from error
    return classifier


def _digest(copy: Copy) -> str:
    try:
        return digest(copy.path)
    except OSError as error:
        raise ModelError(f"cannot read model {copy.path}: {os_reason(error)}") from error


def grey(classifier: Classifier) -> NDArray[np.uint8]:
    """A grey image ``[S,S,3]``, uint8, to try a model with."""
    size = classifier.model.card.image_size
    return np.full((size, size, 3), 127, np.uint8)
