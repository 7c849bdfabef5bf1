"""Short generated videos in which nothing moves, or one thing does, with what a camera and its light add."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmarks.motion.lights import Light
from benchmarks.motion.scenes import Pixels, Plane, Sensor, room, thing

ROOMS = ("flat", "gradient", "textured", "furnished")
MOVES = {"slow": 20, "fast": 0, "crossing": 300, "creeping": 6, "stopping": 150}
"""Pixels a second in a frame of 640; what is fast is in one frame only."""

CODINGS = ("raw", "jpeg", "h264")

ONSET_S = 8.0
"""When the thing appears, or the lamp changes within a second."""

END_S = 16.0
"""When the video ends."""

_WIDTH = 640
_JPEG_QUALITY = 60
_BITS_A_SECOND = 150_000  # of 640 x 480 pixels at 5 frames a second


@dataclass(frozen=True)
class Clip:
    """What a video shows.

    Attributes:
        seed: of every choice.
        event: of ``LIGHTS`` or ``MOVES``: the one thing that happens.
        room: of ``ROOMS``.
        coding: of ``CODINGS``.
        sigma: the noise of the sensor in levels.
        rate: frames a second.
        size: width and height in pixels.
        side: width of the thing in pixels of 640.
        contrast: of the thing, in levels.
        shape: of the thing.
    """

    seed: int
    event: str
    room: str = "textured"
    coding: str = "raw"
    sigma: float = 4.0
    rate: float = 5.0
    size: tuple[int, int] = (640, 480)
    side: int = 48
    contrast: float = 40.0
    shape: str = "flat"

    @property
    def moves(self) -> bool:
        """Whether something moves."""
        return self.event in MOVES


def frames(clip: Clip) -> Iterator[tuple[float, Pixels]]:
    """The times in seconds and the frames ``[H,W,3]``."""
    shots = _shots(clip)
    if clip.coding == "h264":
        return _through_h264(shots, clip)
    return shots


def _shots(clip: Clip) -> Iterator[tuple[float, Pixels]]:
    rng = np.random.default_rng(clip.seed)
    view = room(rng, clip.size, clip.room)
    sensor = Sensor(rng, clip.size, clip.sigma)
    scene: Callable[[float, int], Plane]
    if clip.moves:
        scene = _Move(rng, clip, view)
    else:
        scene = Light(rng, view, clip.event, ONSET_S + rng.uniform(0, 1), ramp=bool(clip.seed % 2))
    for number in range(int(END_S * clip.rate)):
        now = number / clip.rate
        shown = sensor(scene(now, number))
        yield now, (_jpeg(shown) if clip.coding == "jpeg" else shown)


class _Move:
    """A view in which one thing moves."""

    def __init__(self, rng: np.random.Generator, clip: Clip, view: Plane) -> None:
        self._clip, self._view = clip, view
        width, height = clip.size
        side = max(3, clip.side * width // _WIDTH)
        self._thing = thing(rng, view, side, clip.contrast, clip.shape)
        self._y = rng.uniform(0.1, 0.9) * (height - side)
        self._at = rng.uniform(0.2, 0.8) * (width - side)
        self._side = side
        self._speed = MOVES[clip.event] * width / _WIDTH
        self._fast = math.ceil(ONSET_S * clip.rate)

    def __call__(self, now: float, number: int) -> Plane:
        if now < ONSET_S:
            return self._view
        if self._clip.event == "fast":
            return self._thing.on(self._view, self._at, self._y) if number == self._fast else self._view
        if self._clip.event == "stopping":
            return self._thing.on(self._view, min(-self._side + self._speed * (now - ONSET_S), self._at), self._y)
        return self._thing.on(self._view, -self._side + self._speed * (now - ONSET_S), self._y)


def _jpeg(pixels: Pixels) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return np.asarray(Image.open(buffer))


def _through_h264(shots: Iterator[tuple[float, Pixels]], clip: Clip) -> Iterator[tuple[float, Pixels]]:
    """Codes the frames with few bits and a keyframe every ten frames, as network cameras do, and decodes them."""
    import av

    buffer, times = io.BytesIO(), list[float]()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=max(1, round(clip.rate)))
        stream.width, stream.height = clip.size
        stream.pix_fmt, stream.gop_size = "yuv420p", 10
        stream.bit_rate = int(_BITS_A_SECOND * clip.rate / 5 * clip.size[0] * clip.size[1] / (_WIDTH * 480))
        stream.options = {"preset": "veryfast", "tune": "zerolatency"}
        for now, pixels in shots:
            times.append(now)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as coded:
        for now, frame in zip(times, coded.decode(video=0), strict=True):
            yield now, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
