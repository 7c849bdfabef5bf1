"""How long one inference of each of several networks takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from graft_device.runtime import open_model
from graft_host.isolated import Progress

_TURNS = 5
_WARM_UP = 3
_ROUNDS = 9


def median_ms(paths: Sequence[Path], threads: int, progress: Progress) -> tuple[str, list[float]]:
    """Times networks in turns, one open at a time.

    Args:
        paths: int8 networks, whose input is uint8.
        threads: for one inference.
        progress: called with (inferences done, inferences).

    Returns:
        The runtime, and for each network the median milliseconds of one inference in the quietest of its turns: what
        else the machine does can only make it slower.
    """
    taken: list[list[float]] = [[] for _ in paths]
    runtime = ""
    for turn in range(_TURNS):
        for place, path in enumerate(paths):
            runtime, median_of_turn = _turn(path, threads, place)
            taken[place].append(median_of_turn)
            progress((turn * len(paths) + place + 1) * _ROUNDS, _TURNS * len(paths) * _ROUNDS)
    return runtime, [min(medians) for medians in taken]


def _turn(path: Path, threads: int, seed: int) -> tuple[str, float]:
    runner = open_model(path, threads=threads)
    noise = np.random.default_rng(seed).integers(0, 256, runner.input.shape, np.uint8)
    for _ in range(_WARM_UP):
        runner(noise)
    taken = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        runner(noise)
        taken.append((time.perf_counter() - start) * 1e3)
    return runner.runtime, median(taken)
