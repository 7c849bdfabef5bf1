"""An hour of the bench as video: parts that come and go, lamps, an exposure that drifts, and a noisy evening."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.motion.bench import NOTHING, SIZE, Bench, Part
from benchmarks.motion.scenes import Pixels, Plane, Sensor

SLIDE_S = 3.0
"""Seconds in which a part slides into the view, or out of it."""

_GAP_S, _STAY_S, _LAMP_S = (40, 160), (12, 50), (90, 200)
_EVENING = 2 / 3  # of the video, after which it is darker and noisier
_NOISE, _EVENING_NOISE, _EVENING_LIGHT = 4.0, 8.0, 0.6
_DRIFT_S = 600
_BITS_A_FRAME = 60_000


@dataclass(frozen=True)
class Visit:
    """A part that comes and goes.

    Attributes:
        part: the part.
        start: when its edge comes into the view, in seconds.
        end: when it has left it.
    """

    part: Part
    start: float
    end: float

    def shift(self, now: float) -> float:
        """How many pixels the part is from its place."""
        away = max(1 - (now - self.start) / SLIDE_S, 0) - max(1 - (self.end - now) / SLIDE_S, 0)
        return away * SIZE[0]


@dataclass(frozen=True)
class Plan:
    """What happens in the video.

    Attributes:
        visits: in order; one ends before the next one begins.
        lamps: when the lamp is switched on or off, in seconds.
        lamp: the light of the lamp ``[480,640,1]``, as a share of the other light.
        seconds: the length.
    """

    visits: tuple[Visit, ...]
    lamps: tuple[float, ...]
    lamp: Plane
    seconds: float

    def label(self, now: float) -> str:
        """What is on the bench."""
        return next((visit.part.label for visit in self.visits if visit.start <= now < visit.end), NOTHING)


def plan(bench: Bench, seconds: float, seed: int) -> Plan:
    """Draws what happens."""
    rng = np.random.default_rng(seed)
    visits, now = list[Visit](), rng.uniform(*_GAP_S)
    while now + 2 * SLIDE_S + _STAY_S[1] < seconds:
        end = now + 2 * SLIDE_S + rng.uniform(*_STAY_S)
        visits.append(Visit(bench.parts[rng.integers(len(bench.parts))], now, end))
        now = end + rng.uniform(*_GAP_S)
    lamps, now = list[float](), rng.uniform(*_LAMP_S)
    while now < seconds:
        lamps.append(now)
        now += rng.uniform(*_LAMP_S)
    return Plan(tuple(visits), tuple(lamps), _cone(rng), seconds)


def view(bench: Bench, planned: Plan, now: float) -> Plane:
    """The light of the view ``[480,640,3]`` at a time in seconds."""
    visit = next((visit for visit in planned.visits if visit.start <= now < visit.end), None)
    shown = bench.bare if visit is None else bench.with_part(visit.part, visit.shift(now))
    level = 1 + 0.15 * math.sin(2 * math.pi * now / _DRIFT_S)
    if now > _EVENING * planned.seconds:
        level *= _EVENING_LIGHT
    light = np.float32(level) * (1 + planned.lamp * np.float32(sum(now >= lamp for lamp in planned.lamps) % 2))
    lit: Plane = shown * light
    return lit


def frames(bench: Bench, planned: Plan, rate: int, seed: int) -> Iterator[Pixels]:
    """The frames ``[480,640,3]``."""
    rng = np.random.default_rng(seed)
    day, evening = Sensor(rng, SIZE, _NOISE), Sensor(rng, SIZE, _EVENING_NOISE)
    for number in range(int(planned.seconds * rate)):
        now = number / rate
        sensor = day if now <= _EVENING * planned.seconds else evening
        yield sensor(view(bench, planned, now))


def write_hour(path: Path, bench: Bench, planned: Plan, rate: int, seed: int) -> None:
    """Writes the video; an interrupted run leaves none.

    Args:
        path: an MP4.
        bench: what is seen.
        planned: what happens.
        rate: frames a second.
        seed: of the noise.
    """
    import av

    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.gop_size, stream.bit_rate = "yuv420p", 10 * rate, _BITS_A_FRAME * rate
        stream.options = {"preset": "ultrafast"}
        for pixels in frames(bench, planned, rate, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    part.replace(path)


def _cone(rng: np.random.Generator) -> Plane:
    width, height = SIZE
    y, x = np.mgrid[:height, :width].astype(np.float32)
    away = np.hypot(x - rng.uniform(0.2, 0.8) * width, y - rng.uniform(0.2, 0.8) * height) / width
    cone: Plane = (0.5 * np.exp(-((away / 0.35) ** 2)))[..., None].astype(np.float32)
    return cone
