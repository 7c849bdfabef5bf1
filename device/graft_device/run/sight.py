"""What the models of a source see of a frame: the whole without the masked parts, and its regions."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_device.config.areas import Mask
    from graft_device.preprocess import PhotoSource
    from graft_device.run.observers import Box


class Masks:
    """Blanks parts of frames out: they become black.

    Attributes:
        masks: the parts.
    """

    def __init__(self, masks: Sequence[Mask]) -> None:
        """Draws nothing until the first frame shows the size.

        Args:
            masks: the parts, in shares of the frame or in pixels.
        """
        self.masks = tuple(masks)
        self._drawn: NDArray[np.bool_] = np.zeros((0, 0), bool)

    def __bool__(self) -> bool:
        """Whether there is anything to blank out."""
        return bool(self.masks)

    def applied(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of the pixels ``[H,W,3]`` or ``[H,W]``, uint8, with the masked parts black."""
        hidden = self._drawn  # one reading: the page's thread may mask a frame, too
        if pixels.shape[:2] != hidden.shape:
            hidden = self._drawn = self._draw(pixels.shape[0], pixels.shape[1])
        result = pixels.copy()
        result[hidden] = 0
        return result

    def _draw(self, height: int, width: int) -> NDArray[np.bool_]:
        plane = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(plane)
        for mask in self.masks:
            across, down = (width, height) if mask.shares else (1, 1)
            draw.polygon([(x * across, y * down) for x, y in mask.points], fill=1)
        return np.asarray(plane, dtype=bool)


class Sight:
    """One frame of a source, loaded once and only if somebody looks at it: the loop, or the page in another thread."""

    def __init__(
        self,
        load: Callable[[], PhotoSource],
        masks: Masks,
        decode: Callable[[PhotoSource], NDArray[np.uint8]],
        grey: Callable[[], NDArray[np.uint8]] | None = None,
    ) -> None:
        """Loads nothing.

        Args:
            load: returns the frame as ``Classifier`` takes it.
            masks: the parts to blank out.
            decode: turns a file's path or bytes into RGB pixels ``[H,W,3]``, uint8.
            grey: returns the frame's brightness ``[H,W]``, uint8, faster than its colours; None where there is no
                such way.
        """
        self._load = load
        self._masks = masks
        self._decode = decode
        self._grey = grey
        self._lock = threading.RLock()  # a frame of a video is converted by one thread at a time
        self._photo: PhotoSource | None = None
        self._pixels: NDArray[np.uint8] | None = None
        self._brightness: NDArray[np.uint8] | None = None

    def photo(self) -> PhotoSource:
        """The whole frame as ``Classifier`` takes it: a file stays one, unless parts are masked."""
        if self._masks:
            return self.pixels()
        return self._loaded()

    def _loaded(self) -> PhotoSource:
        with self._lock:
            if self._photo is None:
                self._photo = self._load()
            return self._photo

    def pixels(self) -> NDArray[np.uint8]:
        """The whole frame as RGB ``[H,W,3]``, uint8, without the masked parts.

        Raises:
            PhotoError: it cannot be decoded.
        """
        with self._lock:
            if self._pixels is None:
                photo = self._loaded()
                is_file = isinstance(photo, (str, bytes, os.PathLike))
                pixels = self._decode(photo) if is_file else np.asarray(photo, np.uint8)
                self._pixels = self._masks.applied(pixels) if self._masks else pixels
            return self._pixels

    def brightness(self) -> NDArray[np.uint8]:
        """The whole frame for the motion gate: ``[H,W]`` where that is the faster way, else ``[H,W,3]``; uint8.

        It is the same way for each frame of a source: brightness and the mean of the colours differ.
        """
        if self._grey is None:
            return self.pixels()
        with self._lock:
            if self._brightness is None:
                plane = self._grey()
                self._brightness = self._masks.applied(plane) if self._masks else plane
            return self._brightness


def cropped(pixels: NDArray[np.uint8], box: Box | None) -> NDArray[np.uint8]:
    """A part of pixels ``[H,W,3]`` or ``[H,W]``, without a copy; the whole for None."""
    if box is None:
        return pixels
    left, upper, right, lower = box
    return pixels[upper:lower, left:right]
