"""Reads photos to learn from: their bottlenecks, as the network of a model computes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize, to_input
from graft_device.errors import GraftError, ModelError, PhotoError, os_reason
from graft_device.learning.flat import FlatNetwork, editing
from graft_device.learning.head_file import HeadShape
from graft_device.learning.remembered import Array
from graft_device.model import ModelFile
from graft_device.preprocess import MAX_BYTES, preprocess
from graft_device.runtime import Runner, open_model
from graft_device.sources.given import given_photos
from graft_device.system.plain import read_plain

_SAME = 0.3
"""Two photos are one if the numbers of their bottlenecks are less than this apart on average, in steps of int8. Two
runtimes give the same photo numbers that are a step apart here and there, and floats are rounded by a quarter."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class Shown:
    """A photo to learn from.

    Attributes:
        name: for people.
        pixels: as the network gets them, uint8 ``[S,S,3]``.
        bottleneck: float32 ``[D]``.
    """

    name: str
    pixels: NDArray[np.uint8]
    bottleneck: Array


@dataclass(frozen=True)
class Taken:
    """The photos that can be learned from.

    Attributes:
        photos: all different.
        skipped: names and reasons of those that cannot be read.
        repeated: how many were there twice.
    """

    photos: tuple[Shown, ...]
    skipped: tuple[tuple[str, str], ...]
    repeated: int


class Opened:
    """A model's network that gives its bottleneck. It must not be shared between threads."""

    def __init__(self, model: ModelFile, network: FlatNetwork, shape: HeadShape, folder: Path, options: Any) -> None:
        """Opens a copy of the network whose output is the bottleneck.

        Args:
            model: the card.
            network: of the file.
            shape: of its head.
            folder: where the copy is put.
            options: ``runtime`` and ``threads``.

        Raises:
            ModelError: the network cannot be opened.
        """
        path = folder / "bottleneck.tflite"
        with editing(model.path):
            path.write_bytes(network.with_output(shape.source))
        try:
            self._runner: Runner = open_model(path, options.runtime, options.threads)
        except ModelError as error:
            raise error.renamed(path, model.path) from error
        if self._runner.output.shape != (1, shape.length):
            raise ModelError(f"{model.path} has no bottleneck of {shape.length} numbers", "train the model again")
        self._card = model.card

    @property
    def scale(self) -> float:
        """The scale of the int8 bottleneck; 0 for floats."""
        return self._runner.output.scale

    def __call__(self, pixels: NDArray[np.uint8]) -> Array:
        """The bottleneck ``[D]`` for pixels ``[S,S,3]``; raises ModelError if the network fails."""
        tensor = to_input(pixels, self._runner.input, self._card.mean, self._card.std)
        bottleneck: Array = dequantize(self._runner(tensor)[0], self._runner.output)
        if not np.isfinite(bottleneck).all():
            raise ModelError("the network gives a bottleneck that is not finite", "train the model again")
        return bottleneck


def take_photos(names: Iterable[str], opened: Opened, model: ModelFile, steps: Array, note: Note) -> Taken:
    """Reads photos and folders of photos; each photo counts once, however often it is given.

    Args:
        names: paths of files and folders.
        opened: the network.
        model: with the card.
        steps: the scale of each number of a bottleneck, ``[D]``.
        note: called with a line for each link to a folder, which is not followed.
    """
    photos: list[Shown] = []
    skipped: list[tuple[str, str]] = []
    digests: set[bytes] = set()
    repeated = 0
    for given in given_photos(names, None, note):
        try:
            if given.photo is None:
                raise PhotoError(given.problem)
            data = _read(Path(str(given.photo)))
            digest = hashlib.sha256(data).digest()
            if digest in digests:
                repeated += 1
                continue
            digests.add(digest)
            pixels = preprocess(data, model.card.image_size, model.card.resize)
        except PhotoError as error:
            skipped.append((given.name, str(error)))
            continue
        bottleneck = opened(pixels)
        if photos and same_as(bottleneck, stacked(tuple(photos)), steps).any():
            repeated += 1
            continue
        photos.append(Shown(given.name, pixels, bottleneck))
    return Taken(tuple(photos), tuple(skipped), repeated)


def same_as(bottleneck: Array, others: Array, steps: Array) -> NDArray[np.bool_]:
    """Which of other bottlenecks are of the same photo.

    Args:
        bottleneck: of a photo, ``[D]``.
        others: ``[N,D]``.
        steps: the scale of each number, ``[D]``.

    Returns:
        ``[N]``.
    """
    same: NDArray[np.bool_] = (np.abs(others - bottleneck) / steps).mean(axis=1) < _SAME
    return same


def stacked(photos: tuple[Shown, ...]) -> Array:
    """The bottlenecks of photos, ``[n,D]``."""
    bottlenecks: Array = np.stack([photo.bottleneck for photo in photos])
    return bottlenecks


def check_given(taken: Taken) -> None:
    """Raises GraftError if there is no photo to learn from."""
    if taken.photos:
        return
    reason = f" ({taken.skipped[0][0]}: {taken.skipped[0][1]})" if taken.skipped else ""
    raise GraftError(f"no photo can be read{reason}", "give photos, or a folder of photos")


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_BYTES)
    except OSError as error:
        raise PhotoError(os_reason(error)) from error
    except ValueError as error:
        raise PhotoError(str(error)) from error
