"""Opens a copy of a model, so that later changes to its file do no harm."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import Classifier
from graft_device.errors import GraftError, ModelError, os_reason
from graft_device.model import read_model
from graft_device.system.plain import open_plain


def open_copy(path: Path, runtime: str = "auto", threads: int | None = None) -> Classifier:
    """Opens a private copy of a model and runs it once.

    An interpreter maps its file into memory. If somebody copies a new model over the file, a process that still runs
    the old one gets a bus error. A long run therefore uses a copy.

    Args:
        path: the ``.tflite`` file.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        threads: the number of threads for one inference. None means all usable cores.

    Raises:
        ModelError: the file was not written by graftkit, or cannot be run.
        RuntimeMissingError: no interpreter can be opened.
    """
    read_model(path)  # its errors name the original file
    with _copied(path) as copy:
        try:
            classifier = Classifier(copy, runtime, threads)
            classifier.classify(grey(classifier))
        except GraftError as error:
            raise error.renamed(copy, path) from error
    return classifier


def grey(classifier: Classifier) -> NDArray[np.uint8]:
    """A grey image ``[S,S,3]``, uint8, to try a model with."""
    size = classifier.model.card.image_size
    return np.full((size, size, 3), 127, np.uint8)


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """Yields the path of a copy, in memory if the system allows it. The copy is deleted afterwards."""
    try:
        with open_plain(path) as source:
            if hasattr(os, "memfd_create"):
                with os.fdopen(os.memfd_create("graft-model"), "wb") as copy:
                    shutil.copyfileobj(source, copy)
                    copy.flush()
                    yield Path(f"/proc/self/fd/{copy.fileno()}")
            else:
                with tempfile.NamedTemporaryFile(suffix=".tflite") as copy:
                    shutil.copyfileobj(source, copy)
                    copy.flush()
                    yield Path(copy.name)
    except OSError as error:
        raise ModelError(f"cannot read model {path}: {os_reason(error)}") from error
