"""Counts what a run does: frames, answers, durations and events."""

from __future__ import annotations

import bisect
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graft_device.outputs.sink import Sink

if TYPE_CHECKING:
    from graft_device.outputs.events import Event
    from graft_device.run.observers import SeenFrame

STAGES = ("preprocess", "invoke", "age")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The upper bounds of the buckets of durations."""

MOST_LABELS = 100
"""Labels of one view that are counted by themselves: each is a series in a monitoring system."""

OTHER = "(other labels)"
"""Stands for the labels beyond ``MOST_LABELS``."""

_RECENT = 30
"""Frames that the rate is computed from."""


@dataclass
class Durations:
    """How long something took.

    Attributes:
        counts: the number of durations in each bucket, and of longer ones.
        seconds: their sum.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts one duration."""
        self.counts[bisect.bisect_left(SECONDS, seconds)] += 1
        self.seconds += seconds

    @property
    def mean_ms(self) -> float | None:
        """The mean in milliseconds; None for no duration."""
        count = sum(self.counts)
        return self.seconds / count * 1e3 if count else None

    def buckets(self) -> list[tuple[str, float]]:
        """For each upper bound, how many durations are not above it."""
        total, rows = 0, []
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self.counts):
            total += count
            rows.append((bound, float(total)))
        return rows


@dataclass
class ViewFigures:
    """The counts of one view.

    Attributes:
        classified: frames that the model saw.
        still: frames that the motion gate held back.
        labels: answers by label, ``unknown`` too.
        stages: durations by ``STAGES``.
    """

    classified: int = 0
    still: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    stages: dict[str, Durations] = field(default_factory=lambda: {stage: Durations() for stage in STAGES})

    @property
    def still_share(self) -> float:
        """The share of frames that the motion gate held back, 0 to 1."""
        frames = self.classified + self.still
        return self.still / frames if frames else 0.0

    def add(self, seen: SeenFrame) -> None:
        """Counts a frame that the model saw."""
        self.classified += 1
        label = seen.answer.label
        self.labels[label if label in self.labels or len(self.labels) < MOST_LABELS else OTHER] += 1
        for stage in STAGES:
            if stage in seen.ms:
                self.stages[stage].add(seen.ms[stage] / 1e3)


@dataclass
class SourceFigures:
    """The counts of one source.

    Attributes:
        frames: frames that reached a view.
        dropped: frames that were skipped because newer ones were there.
        failed: frames that could not be read.
        times: when the newest frames came, in seconds of the hub's clock.
    """

    frames: int = 0
    dropped: int = 0
    failed: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def add(self, dropped: int, now: float) -> None:
        """Counts a frame.

        Args:
            dropped: the frames that were skipped before it.
            now: when it came.
        """
        self.frames += 1
        self.dropped += dropped
        self.times.append(now)

    def rate(self, now: float) -> float:
        """Frames per second: over the newest ones, until now."""
        if len(self.times) <= 1:
            return 0.0
        return (len(self.times) - 1) / max(now - self.times[0], 1e-3)


class EventCounts(Sink):
    """A sink that counts events.

    Attributes:
        kinds: the number of events by their kind.
    """

    name = "figures"

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()

    def put(self, event: Event) -> None:
        """Counts one event."""
        self.kinds[event.kind] += 1

    def close(self) -> None:
        """Does nothing: the counts go on with the next run of the settings."""
