"""What came of a run: events made, delivered, lost and repeated, and whether the camera waited."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.chaos.boards import Made, RunningBoard


@dataclass(frozen=True)
class Findings:
    """The figures of one run.

    Attributes:
        made: how many events it made.
        ambiguous: how many numbers or ids stand for two events.
        lost: events that a receiver did not get, by the name of the receiver.
        invented: events that a receiver got and the run did not make.
        repeated: events that a receiver got again, with the same id.
        pictures: events that the webhook got with a picture.
        gap_s: the longest time between two events, in seconds.
        age_ms: milliseconds from the frame to the answer: median, 99th percentile and largest.
        skipped: frames of the camera that were not looked at, for each that was.
    """

    made: int
    ambiguous: int
    lost: dict[str, int]
    invented: dict[str, int]
    repeated: dict[str, int]
    pictures: int
    gap_s: float
    age_ms: tuple[float, float, float]
    skipped: float

    @property
    def complete(self) -> bool:
        """Whether each receiver has got each event, and no two events can be taken for one."""
        return bool(self.made) and not (self.ambiguous or any(self.lost.values()) or any(self.invented.values()))


def findings_of(board: RunningBoard) -> Findings:
    """The findings of a run that has ended."""
    made = [(event.seq, event.id) for event in board.made]
    received = {"broker": board.broker.received(), "receiver": board.receiver.received()}
    known = set(made)
    return Findings(
        made=len(made),
        ambiguous=2 * len(made) - len({seq for seq, _ in made}) - len({name for _, name in made}),
        lost={name: len(known - set(events)) for name, events in received.items()},
        invented={name: len(set(events) - known) for name, events in received.items()},
        repeated={name: len(events) - len(set(events)) for name, events in received.items()},
        pictures=board.receiver.pictures,
        gap_s=max((later.at - earlier.at for earlier, later in itertools.pairwise(board.made)), default=0.0),
        age_ms=_ages(board.made),
        skipped=statistics.fmean(event.dropped for event in board.made[1:]) if len(board.made) > 1 else 0.0,
    )


def _ages(made: Sequence[Made]) -> tuple[float, float, float]:
    ages = sorted(event.age_ms for event in made) or [0.0]
    return statistics.median(ages), ages[int(0.99 * (len(ages) - 1))], ages[-1]
