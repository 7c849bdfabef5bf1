"""Decodes video files, V4L2 cameras and network streams with PyAV (FFmpeg)."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import PhotoError
from graft_device.sources.base import SourceError
from graft_device.system.urls import hide

INSTALL = 'python3 -m pip install "av>=15.1" (on 32-bit Arm: sudo apt install python3-av)'


def pyav(purpose: str) -> Any:
    """Imports PyAV, which prints nothing by default.

    Raises:
        SourceError: it is not installed or does not work here. The remedy is the command that installs it.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise SourceError(f"{purpose} needs PyAV, which is not installed", f"run: {INSTALL}") from error


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
    try:
        with av.open(place, **options) as container:
            if not container.streams.video:
                raise SourceError(f"{name} holds no video")
            yield container
    except av.error.ExitError as error:  # PyAV raises this after ``timeout``
        raise SourceError(f"cannot read {name}: no data for {options.get('timeout', 0):g} seconds") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
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


def loader(frame: Any) -> functools.partial[NDArray[np.uint8]]:
    """Returns a function that converts a decoded frame to RGB pixels ``[H,W,3]``, uint8."""
    return functools.partial(_rgb, frame)


def _rgb(frame: Any) -> NDArray[np.uint8]:
    try:
        pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    except (pyav("decoding").error.FFmpegError, ValueError) as error:
        raise PhotoError(f"a frame that cannot be converted to RGB ({reason(error)})") from error
    turns = round(getattr(frame, "rotation", 0) / 90)  # counter-clockwise: how a phone was held
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns % 4 else pixels


def reason(error: BaseException) -> str:
    """FFmpeg's reason in lower case, for use inside a sentence."""
    return str(getattr(error, "strerror", None) or error).lower()
