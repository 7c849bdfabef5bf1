"""Whether two runs reported the same, and what it cost them."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """A state that began or ended.

    Attributes:
        kind: ``enter`` or ``leave``.
        label: of the state.
        position: seconds from the start of the video.
    """

    kind: str
    label: str
    position: float


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds of all its threads together, seconds that passed, and lines that it printed."""

    cpu_s: float
    wall_s: float
    lines: int


@dataclass(frozen=True)
class Agreement:
    """How far two lists of changes agree.

    Attributes:
        both: changes that both have, within the tolerance.
        first_only: changes that only the first has.
        second_only: changes that only the second has.
        apart_s: for each that both have, how many seconds the second is later.
    """

    both: int
    first_only: tuple[Change, ...]
    second_only: tuple[Change, ...]
    apart_s: tuple[float, ...]


def run_device(arguments: Sequence[str]) -> tuple[list[dict[str, object]], Cost]:
    """Runs ``graft-device run`` and returns its events.

    Raises:
        RuntimeError: the run failed.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "graft_device.cli", "run", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    if done.returncode:
        raise RuntimeError(done.stderr)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return events, Cost(cpu, wall, len(events))


def changes(events: Sequence[dict[str, object]]) -> list[Change]:
    """The states among events, without the leave that the end of the run makes."""
    ended = events[:-1] if events and events[-1]["kind"] == "leave" else events
    return [
        Change(str(event["kind"]), str(event["label"]), float(str(event["position"])))
        for event in ended
        if event["kind"] in {"enter", "leave"}
    ]


def agreement(first: Sequence[Change], second: Sequence[Change], tolerance_s: float) -> Agreement:
    """Pairs the changes of two runs, each with the nearest of the same kind and label that is not paired yet."""
    left, lonely, apart = list(second), list[Change](), list[float]()
    for change in first:
        near = [
            other
            for other in left
            if (other.kind, other.label) == (change.kind, change.label)
            and abs(other.position - change.position) <= tolerance_s
        ]
        if not near:
            lonely.append(change)
            continue
        other = min(near, key=lambda each: abs(each.position - change.position))
        left.remove(other)
        apart.append(other.position - change.position)
    return Agreement(len(apart), tuple(lonely), tuple(left), tuple(apart))


def kept(path: Path, arguments: Sequence[str]) -> tuple[list[dict[str, object]], Cost]:
    """The events and the cost of a run, from a file if an earlier benchmark that was interrupted has written them."""
    if path.exists():
        values = json.loads(path.read_text())
        return values["events"], Cost(**values["cost"])
    events, cost = run_device(arguments)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"events": events, "cost": cost.__dict__}))
    part.replace(path)
    return events, cost
