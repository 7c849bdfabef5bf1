"""How long one inference of each of several networks takes on this machine, and whether that is to be believed."""

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
from graft_host.support.progress import Progress

_TURNS = 5
_AGAIN = 2
"""How often networks of a size whose times are out of order are timed once more."""
_WARM_UP = 3
_ROUNDS = 9

_NOISE = 1.05
"""Times that a network may take what one takes that contains it, before that counts as out of order."""


@dataclass(frozen=True)
class Network:
    """An int8 network whose input is uint8.

    Attributes:
        path: the file.
        tap: the layer that it ends at.
        image_size: the input side in pixels.
        depth: the place of the tap among the taps of its family.
    """

    path: Path
    tap: str
    image_size: int
    depth: int

    @property
    def shown(self) -> str:
        """Its name for a person."""
        return f"{self.tap} at {self.image_size}"


@dataclass(frozen=True)
class Timing:
    """What was measured.

    Attributes:
        runtime: that was measured with.
        ms: of each network, the median milliseconds of one inference in the quietest of its turns: what else the
            machine does can only make it slower.
        warnings: why these are worth little, a line each with what to do about it; empty if they are sound.
    """

    runtime: str
    ms: tuple[float, ...]
    warnings: tuple[str, ...]


def time_networks(networks: Sequence[Network], threads: int, progress: Progress, root: Path = ROOT) -> Timing:
    """Times networks in turns, one open at a time; those of a size that come out in an impossible order, again.

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
        sizes = {shallow.image_size for shallow, _ in out_of_order(networks, turns.ms)}
        if sizes:
            turns.take([place for place, network in enumerate(networks) if network.image_size in sizes])
    # The load of the last minute is the search's own. And a workstation's governor slows all networks alike.
    start = replace(before, load=turns.wanted, governors=())
    found = reasons_to_distrust(start, replace(read_thermal(root), governors=()), usable_cores())
    return Timing(turns.runtime, turns.ms, (*found, *_disorder(out_of_order(networks, turns.ms))))


def out_of_order(networks: Sequence[Network], ms: Sequence[float]) -> list[tuple[Network, Network]]:
    """Pairs of one image size of which the first came out slower than the second, which contains it."""
    taken = sorted(zip(networks, ms, strict=True), key=lambda pair: (pair[0].image_size, pair[0].depth))
    return [
        (shallow, deep)
        for place, (shallow, slow) in enumerate(taken)
        for deep, fast in taken[place + 1 :]
        if deep.image_size == shallow.image_size and slow > fast * _NOISE
    ]


class _Turns:
    """Takes turns of several networks, and looks before each what else the machine is asked to do."""

    def __init__(self, networks: Sequence[Network], threads: int, progress: Progress, root: Path) -> None:
        self._networks, self._threads, self._progress, self._root = networks, threads, progress, root
        self._medians: list[list[float]] = [[] for _ in networks]
        self._waiting: list[int] = []
        self._done, self._all = 0, _TURNS * len(networks) * _ROUNDS
        self.runtime = ""

    @property
    def ms(self) -> tuple[float, ...]:
        """The milliseconds of each network so far."""
        return tuple(min(medians) for medians in self._medians)

    @property
    def wanted(self) -> float | None:
        """Programs beside this one that wanted a core, on average; None where the system doesn't tell."""
        return fmean(self._waiting) if self._waiting else None

    def take(self, places: Sequence[int]) -> None:
        """Has each of some networks take its turns."""
        for _ in range(_TURNS):
            for place in places:
                self._waiting += _others(self._root)
                self.runtime, taken = _turn(self._networks[place].path, self._threads, place)
                self._medians[place].append(taken)
                self._done += _ROUNDS
                self._progress(min(self._done, self._all), self._all)  # turns that come on top show as all done


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
    """How many threads beside this one run or wait for a core at this moment; empty where the system doesn't tell."""
    try:
        running = int(read_text(root / "proc/loadavg").split()[3].partition("/")[0])
    except (IndexError, ValueError):
        return []
    return [max(running - 1, 0)]


def _disorder(pairs: Iterable[tuple[Network, Network]]) -> list[str]:
    known = list(pairs)
    if not known:
        return []
    shallow, deep = known[0]
    more = f" (and so did {len(known) - 1} more)" if len(known) > 1 else ""
    said = f"{shallow.shown} came out slower than {deep.shown}, which contains it{more}"
    return [f"{said}: stop other programs, and measure again"]
