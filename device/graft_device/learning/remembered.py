"""The bottlenecks that a model file remembers, with their classes: reads and writes the stream of ``memory.bin``.

The stream of ``photos`` is the class of each photo as uint16, little endian, and then the bottlenecks as int8, one
after the other. Photos of none of the classes have class 65,535. The stream of ``means`` is the number of photos of
each class as uint32, then the mean of each class and the variance of all as float32, little endian.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_device.model.memory import MEANS, PHOTOS, MemoryHeader, Part

Array = NDArray[np.float32]
Labels = NDArray[np.int64]

NEGATIVE = -1
"""The class of a photo that is of none of the classes."""

MOST_OF_A_CLASS = 500
"""Photos of a class that are remembered at most."""

MOST_BYTES = 4 << 20
"""Bytes of all bottlenecks that are remembered at most, before they are packed."""

_STORED_NEGATIVE = 0xFFFF
_LEVEL = 9
_DRAWN = 60
"""Bottlenecks that are drawn for a class of which only the mean is remembered."""


@dataclass(frozen=True)
class Remembered:
    """Bottlenecks and their classes.

    Attributes:
        bottlenecks: float32 ``[N,D]``.
        labels: the class of each, or ``NEGATIVE``, ``[N]``.
        unfitted: which are of photos that the backbone was not fitted to, ``[N]``. Only they may judge a head.
        drawn: whether they were drawn around the means of the classes, and are of no photo.
    """

    bottlenecks: Array
    labels: Labels
    unfitted: NDArray[np.bool_]
    drawn: bool = False


@dataclass(frozen=True)
class Means:
    """What is remembered of classes without any photo.

    Attributes:
        counts: photos of each class, ``[K]``.
        means: of each class, float32 ``[K,D]``; of the square roots if ``roots``.
        variance: of the numbers around the mean of their class, float32 ``[D]``.
        roots: whether they are of the square roots.
    """

    counts: Labels
    means: Array
    variance: Array
    roots: bool


def unpack_photos(header: MemoryHeader, stream: bytes, classes: int) -> Remembered:
    """Unpacks a stream of ``photos``; raises ValueError if it is damaged.

    Args:
        header: of the memory.
        stream: as packed in the file.
        classes: the number K of classes of the model.
    """
    data = _unpacked(header, stream)
    stored = np.frombuffer(data, "<u2", header.rows).astype(np.int64)
    labels = np.where(stored == _STORED_NEGATIVE, NEGATIVE, stored)
    if (labels >= classes).any():
        raise ValueError("a class that the model does not have")
    values = np.frombuffer(data, np.int8, offset=2 * header.rows).reshape(header.rows, header.length)
    unfitted = np.arange(header.rows) >= header.rows - header.unfitted
    return Remembered(dequantized(values, header.parts), labels, unfitted)


def unpack_means(header: MemoryHeader, stream: bytes, classes: int) -> Means:
    """Unpacks a stream of ``means``; raises ValueError if it is damaged or of another number of classes."""
    data = _unpacked(header, stream)
    if header.rows != classes:
        raise ValueError("a class that the model does not have")
    counts = np.frombuffer(data, "<u4", classes).astype(np.int64)
    values = np.frombuffer(data, "<f4", offset=4 * classes).astype(np.float32).reshape(classes + 1, header.length)
    if not np.isfinite(values).all() or (values[-1] < 0).any() or not counts.all():
        raise ValueError("means that are no numbers")
    return Means(counts, values[:-1], values[-1], header.roots)


def pack_photos(parts: Sequence[Part], remembered: Remembered) -> bytes:
    """The entry for bottlenecks; those that judge no head must come first."""
    stored = np.where(remembered.labels < 0, _STORED_NEGATIVE, remembered.labels).astype("<u2")
    values = quantized(remembered.bottlenecks, parts)
    header = MemoryHeader(PHOTOS, len(stored), tuple(parts), int(remembered.unfitted.sum()))
    return header.line() + zlib.compress(stored.tobytes() + values.tobytes(), _LEVEL)


def pack_means(parts: Sequence[Part], means: Means) -> bytes:
    """The entry for means."""
    numbers = np.concatenate([means.means, means.variance[np.newaxis]]).astype("<f4")
    header = MemoryHeader(MEANS, len(means.counts), tuple(parts), len(means.counts), means.roots)
    return header.line() + zlib.compress(means.counts.astype("<u4").tobytes() + numbers.tobytes(), _LEVEL)


def means_of(bottlenecks: Array, labels: Labels, classes: int) -> Means:
    """The means of classes that all have a photo, and the variance around them."""
    roots = bool(bottlenecks.min() >= 0)
    values = np.sqrt(bottlenecks) if roots else bottlenecks
    means = np.stack([values[labels == label].mean(axis=0) for label in range(classes)])
    variance = np.square(values - means[labels]).mean(axis=0, dtype=np.float64).astype(np.float32)
    return Means(np.bincount(labels.astype(np.intp), minlength=classes), means, variance, roots)


def draw(means: Means, seed: int = 0) -> Remembered:
    """Draws bottlenecks around the means of the classes, the same number for each."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(means.counts)), _DRAWN)
    noise = rng.normal(size=(len(labels), means.means.shape[1])) * np.sqrt(means.variance)
    values = (means.means[labels] + noise).astype(np.float32)
    if means.roots:
        values = np.square(np.maximum(values, 0)).astype(np.float32)
    return Remembered(values, labels, np.ones(len(labels), bool), drawn=True)


def kept_rows(labels: Labels, length: int) -> Labels:
    """Chooses which bottlenecks are remembered: as many of each class as there is room for, the same on every run.

    Args:
        labels: the class of each, ``[N]``.
        length: the numbers of a bottleneck.

    Returns:
        The rows in their order.
    """
    counts = np.unique(labels, return_counts=True)[1]
    room, quota = max(MOST_BYTES // length, len(counts)), MOST_OF_A_CLASS
    while quota > 1 and np.minimum(counts, quota).sum() > room:
        quota -= 1
    rng = np.random.default_rng(0)
    chosen = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        chosen.append(rows if len(rows) <= quota else np.sort(rng.choice(rows, quota, replace=False)))
    return np.sort(np.concatenate(chosen))


def quantized(bottlenecks: Array, parts: Sequence[Part]) -> NDArray[np.int8]:
    """Rounds bottlenecks ``[N,D]`` to the steps of their taps; those of an int8 network stay as they are."""
    scale, zero = steps_of(parts)
    stored: NDArray[np.int8] = np.clip(np.rint(bottlenecks / scale) + zero, -128, 127).astype(np.int8)
    return stored


def dequantized(values: NDArray[np.int8], parts: Sequence[Part]) -> Array:
    """The real numbers of stored bottlenecks ``[N,D]``."""
    scale, zero = steps_of(parts)
    real: Array = (values.astype(np.float32) - zero) * scale
    return real


def steps_of(parts: Sequence[Part]) -> tuple[Array, Array]:
    """Scale and zero point of each number of a bottleneck, float32 ``[D]``."""
    lengths = [part.length for part in parts]
    scales = np.array([part.scale for part in parts], np.float32)
    zeros = np.array([part.zero_point for part in parts], np.float32)
    return np.repeat(scales, lengths), np.repeat(zeros, lengths)


def _unpacked(header: MemoryHeader, stream: bytes) -> bytes:
    unpacking, size = zlib.decompressobj(), header.stream_bytes
    try:
        data = unpacking.decompress(stream, size + 1)
    except zlib.error as error:
        raise ValueError("a stream that is damaged") from error
    if len(data) != size or not unpacking.eof or unpacking.unused_data:
        raise ValueError("a stream of another size")
    return data
