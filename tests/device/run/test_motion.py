"""The motion gate, on generated videos: what moves is seen, what only shines or flickers is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.motion.clips import END_S, ONSET_S, Clip, frames
from benchmarks.motion.scenes import Pixels, Plane, Sensor, Thing, room
from graft_device.run.background import STILL_S
from graft_device.run.cells import shrink
from graft_device.run.motion import LINGER_S, MotionGate, smallest_share

SIZE = (320, 240)
LEARNED_S = 3.0


def motions(clip: Clip, gate: MotionGate | None = None) -> list[float]:
    """The times at which a gate sees motion, after the first seconds, in which it learns."""
    gate, seen = gate or MotionGate(), []
    for now, pixels in frames(clip):
        gate.update(pixels, now)
        if gate.moving and now >= LEARNED_S:
            seen.append(now)
    return seen


def answers(gate: MotionGate, views: list[Plane], rate: float, sensor: Callable[[Plane], Pixels]) -> list[bool]:
    """Whether each view is classified."""
    return [gate.update(sensor(view), number / rate) for number, view in enumerate(views)]


@pytest.fixture
def scene() -> tuple[Plane, Sensor, Thing]:
    """A room, a sensor, and a bright thing of 40 x 40 pixels."""
    rng = np.random.default_rng(5)
    bright = Thing(np.full((40, 40, 3), 230, np.float32), np.ones((40, 40), np.float32))
    return np.minimum(room(rng, SIZE, "textured"), 160), Sensor(rng, SIZE, 3), bright


@pytest.mark.parametrize("coding", ["raw", "jpeg", "h264"])
@pytest.mark.parametrize(("sigma", "kind"), [(2, "furnished"), (6, "flat"), (12, "textured")])
def test_a_still_view_with_noise_is_no_motion(sigma: float, kind: str, coding: str) -> None:
    if coding == "h264":
        pytest.importorskip("av", reason="PyAV is not installed")
    assert motions(Clip(1, "still", kind, coding, sigma, size=SIZE)) == []


@pytest.mark.parametrize(
    "light", ["lamp", "cone", "veil", "drift", "gamma", "white balance", "clouds", "night", "rain", "shake", "flicker"]
)
@pytest.mark.parametrize("seed", [2, 3])
def test_light_and_weather_are_no_motion(light: str, seed: int) -> None:
    kind = ("gradient", "furnished")[seed % 2]
    assert motions(Clip(seed, light, kind, sigma=4, size=SIZE)) == []


def test_a_lamp_with_a_sharp_edge_is_no_motion(scene: tuple[Plane, Sensor, Thing]) -> None:
    view, sensor, _ = scene
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    lit = view * np.where(np.hypot(x - 150, y - 120) < 100, 1.5, 1).astype(np.float32)[..., None]
    gate = MotionGate(linger_s=1)
    assert answers(gate, [view] * 30 + [lit] * 30, 5, sensor)[10:] == [False] * 50


@pytest.mark.parametrize(
    ("event", "rate"),
    [(event, rate) for event in ("slow", "fast", "crossing") for rate in (0.5, 5, 30)] + [("creeping", 5)],
)
@pytest.mark.parametrize(("shape", "contrast"), [("flat", 60), ("round", -50), ("textured", 90)])
def test_a_thing_that_moves_is_seen(event: str, shape: str, contrast: float, rate: float) -> None:
    seen = motions(Clip(4, event, "textured", sigma=4, rate=rate, size=(160, 120), contrast=contrast, shape=shape))
    assert seen
    assert min(seen) >= ONSET_S


def test_a_thing_in_a_single_frame_is_seen_in_that_frame() -> None:
    seen = motions(Clip(6, "fast", "furnished", size=(640, 480), side=40, contrast=70, rate=5))
    assert seen == [ONSET_S]


def test_a_thing_that_stops_belongs_to_the_view_after_a_while(scene: tuple[Plane, Sensor, Thing]) -> None:
    view, sensor, bright = scene
    gate, rate = MotionGate(linger_s=1), 2
    there, gone = bright.on(view, 100, 100), view
    still = answers(gate, [view] * 20 + [there] * 120 + [gone] * 120, rate, sensor)
    came, left = still[20:140], still[140:]
    assert came[0]
    assert left[0]
    for after in (came, left):
        busy = sum(after) / rate
        assert STILL_S / 2 < busy < STILL_S + 5
        assert not any(after[int((STILL_S + 5) * rate) :])


def test_the_model_runs_on_after_a_motion(scene: tuple[Plane, Sensor, Thing]) -> None:
    view, sensor, bright = scene
    gate = MotionGate()
    shown = answers(gate, [view] * 50 + [bright.on(view, 100, 100)] + [view] * 50, 5, sensor)
    linger = round(LINGER_S * 5)
    assert shown[:linger] == [True] * linger  # the first frames count as motion
    assert shown[linger + 1 : 50] == [False] * (49 - linger)
    assert shown[50 : 51 + linger] == [True] * (linger + 1)
    assert not any(shown[52 + linger :])


def test_a_still_view_is_classified_at_least_every_so_often(scene: tuple[Plane, Sensor, Thing]) -> None:
    view, sensor, _ = scene
    shown = answers(MotionGate(at_least_every=10, linger_s=0), [view] * 100, 2, sensor)
    assert [number for number, wanted in enumerate(shown) if wanted] == [0, 20, 40, 60, 80]


def test_a_higher_sensitivity_sees_smaller_things(scene: tuple[Plane, Sensor, Thing]) -> None:
    view, sensor, _ = scene
    seen = []
    for side in (8, 14, 50):
        small = Thing(np.full((side, side, 3), 230, np.float32), np.ones((side, side), np.float32)).on(view, 104, 100)
        for sensitivity in (1.0, 0.5, 0.0):
            gate = MotionGate(sensitivity, linger_s=0)
            seen.append(answers(gate, [view] * 20 + [small], 5, sensor)[-1])
    assert seen == [True, False, False, True, True, False, True, True, True]
    assert [smallest_share(value) for value in (0, 0.5, 1)] == pytest.approx([0.01, 0.001, 0.0001])


def test_another_size_or_a_lost_camera_starts_over(scene: tuple[Plane, Sensor, Thing]) -> None:
    view, sensor, _ = scene
    gate = MotionGate(linger_s=0)
    assert answers(gate, [view] * 5, 5, sensor) == [True, False, False, False, False]
    assert gate.update(sensor(view)[:120], 2.0)
    assert not gate.update(sensor(view)[:120], 2.2)
    gate.reset()
    assert gate.update(sensor(view)[:120], 2.4)
    assert gate.update(sensor(view)[:120], 0.0)  # a video from its start


def test_a_region_of_a_frame_is_seen_as_its_copy_is(scene: tuple[Plane, Sensor, Thing]) -> None:
    view, sensor, _ = scene
    pixels = sensor(view)
    crop = pixels[30:200, 50:301]
    assert not crop.flags.c_contiguous
    assert np.array_equal(shrink(crop), shrink(crop.copy()))
    grey = np.repeat(pixels[..., 1:2], 3, axis=2)
    assert np.abs(shrink(grey) - shrink(pixels[..., 1])).max() <= 1  # rounded one way or the other


def test_a_cell_is_the_mean_of_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    means = pixels.reshape(12, 4, 16, 4, 3).mean(axis=(1, 3, 4))
    assert np.abs(shrink(pixels) - means).max() <= 0.5 + 1e-3


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 90), width=st.integers(1, 90), colours=st.sampled_from([(), (3,)]),
    levels=st.lists(st.integers(0, 255), min_size=2, max_size=6), sensitivity=st.floats(0, 1),
)  # fmt: skip
def test_a_view_of_one_colour_never_moves(
    height: int, width: int, colours: tuple[int, ...], levels: list[int], sensitivity: float
) -> None:
    gate = MotionGate(sensitivity, linger_s=0)
    shown = [
        gate.update(np.full((height, width, *colours), level, np.uint8), float(now)) for now, level in enumerate(levels)
    ]
    assert shown == [True] + [False] * (len(levels) - 1)


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 60), width=st.integers(1, 60), seed=st.integers(0, 1000),
    steps=st.lists(st.floats(0, 1e6), min_size=1, max_size=6),
)  # fmt: skip
def test_any_pictures_at_any_pace_have_an_answer(height: int, width: int, seed: int, steps: list[float]) -> None:
    rng, gate, now = np.random.default_rng(seed), MotionGate(0.5), 0.0
    for step in steps:
        now += step
        gate.update(rng.integers(0, 256, (height, width, 3), np.uint8), now)
        assert 0 <= gate.share <= 1


def test_the_clips_are_as_long_as_they_say() -> None:
    times = [now for now, _ in frames(Clip(0, "still", size=(64, 48), rate=2))]
    assert times == [number / 2 for number in range(int(END_S * 2))]
