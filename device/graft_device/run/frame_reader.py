"""Reads the frames of a run: files in another process, which ends with the run, and pixels in this one."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import numpy as np

from graft_device.errors import PhotoError
from graft_device.system import notify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from graft_device.preprocess import PhotoSource
    from graft_device.preprocess.decoding_process import DecodingProcess
    from graft_device.system.stopping import Stop

GRACE_S = 1.0
"""How long a photo may still take after the run should end, in seconds."""


class StoppedError(Exception):
    """The run should end, and the photo took too long for that."""


class FrameReader:
    """Reads frames as ``preprocess`` does. The other process is started with the first file."""

    def __init__(self, stop: Stop) -> None:
        """Creates a reader that has read nothing yet; ``stop`` ends it."""
        self._stop = stop
        self._stopped_at: float | None = None
        self._ready = False  # systemd takes no sign of life before the start is complete
        self._decoder: DecodingProcess | None = None

    def __call__(self, photo: PhotoSource, size: int, rule: str) -> NDArray[np.uint8]:
        """Reads a frame and resizes it.

        Args:
            photo: the frame, as ``Classifier`` takes it.
            size: the width and height S of the network's input in pixels.
            rule: ``squash`` or ``crop``.

        Returns:
            RGB pixels ``[S,S,3]``, uint8.

        Raises:
            PhotoError: the photo cannot be read, or takes too much memory or time.
            StoppedError: the run should end.
        """
        from graft_device.preprocess import preprocess

        if not isinstance(photo, (str, bytes, os.PathLike)):
            return preprocess(photo, size, rule)
        with self._errors():
            return self._process().preprocess(photo, size, rule, self._is_wanted)

    def decode(self, photo: PhotoSource) -> NDArray[np.uint8]:
        """Reads a photo file as it is.

        Args:
            photo: a path, or the bytes of an image file.

        Returns:
            RGB pixels ``[H,W,3]``, uint8.

        Raises:
            PhotoError: the photo cannot be read, or takes too much memory or time.
            StoppedError: the run should end.
        """
        from graft_device.preprocess import load

        if not isinstance(photo, (str, bytes, os.PathLike)):
            return np.asarray(load(photo), np.uint8)
        with self._errors():
            return self._process().decode(photo, self._is_wanted)

    def prepare(self) -> None:
        """Starts the other process and waits until it answers, so that the first photo does not have to."""
        with contextlib.suppress(PhotoError, StoppedError):
            self(b"", 1, "squash")
        self._ready = True

    def close(self) -> None:
        """Ends the other process."""
        if self._decoder is not None:
            self._decoder.close()

    def _process(self) -> DecodingProcess:
        from graft_device.preprocess.budget import Limits
        from graft_device.preprocess.decoding_process import DecodingProcess

        if self._decoder is None:
            self._decoder = DecodingProcess(Limits.of_machine())
        return self._decoder

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        from graft_device.preprocess.decoding_process import AbandonedError

        try:
            yield
        except AbandonedError:
            raise StoppedError from None
        except MemoryError:
            raise PhotoError("takes more memory to decode than there is", "use a smaller photo") from None

    def _is_wanted(self) -> bool:
        if self._ready:
            notify.watchdog()
        if not self._stop.wanted:
            return True
        self._stopped_at = self._stopped_at or time.monotonic()
        return time.monotonic() - self._stopped_at < GRACE_S
