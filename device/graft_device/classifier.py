"""From a photo to ranked labels."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ModelError
from graft_device.model import ModelFile, read_model
from graft_device.preprocess import RESIZE_RULES, PhotoSource, preprocess
from graft_device.runtime import Runner, TensorSpec, open_model


class Prediction(NamedTuple):
    """A label and its probability, 0 to 1."""

    label: str
    score: float


class Timed(NamedTuple):
    """One photo's answer, what it took in milliseconds, and whether the photo was refused as unknown."""

    predictions: list[Prediction]
    preprocess_ms: float
    invoke_ms: float
    unknown: bool = False


UNKNOWN = "unknown"
"""The label that is put before the others where the best of them scores less than the model card's threshold."""


class Classifier:
    """A model that ``graft train`` wrote, ready to name what is in a photo.

    Example:
        >>> classifier = Classifier("pets.tflite")  # doctest: +SKIP
        >>> classifier.classify("photo.jpg", top_k=1)  # doctest: +SKIP
        [Prediction(label='cats', score=0.99609375)]

    Not to be shared between threads: open one a thread.
    """

    def __init__(self, path: str | Path, runtime: str = "auto", threads: int | None = None) -> None:
        """Opens the model.

        Args:
            path: the ``.tflite`` file.
            runtime: ``auto``, ``litert`` or ``tflite-runtime``.
            threads: for one inference; all usable cores when None.

        Raises:
            ModelError: the file is missing, cut short or not one of graftkit's.
            RuntimeMissingError: no interpreter can be opened.
        """
        real = _behind_links(Path(path))  # labels and network must be one file's, though a store may switch meanwhile
        self.model: ModelFile = replace(read_model(real), path=Path(path))
        self._runner: Runner = open_model(real, runtime, threads)
        self._check()

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names in the order of the output tensor."""
        return self.model.labels

    @property
    def runtime(self) -> str:
        """The name of the runtime in use."""
        return self._runner.runtime

    def classify(self, photo: PhotoSource, top_k: int = 3, unknown: bool = True) -> list[Prediction]:
        """Names what is in a photo.

        Args:
            photo: a path, a file's bytes, a Pillow image, or a uint8 array ``[H,W,3]`` in RGB order.
            top_k: how many labels at the most.
            unknown: whether a photo may be refused, by the threshold in the model card.

        Returns:
            The most probable labels, best first. Before those of a refused photo stands ``unknown``, with what the
            best label's score lacks to 1.

        Raises:
            PhotoError: the photo cannot be read.
        """
        return self.classify_timed(photo, top_k, unknown).predictions

    def classify_timed(self, photo: PhotoSource, top_k: int = 3, unknown: bool = True) -> Timed:
        """Like ``classify``, with the milliseconds that preprocessing and inference took."""
        start = time.perf_counter()
        pixels = preprocess(photo, self.model.card.image_size, self.model.card.resize)
        ready = time.perf_counter()
        scores = self.scores(pixels)
        done = time.perf_counter()
        count = max(top_k, 0)
        ranked = [Prediction(self.labels[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:count]]
        best = float(scores.max())
        refused = unknown and best < self.model.card.unknown_below
        if refused:
            ranked = [Prediction(UNKNOWN, 1 - best), *ranked][:count]
        return Timed(ranked, (ready - start) * 1e3, (done - ready) * 1e3, refused)

    def classify_scores(self, photo: PhotoSource) -> NDArray[np.float32]:
        """The probabilities ``[K]`` of all labels for a photo; raises PhotoError if it cannot be read."""
        return self.scores(preprocess(photo, self.model.card.image_size, self.model.card.resize))

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probabilities ``[K]`` for RGB pixels ``[S,S,3]`` that ``preprocess`` made."""
        output = self._runner(to_input(pixels, self._runner.input, self.model.card.mean, self.model.card.std))[0]
        return dequantize(output, self._runner.output)

    def _check(self) -> None:
        if self.model.card.resize not in RESIZE_RULES:
            raise ModelError(
                f"{self.model.path} wants resize rule {self.model.card.resize!r}; this version knows "
                f"{', '.join(RESIZE_RULES)}: update graftkit"
            )
        size = self.model.card.image_size
        if self._runner.input.shape != (1, size, size, 3):
            raise ModelError(
                f"{self.model.path} takes {list(self._runner.input.shape)}, its card says {size} pixels: train it again"
            )
        if self._runner.output.shape != (1, len(self.labels)):
            raise ModelError(
                f"{self.model.path} has {len(self.labels)} labels for an output of "
                f"{list(self._runner.output.shape)}: train it again"
            )


def _behind_links(path: Path) -> Path:
    """The file that a path leads to just now; the path itself where no link is in it, or a nameless file behind it."""
    real = os.path.realpath(path)
    plain = real == os.path.abspath(path) or not os.path.exists(real)  # noqa: PTH100, PTH110  Path's follow the links
    return path if plain else Path(real)


def to_input(pixels: NDArray[np.uint8], spec: TensorSpec, mean: float, std: float) -> NDArray[Any]:
    """Pixels ``[S,S,3]`` as the input tensor ``[1,S,S,3]``: as they are for uint8, else normalized."""
    if spec.dtype == np.uint8:
        return pixels[np.newaxis]
    return (pixels[np.newaxis].astype(np.float32) - np.float32(mean)) / np.float32(std)


def dequantize(stored: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    """The real numbers that a tensor stands for."""
    if spec.scale == 0:
        return stored.astype(np.float32)
    return (stored.astype(np.float32) - np.float32(spec.zero_point)) * np.float32(spec.scale)
