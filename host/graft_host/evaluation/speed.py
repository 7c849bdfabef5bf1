"""Times one inference of a finished file on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from graft_device.classifier import Classifier
from graft_device.runtime import threads_to_use

_WARM_UP = 3
_ROUNDS = 15


@dataclass(frozen=True)
class Speed:
    """How long one inference takes.

    Attributes:
        ms: the median milliseconds of one inference, without decoding and resizing.
        runtime: the runtime that ran the model.
        threads: the number of threads that an inference used.
    """

    ms: float
    runtime: str
    threads: int


def measure_speed(model: Path, threads: int | None = None) -> Speed:
    """Times a model on a grey image; an inference takes as long on any other.

    Args:
        model: the ``.tflite`` file.
        threads: for one inference; None for all usable cores.

    Raises:
        ModelError: the file cannot be used.
    """
    count = threads_to_use(threads)
    classifier = Classifier(model, threads=count)
    size = classifier.model.card.image_size
    pixels = np.full((size, size, 3), 128, np.uint8)
    seconds = []
    for _ in range(_WARM_UP + _ROUNDS):
        start = time.perf_counter()
        classifier.scores(pixels)
        seconds.append(time.perf_counter() - start)
    return Speed(1e3 * median(seconds[_WARM_UP:]), classifier.runtime, count)
