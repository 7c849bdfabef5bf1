"""Times one inference of each of several networks on this machine, and judges whether the times are reliable."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

import numpy as np

from graft_device.runtime import open_model
from graft_device.system.machine import ROOT, read_text, usable_cores
from graft_device.system.thermal import read_thermal, reasons_to_distrust
from graft_host.backbones.registry import DEFAULT
from graft_host.network_search.grid import Shape, shape_name
from graft_host.support.progress import Progress

_TURNS = 5
_AGAIN = 2
"""How often networks of one family and size are timed again when their times are out of order."""
_WARM_UP = 3
_ROUNDS = 9

_NOISE = 1.05
"""How many times as long as a network that contains it a network may take before that counts as out of order."""


@dataclass(frozen=True)
class TimedNetwork:
    """An int8 network whose input is uint8.

    Attributes:
        path: the file.
        tap: the layer that it ends at, or several with ``+`` between them.
        image_size: the input side in pixels.
        depth: the place of the tap, or the deepest of several, among the taps of its family.
        backbone: the name of its family.
    """

    path: Path
    tap: str
    image_size: int
    depth: int
    backbone: str = DEFAULT

    @property
    def shown(self) -> str:
        """Its name for a person."""
        return shape_name(self.shape)

    @property
    def shape(self) -> Shape:
        """What its latency depends on."""
        return self.backbone, self.tap, self.image_size

    @property
    def alike(self) -> tuple[str, int]:
        """Equal for networks of which one may contain another."""
        return self.backbone, self.image_size

    def within(self, other: TimedNetwork) -> bool:
        """Whether the other network ends at a deeper layer, and so computes everything that this one does, and more."""
        return self.alike == other.alike and self.depth < other.depth


@dataclass(frozen=True)
class Timing:
    """The result of timing several networks.

    Attributes:
        runtime: the runtime that ran them.
        ms: of each network, the median milliseconds of one inference in the quietest of its turns; other work of the
            machine can only make it slower.
        warnings: why the times are unreliable and what to do about it, a line each; empty if they are sound.
    """

    runtime: str
    ms: tuple[float, ...]
    warnings: tuple[str, ...]


def time_networks(networks: Sequence[TimedNetwork], threads: int, progress: Progress, root: Path = ROOT) -> Timing:
    """Times networks in turns, one open at a time; those in an impossible order are timed again.

    Args:
        networks: one or more.
        threads: for one inference.
        progress: called with (inferences done, inferences).
        root: where ``proc`` and ``sys`` are.
    """
    before = read_thermal(root)
    turns = _Turns(networks, threads, progress, root)
    turns.take(range(len(networks)))
    for _ in range(_AGAIN):
        again = {shallow.alike for shallow, _ in out_of_order(networks, turns.ms)}
        if again:
            turns.take([place for place, network in enumerate(networks) if network.alike in again])
    # The load of the last minute is that of the search itself, and the governor slows all networks alike.
    start = replace(before, load=turns.wanted, governors=())
    warnings = reasons_to_distrust(start, replace(read_thermal(root), governors=()), usable_cores())
    return Timing(turns.runtime, turns.ms, (*warnings, *_disorder(out_of_order(networks, turns.ms))))


def first_times(networks: Sequence[TimedNetwork], threads: int, progress: Progress, root: Path = ROOT) -> list[float]:
    """Milliseconds of one inference of each network in a single turn, for a picture before ``time_networks``.

    Args:
        networks: one or more.
        threads: for one inference.
        progress: called with (inferences done, inferences).
        root: where ``proc`` and ``sys`` are.
    """
    turns = _Turns(networks, threads, progress, root, count=1)
    turns.take(range(len(networks)))
    return list(turns.ms)


def out_of_order(networks: Sequence[TimedNetwork], ms: Sequence[float]) -> list[tuple[TimedNetwork, TimedNetwork]]:
    """Pairs of networks of which the first was slower than the second, which contains it."""
    taken = sorted(zip(networks, ms, strict=True), key=lambda pair: (*pair[0].alike, pair[0].depth))
    return [
        (shallow, deep)
        for shallow, slow in taken
        for deep, fast in taken
        if shallow.within(deep) and slow > fast * _NOISE
    ]


class _Turns:
    """Times several networks in turns, and checks before each turn how busy the machine is."""

    def __init__(
        self, networks: Sequence[TimedNetwork], threads: int, progress: Progress, root: Path, count: int = _TURNS
    ) -> None:
        self._networks, self._threads, self._progress, self._root = networks, threads, progress, root
        self._count = count
        self._medians: list[list[float]] = [[] for _ in networks]
        self._waiting: list[int] = []
        self._done, self._all = 0, count * len(networks) * _ROUNDS
        self.runtime = ""

    @property
    def ms(self) -> tuple[float, ...]:
        """The milliseconds of each network so far."""
        return tuple(min(medians) for medians in self._medians)

    @property
    def wanted(self) -> float | None:
        """Average number of other threads that wanted a core; None if the system does not report it."""
        return fmean(self._waiting) if self._waiting else None

    def take(self, places: Sequence[int]) -> None:
        """Times the networks at some places, several turns each."""
        for _ in range(self._count):
            for place in places:
                self._waiting += _others(self._root)
                self.runtime, taken = _turn(self._networks[place].path, self._threads, place)
                self._medians[place].append(taken)
                self._done += _ROUNDS
                self._progress(min(self._done, self._all), self._all)  # extra turns show as all done


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


def _others(root: Path) -> list[int]:
    """How many other threads run or wait for a core now; empty if the system does not report it."""
    try:
        running = int(read_text(root / "proc/loadavg").split()[3].partition("/")[0])
    except (IndexError, ValueError):
        return []
    return [max(running - 1, 0)]


def _disorder(pairs: Iterable[tuple[TimedNetwork, TimedNetwork]]) -> list[str]:
    disordered = list(pairs)
    if not disordered:
        return []
    shallow, deep = disordered[0]
    more = f" (and so did {len(disordered) - 1} more)" if len(disordered) > 1 else ""
    problem = f"{shallow.shown} came out slower than {deep.shown}, which contains it{more}"
    return [f"{problem}: stop other programs, and measure again"]
