"""Takes services away and gives them back at random, each in a thread of its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.chaos.boards import RunningBoard
from benchmarks.chaos.services import Service

EVENTS_IN_OUTAGE = 5
"""A service stays away until the run has made so many more events: it does not wait."""

MOST_S = 120.0
"""Seconds in which the run must have made them."""


@dataclass(frozen=True)
class Outages:
    """How often a service was away.

    Attributes:
        service: its name.
        count: how often.
        seconds: how long in all.
        waited: whether the run made no events during one of them.
    """

    service: str
    count: int
    seconds: float
    waited: bool


def trouble(
    board: RunningBoard, services: Sequence[Service], seed: int, longest: float, more: Callable[[int], bool]
) -> list[Outages]:
    """Takes services away until none wants more, and gives all back at the end.

    Args:
        board: the run that uses them.
        services: each has outages of its own, at the same time as those of the others.
        seed: what happens, in which order and how long, is the same with the same seed.
        longest: the longest outage, and the longest time between two, in seconds.
        more: whether a service is to go away again, by the number of its outages so far.
    """
    found: list[Outages] = []
    threads = [
        threading.Thread(target=lambda service=service: found.append(_outages(board, service, seed, longest, more)))
        for service in services
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found, key=lambda outages: outages.service)


def _outages(board: RunningBoard, service: Service, seed: int, longest: float, more: Callable[[int], bool]) -> Outages:
    chance = random.Random(f"{seed} {service.name}")  # noqa: S311  not a secret
    count, seconds, waited = 0, 0.0, False
    while more(count):
        time.sleep(chance.uniform(0.2, 1) * longest)
        board.change_colour(chance.randrange(3))
        begun, made = time.monotonic(), len(board.made)
        service.take(chance)
        try:
            time.sleep(chance.uniform(0.05, 1) * longest)
            waited = not _goes_on(board, made + EVENTS_IN_OUTAGE) or waited
        finally:
            service.give()
        count += 1
        seconds += time.monotonic() - begun
    return Outages(service.name, count, seconds, waited)


def _goes_on(board: RunningBoard, wanted: int) -> bool:
    until = time.monotonic() + MOST_S
    while len(board.made) < wanted:
        if time.monotonic() > until or board.process.poll() is not None:
            return False
        time.sleep(0.02)
    return True
