"""Opens V4L2 cameras and network streams (PyAV), and the Raspberry Pi's own camera (Picamera2)."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from graft_device.sources.base import HopelessError, SourceError
from graft_device.sources.decoding import DecodedFrame, decoded_frames, opened
from graft_device.sources.live import DAMAGED, Opener, Shots
from graft_device.system.urls import hide, scheme, shown

TIMEOUT_S = 10.0
"""Seconds that a network stream may send nothing."""

LARGEST_RAW = 640 * 480
"""The largest frame, in pixels, that a V4L2 camera is asked for in the format that it likes best."""

Size = tuple[int, int]

_INSTALL = "run: sudo apt install python3-picamera2 (and create the venv with --system-site-packages)"


def v4l2(device: str, size: Size) -> Opener:
    """Returns an opener for a V4L2 camera such as ``/dev/video0``, at about ``size`` pixels (width, height).

    A camera that does not have this size gives its nearest one. Above ``LARGEST_RAW``, JPEGs are asked for first: raw
    pixels (YUYV) have two bytes each, and over USB 2 many cameras give only five large frames a second.
    """
    asked = {"video_size": f"{size[0]}x{size[1]}"}
    kinds = [{"input_format": "mjpeg"}, {}] if size[0] * size[1] > LARGEST_RAW else [{}]

    @contextlib.contextmanager
    def opener() -> Iterator[Shots]:
        if not os.path.exists(device):  # noqa: PTH110
            raise SourceError(f"no camera at {device}", f"the available ones are: {_devices()}")
        with contextlib.ExitStack() as stack:
            yield _first_that_opens(device, [{**asked, **kind} for kind in kinds], stack)

    return opener


def _first_that_opens(device: str, choices: Sequence[dict[str, str]], stack: contextlib.ExitStack) -> Shots:
    for options in choices[:-1]:
        with contextlib.suppress(SourceError):
            return stack.enter_context(_av_shots(f"camera {device}", device, format="v4l2", options=options))
    return stack.enter_context(_av_shots(f"camera {device}", device, format="v4l2", options=choices[-1]))


def _devices() -> str:
    return ", ".join(map(str, sorted(Path("/dev").glob("video*")))) or "none"


def stream(url: str, check: Callable[[Any], None] | None = None, jpegs: bool = False) -> Opener:
    """Returns an opener for a network camera: rtsp, http, https, tcp or udp.

    Args:
        url: its address, perhaps with a user and a password.
        check: called with PyAV's container when it is open; may raise SourceError.
        jpegs: whether to look for JPEGs in whatever comes. Each is found when the next one begins.
    """
    kind = {"format": "mjpeg"} if jpegs else {}
    options = {"probesize": "500000", "analyzeduration": "1000000"}
    if scheme(url) in {"rtsp", "rtsps"}:
        options["rtsp_transport"] = "tcp"

    def opener() -> contextlib.AbstractContextManager[Shots]:
        place = _with_lower_scheme(url)
        return _av_shots(without_password(url), place, check, options=options, timeout=TIMEOUT_S, **kind)

    return opener


def picamera2(index: int, size: Size) -> Opener:
    """Returns an opener for the Pi camera with number ``index``, at ``size`` pixels (width, height)."""

    def opener() -> contextlib.AbstractContextManager[Shots]:
        return _picamera2_shots(index, size)

    return opener


def without_password(url: str) -> str:
    """The URL without user, password and query; raises SourceError if it is not a URL."""
    try:
        urlsplit(url)
    except ValueError as error:
        raise SourceError(f"the stream's URL cannot be read ({hide(str(error), url).lower()})") from error
    return shown(url)


def _with_lower_scheme(url: str) -> str:
    """The URL as FFmpeg takes it, which distinguishes capitals in a scheme."""
    return scheme(url) + url[len(scheme(url)) :]


@contextlib.contextmanager
def _av_shots(name: str, place: str, check: Callable[[Any], None] | None = None, **options: Any) -> Iterator[Shots]:
    with opened(name, place, **options) as container:
        if check is not None:
            check(container)
        yield (DAMAGED if frame is None else DecodedFrame(frame) for frame in decoded_frames(container))


@contextlib.contextmanager
def _picamera2_shots(index: int, size: Size) -> Iterator[Shots]:
    camera = _open_picamera2(index)
    try:
        # Its "BGR888" is stored as red, green, blue, which is what the network takes.
        camera.configure(camera.create_video_configuration(main={"size": size, "format": "BGR888"}))
        camera.start()
        yield _captures(camera)
        camera.stop()
    except (RuntimeError, OSError, ValueError) as error:
        raise SourceError(f"the Pi camera {index} failed: {error}") from error
    finally:
        camera.close()


def _open_picamera2(index: int) -> Any:
    try:
        library = importlib.import_module("picamera2")
    except ImportError as error:
        raise HopelessError("the Pi camera needs Picamera2, which is not installed", _INSTALL) from error
    try:
        return library.Picamera2(index)
    except IndexError as error:
        raise SourceError(
            f"no Pi camera {index}", "check its cable, and what rpicam-hello --list-cameras finds"
        ) from error
    except (RuntimeError, OSError) as error:
        raise SourceError(f"cannot open the Pi camera {index}: {error}") from error


def _captures(camera: Any) -> Shots:
    while True:
        yield functools.partial(_as_it_is, camera.capture_array("main"))


def _as_it_is(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels
