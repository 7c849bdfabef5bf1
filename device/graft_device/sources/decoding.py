"""Decodes video files, V4L2 cameras and network streams with PyAV (FFmpeg)."""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import PhotoError
from graft_device.sources.base import HopelessError, SourceError
from graft_device.system.urls import hide

_PLANAR = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray")
_WITH_BRIGHTNESS = {**dict.fromkeys(_PLANAR, 1), "yuyv422": 2}
"""FFmpeg's names of the formats whose first plane begins with a byte of brightness, and the bytes to the next one."""

INSTALL = 'python3 -m pip install "av>=15.1" (on 32-bit Arm: sudo apt install python3-av)'


def pyav(purpose: str) -> Any:
    """Imports PyAV, which prints nothing by default.

    Raises:
        HopelessError: it is not installed or does not work here. The remedy is the command that installs it.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise HopelessError(f"{purpose} needs PyAV, which is not installed", f"run: {INSTALL}") from error


@contextlib.contextmanager
def opened(name: str, place: str, **options: Any) -> Iterator[Any]:
    """Opens an input container and closes it at the end of the ``with`` block.

    Args:
        name: its name in errors.
        place: a path or URL.
        options: arguments of ``av.open``.

    Raises:
        SourceError: it cannot be opened, or reading it fails.
    """
    av = pyav(f"reading {name}")
    started = time.monotonic()
    silent = f"no data for {options.get('timeout', 0):g} seconds"
    is_open = False
    try:
        with av.open(place, **options) as container:
            is_open = True
            if not container.streams.video:
                raise SourceError(f"{name} holds no video")
            yield container
    except av.error.ExitError as error:  # PyAV raises this after ``timeout``
        raise SourceError(f"cannot read {name}: {silent}") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if not is_open and "timeout" in options and time.monotonic() - started >= options["timeout"]:
            raise SourceError(f"cannot read {name}: {silent}") from error  # RTSP calls that invalid data
        if getattr(error, "errno", None) == errno.ENOTTY:
            raise HopelessError(f"cannot read {name}: {reason(error)}", "it is no camera") from error
        raise SourceError(f"cannot read {name}: {hide(reason(error), place)}") from error


def decoded_frames(container: Any) -> Iterator[Any]:
    """Yields the decoded frames of a container's first video stream, and None for each damaged one.

    By itself FFmpeg fills in what is missing of a frame, such as the lower half, and takes it for whole. Frames whose
    references are missing, as at the start of a stream, are skipped.

    Args:
        container: from ``opened``.
    """
    invalid = pyav("decoding").error.InvalidDataError
    stream = container.streams.video[0]
    with contextlib.suppress(RuntimeError):  # the decoder is open already
        stream.codec_context.options = {**stream.codec_context.options, "err_detect": "explode"}
    for packet in container.demux(stream):
        try:
            decoded = packet.decode()
        except invalid:
            yield None
            continue
        yield from (frame for frame in decoded if not frame.is_corrupt)


class DecodedFrame:
    """Loads a decoded frame: called, as RGB pixels ``[H,W,3]``, uint8.

    Attributes:
        grey: returns its brightness ``[H,W]``, uint8; None where the frame does not hold it apart from its colours.
    """

    __slots__ = ("_frame", "grey")

    def __init__(self, frame: Any) -> None:
        """Converts nothing; ``frame`` is PyAV's."""
        self._frame = frame
        self.grey = functools.partial(_brightness, frame) if frame.format.name in _WITH_BRIGHTNESS else None

    def __call__(self) -> NDArray[np.uint8]:
        """The frame's pixels; raises PhotoError if they cannot be converted."""
        try:
            pixels: NDArray[np.uint8] = self._frame.to_ndarray(format="rgb24")
        except (pyav("decoding").error.FFmpegError, ValueError) as error:
            raise PhotoError(f"a frame that cannot be converted to RGB ({reason(error)})") from error
        return _upright(pixels, self._frame)


def _brightness(frame: Any) -> NDArray[np.uint8]:
    """The first plane of a frame, which is its brightness; of packed pixels, every other byte of it."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height]
    step = _WITH_BRIGHTNESS[frame.format.name]
    grey = rows[:, : step * frame.width : step]
    grey.flags.writeable = False
    return _upright(grey, frame)


def _upright(pixels: NDArray[np.uint8], frame: Any) -> NDArray[np.uint8]:
    turns = round(getattr(frame, "rotation", 0) / 90)  # counter-clockwise: how a phone was held
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns % 4 else pixels


def reason(error: BaseException) -> str:
    """FFmpeg's reason in lower case, for use inside a sentence."""
    return str(getattr(error, "strerror", None) or error).lower()
