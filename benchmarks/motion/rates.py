"""How often the motion gate is wrong on generated videos, beside OpenCV's background subtractors, and what it costs.

Each clip is 16 seconds of a view in which one thing happens after 8 seconds: a light changes, or something moves. The
first three seconds are for learning and do not count. OpenCV's subtractors are as their documents use them, with
shadows detected and left out, on frames of half the size; the same share of the view must be foreground.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.kept_lines import keep, read_lines
from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.motion.clips import CODINGS, MOVES, ONSET_S, ROOMS, Clip, frames
from benchmarks.motion.lights import LIGHTS
from benchmarks.motion.scenes import Pixels
from graft_device.run.motion import SENSITIVITY, MotionGate, smallest_share
from graft_device.system.machine import usable_cores

LEARNED_S = 3.0
METHODS = ("gate", "MOG2", "KNN")

_SHADOW = 127
_LARGE = (1920, 1080)


@dataclass(frozen=True)
class Outcome:
    """What the methods made of one clip.

    Attributes:
        seed: of the clip.
        event: what happens in it.
        wrong: by method: whether it saw motion where there was none, before something moved too.
        missed: by method: whether it saw none where there was some.
    """

    seed: int
    event: str
    wrong: dict[str, bool] = field(default_factory=dict)
    missed: dict[str, bool] = field(default_factory=dict)


def clips(seed: int) -> Iterator[Clip]:
    """One clip of each event; the other choices are drawn."""
    rng = np.random.default_rng((7, seed))
    for event in (*LIGHTS, *MOVES):
        yield Clip(
            seed, event,
            room=ROOMS[rng.integers(len(ROOMS))],
            coding=CODINGS[rng.choice(3, p=(0.5, 0.25, 0.25))],
            sigma=float(rng.uniform(2, 12)),
            rate=float(rng.choice([1, 2, 5, 10])),
            side=int(rng.integers(24, 100)),
            contrast=float(rng.choice([-1, 1]) * rng.uniform(20, 90)),
            shape=("flat", "round", "textured")[rng.integers(3)],
        )  # fmt: skip


def outcome(clip: Clip) -> Outcome:
    """What each method makes of a clip."""
    methods = _methods()
    early, late = dict.fromkeys(methods, False), dict.fromkeys(methods, False)
    for now, pixels in frames(clip):
        for name, moves in methods.items():
            if moves(pixels, now) and now >= LEARNED_S:
                (late if clip.moves and now >= ONSET_S else early)[name] = True
    missed = {name: clip.moves and not late[name] for name in methods}
    return Outcome(clip.seed, clip.event, early, missed)


def _methods() -> dict[str, Callable[[Pixels, float], bool]]:
    import cv2

    cv2.setNumThreads(1)
    gate = MotionGate(SENSITIVITY)

    def gated(pixels: Pixels, now: float) -> bool:
        gate.update(pixels, now)
        return gate.moving

    found: dict[str, Callable[[Pixels, float], bool]] = {METHODS[0]: gated}
    for name, subtractor in (
        ("MOG2", cv2.createBackgroundSubtractorMOG2(detectShadows=True)),
        ("KNN", cv2.createBackgroundSubtractorKNN(detectShadows=True)),
    ):
        found[name] = partial(_foreground, subtractor)
    return found


def _foreground(subtractor: Any, pixels: Pixels, _: float) -> bool:
    """Whether a subtractor sees enough; grains of noise are removed by an opening, as its documents advise."""
    import cv2

    small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    mask = (subtractor.apply(small) > _SHADOW).astype(np.uint8)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return bool(opened.mean() >= smallest_share(SENSITIVITY))


def cost_ms(size: tuple[int, int]) -> dict[str, tuple[float, float]]:
    """Milliseconds of this thread for a frame of a size: median, and that of the tenth that took longest."""
    shown = list(frames(Clip(1, "crossing", "furnished", size=size)))
    costs = {}
    for name, moves in _methods().items():
        taken = []
        for now, pixels in shown:
            start = time.thread_time()
            moves(pixels, now)
            taken.append((time.thread_time() - start) * 1e3)
        costs[name] = (median(taken), float(np.quantile(taken, 0.9)))
    return costs


def table(outcomes: list[Outcome]) -> list[str]:
    """The clips in which each method was wrong, by event, as lines of Markdown."""
    lines = [
        "| what happens | clips | " + " | ".join(f"{name}: false" for name in METHODS) + " | "
        + " | ".join(f"{name}: missed" for name in METHODS) + " |",
        "| --- |" + " --: |" * (1 + 2 * len(METHODS)),
    ]  # fmt: skip
    lines += [
        _row(event, [each for each in outcomes if each.event == event], event in MOVES) for event in (*LIGHTS, *MOVES)
    ]
    lines.append(_row("all lights", [each for each in outcomes if each.event in LIGHTS], moves=False))
    lines.append(_row("all that moves", [each for each in outcomes if each.event in MOVES], moves=True))
    return lines


def _row(name: str, outcomes: list[Outcome], moves: bool) -> str:
    false = [str(sum(each.wrong[method] for each in outcomes)) for method in METHODS]
    missed = [str(sum(each.missed[method] for each in outcomes)) if moves else "" for method in METHODS]
    return f"| {name} | {len(outcomes)} | {' | '.join(false)} | {' | '.join(missed)} |"


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.motion.rates", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=30, help="clips of each event (default: 30)")
    parser.add_argument("--kept", type=Path, default=Path("motion_rates.jsonl"), help="results of an interrupted run")
    given = parser.parse_args()
    costs = {size: cost_ms(size) for size in ((640, 480), _LARGE)}
    done = read_lines(given.kept, Outcome)
    known = {(each.seed, each.event) for each in done}
    wanted = [clip for seed in range(given.seeds) for clip in clips(seed) if (seed, clip.event) not in known]
    with ProcessPoolExecutor(usable_cores()) as pool:
        for found in pool.map(outcome, wanted):
            keep(given.kept, found)
            done.append(found)
    lines = [hardware_line(usable_cores()), versions_line(), dated(), "", *table(done), ""]
    for (width, height), cost in costs.items():
        text = ", ".join(f"{name} {middle:.2f} ({slow:.2f})" for name, (middle, slow) in cost.items())
        lines.append(f"- CPU milliseconds of a frame of {width} x {height}, median (90%): {text}.")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
