"""Names what is in a photo: opens a model, prepares the photo, runs the network and ranks the labels."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ModelError
from graft_device.model import ModelFile, check_network, read_model
from graft_device.preprocess import RESIZE_RULES, PhotoSource, preprocess
from graft_device.ranking import UNKNOWN, Answer, Prediction, rank
from graft_device.runtime import Runner, TensorSpec, open_model

__all__ = ["UNKNOWN", "Answer", "Classifier", "Prediction", "Scores", "Timed", "dequantize", "to_input"]


PhotoReader = Callable[[PhotoSource, int, str], NDArray[np.uint8]]
"""Reads a photo and resizes it: ``preprocess``, or what does the same in another process."""


class Scores(NamedTuple):
    """The probabilities of one photo and how long they took.

    Attributes:
        values: probabilities ``[K]``, float32, in the order of the labels.
        preprocess_ms: milliseconds to decode, resize and crop the photo.
        invoke_ms: milliseconds for one run of the network.
    """

    values: NDArray[np.float32]
    preprocess_ms: float
    invoke_ms: float


class Timed(NamedTuple):
    """The predictions for one photo and how long they took.

    Attributes:
        predictions: labels with their scores, best first, and whether and why the photo is unknown.
        preprocess_ms: milliseconds to decode, resize and crop the photo.
        invoke_ms: milliseconds for one run of the network.
    """

    predictions: Answer
    preprocess_ms: float
    invoke_ms: float

    @property
    def unknown(self) -> bool:
        """Whether the best score is below the model card's threshold."""
        return self.predictions.unknown

    @property
    def reason(self) -> str | None:
        """Why the photo is unknown, ``novel`` or ``uncertain``; None if it is known."""
        return self.predictions.reason


class Classifier:
    """A model that ``graft train`` wrote, ready to classify photos.

    An instance must not be shared between threads. Open one for each thread.

    Attributes:
        model: the labels, the model card and the path of the file.

    Examples:
        >>> classifier = Classifier("pets.tflite")  # doctest: +SKIP
        >>> classifier.classify("photo.jpg", top_k=1)  # doctest: +SKIP
        [Prediction(label='cats', score=0.99609375)]
    """

    def __init__(self, path: str | Path, runtime: str = "auto", threads: int | None = None) -> None:
        """Opens the model.

        Args:
            path: the ``.tflite`` file.
            runtime: ``auto``, ``litert`` or ``tflite-runtime``. ``auto`` takes LiteRT where it is installed.
            threads: the number of threads for one inference. None means all usable cores.

        Raises:
            ModelError: the file is missing, cut short, damaged, or was not written by graftkit.
            RuntimeMissingError: no interpreter is installed, or none can open the file.
        """
        real = _behind_links(Path(path))  # labels and network must come from one file even if the link is switched now
        model = read_model(real)
        check_network(model)
        self.model: ModelFile = replace(model, path=Path(path))
        self._runner: Runner = open_model(real, runtime, threads)
        self._check()

    @property
    def labels(self) -> tuple[str, ...]:
        """The K class names in the order of the output tensor."""
        return self.model.labels

    @property
    def runtime(self) -> str:
        """The runtime in use: ``litert`` or ``tflite-runtime``."""
        return self._runner.runtime

    def classify(self, photo: PhotoSource, top_k: int = 3, unknown: bool = True) -> Answer:
        """Names what is in a photo.

        Args:
            photo: a path, the bytes of an image file, a Pillow image, or an RGB array ``[H,W,3]`` of uint8.
            top_k: the largest number of predictions to return.
            unknown: whether to apply the model card's threshold. If False, no photo is unknown.

        Returns:
            A list of the predictions, best first. Its ``unknown`` is True if the best score is below the threshold,
            and its ``reason`` is then ``novel`` for a photo that is unlike all photos that the model was trained on,
            else ``uncertain``.

        Raises:
            PhotoError: the photo cannot be read.
            ModelError: the network fails.
        """
        return self.classify_timed(photo, top_k, unknown).predictions

    def classify_timed(
        self, photo: PhotoSource, top_k: int = 3, unknown: bool = True, read: PhotoReader = preprocess
    ) -> Timed:
        """Names what is in a photo and measures how long it takes.

        Args:
            photo: a path, the bytes of an image file, a Pillow image, or an RGB array ``[H,W,3]`` of uint8.
            top_k: the largest number of predictions to return.
            unknown: whether to apply the model card's threshold. If False, no photo is unknown.

            read: called with the photo, the network's input size in pixels and the resize rule; returns RGB pixels
                ``[S,S,3]``, uint8.

        Returns:
            The answer that ``classify`` returns, and the milliseconds for preprocessing and for inference.

        Raises:
            PhotoError: the photo cannot be read.
            ModelError: the network fails.
        """
        scores = self.scores_timed(photo, read)
        threshold = self.model.card.unknown_below if unknown else 0.0
        answer = rank(self.labels, scores.values, top_k, threshold, self.model.novel_below)
        return Timed(answer, scores.preprocess_ms, scores.invoke_ms)

    def classify_scores(self, photo: PhotoSource) -> NDArray[np.float32]:
        """Computes the probabilities of all labels for a photo.

        Args:
            photo: a path, the bytes of an image file, a Pillow image, or an RGB array ``[H,W,3]`` of uint8.

        Returns:
            Probabilities ``[K]``, float32, in the order of ``labels``.

        Raises:
            PhotoError: the photo cannot be read.
            ModelError: the network fails.
        """
        return self.scores_timed(photo).values

    def scores_timed(self, photo: PhotoSource, read: PhotoReader = preprocess) -> Scores:
        """Computes the probabilities of all labels for a photo and measures how long it takes.

        Args:
            photo: a path, the bytes of an image file, a Pillow image, or an RGB array ``[H,W,3]`` of uint8.

            read: called with the photo, the network's input size in pixels and the resize rule; returns RGB pixels
                ``[S,S,3]``, uint8.

        Returns:
            Probabilities ``[K]``, float32, in the order of ``labels``, and the milliseconds for preprocessing and for
            inference.

        Raises:
            PhotoError: the photo cannot be read.
            ModelError: the network fails.
        """
        start = time.perf_counter()
        pixels = read(photo, self.model.card.image_size, self.model.card.resize)
        ready = time.perf_counter()
        scores = self.scores(pixels)
        return Scores(scores, (ready - start) * 1e3, (time.perf_counter() - ready) * 1e3)

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the probabilities of all labels for pixels that ``preprocess`` returned.

        Args:
            pixels: RGB ``[S,S,3]``, uint8, where S is the model card's image size.

        Returns:
            Probabilities ``[K]``, float32, in the order of ``labels``.

        Raises:
            ModelError: the network fails.
        """
        output = self._runner(to_input(pixels, self._runner.input, self.model.card.mean, self.model.card.std))[0]
        return dequantize(output, self._runner.output)

    def _check(self) -> None:
        """Checks that the card, the labels and the network belong together."""
        if self.model.card.resize not in RESIZE_RULES:
            raise ModelError(
                f"{self.model.path} uses resize rule {self.model.card.resize!r}; this version knows "
                f"{', '.join(RESIZE_RULES)}",
                "update graftkit",
            )
        size = self.model.card.image_size
        if self._runner.input.shape != (1, size, size, 3):
            raise ModelError(
                f"{self.model.path} has an input of {list(self._runner.input.shape)}, but its card gives {size} pixels",
                "train it again",
            )
        if self._runner.output.shape != (1, len(self.labels)):
            raise ModelError(
                f"{self.model.path} has {len(self.labels)} labels for an output of {list(self._runner.output.shape)}",
                "train it again",
            )


def _behind_links(path: Path) -> Path:
    """Follows links to the file. Returns the path itself if it has no links, or if the file behind it has no name."""
    real = os.path.realpath(path)
    plain = real == os.path.abspath(path) or not os.path.exists(real)  # noqa: PTH100, PTH110  Path's follow the links
    return path if plain else Path(real)


def to_input(pixels: NDArray[np.uint8], spec: TensorSpec, mean: float, std: float) -> NDArray[Any]:
    """Converts pixels to the input tensor.

    Args:
        pixels: RGB ``[S,S,3]``, uint8.
        spec: the input tensor.
        mean: the value that is subtracted from a float input.
        std: the value by which a float input is then divided.

    Returns:
        ``[1,S,S,3]``: the same uint8 values for a uint8 tensor, else ``(pixels - mean) / std`` as float32.
    """
    if spec.dtype == np.uint8:
        return pixels[np.newaxis]
    return scaled(pixels, mean, std)[np.newaxis]


def scaled(pixels: NDArray[np.uint8], mean: float, std: float) -> NDArray[np.float32]:
    """The numbers that a float network computes with, ``(pixels - mean) / std`` as float32.

    Args:
        pixels: RGB, uint8 of any shape.
        mean: the value that is subtracted.
        std: the value by which the difference is divided.
    """
    return (pixels.astype(np.float32) - np.float32(mean)) / np.float32(std)


def dequantize(stored: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    """Converts the stored values of a tensor to real numbers: ``(stored - zero_point) * scale``.

    Args:
        stored: an array of any shape.
        spec: its scale and zero point. A scale of 0 means that the tensor is not quantized.

    Returns:
        An array of the same shape, float32.
    """
    if spec.scale == 0:
        return stored.astype(np.float32)
    return (stored.astype(np.float32) - np.float32(spec.zero_point)) * np.float32(spec.scale)
