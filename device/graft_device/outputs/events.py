"""What was seen, as it is printed, published and stored."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import UNKNOWN, Prediction


@dataclass(frozen=True)
class Event:
    """One answer of the model.

    Attributes:
        id: unlike any other event's, of any board and run.
        seq: counts events from 1; goes on across runs where events are stored for a broker.
        time: when the picture was taken or found, ISO 8601 in UTC.
        source: the photo, video or camera.
        predictions: the best labels with their scores, best first; of an unknown picture ``unknown`` stands before.
        unknown: whether the best score lies below the threshold.
        ms: milliseconds: ``preprocess``, ``invoke``, and ``age``, from the picture to the answer.
        dropped: frames passed over since the last classified one.
        position: seconds from the start of a video file; None elsewhere.
    """

    id: str
    seq: int
    time: str
    source: str
    predictions: tuple[Prediction, ...]
    unknown: bool
    ms: dict[str, float]
    dropped: int = 0
    position: float | None = None

    @property
    def label(self) -> str:
        """The best label, or ``unknown``."""
        return self.predictions[0].label

    @property
    def score(self) -> float:
        """The score that goes with the label."""
        return self.predictions[0].score

    def to_json(self) -> dict[str, Any]:
        """The event as plain values; ``position`` only where there is one."""
        values: dict[str, Any] = {
            "id": self.id,
            "seq": self.seq,
            "time": self.time,
            "source": self.source,
            "label": self.label,
            "score": round(self.score, 6),
            "predictions": [{"label": p.label, "score": round(p.score, 6)} for p in self.predictions],
            "unknown": self.unknown,
            "ms": {name: round(value, 3) for name, value in self.ms.items()},
            "dropped": self.dropped,
        }
        return values if self.position is None else {**values, "position": self.position}

    def to_line(self) -> str:
        """The event as one line of JSON."""
        return json.dumps(self.to_json())


class Keeper(Protocol):
    """Gives events their numbers."""

    def keep(self, event: Event) -> Event:
        """The event with its ``seq``, stored if this keeper stores."""


class Counter:
    """Numbers the events of one run and stores nothing."""

    def __init__(self) -> None:
        self._seq = 0

    def keep(self, event: Event) -> Event:
        """The event with the next number."""
        self._seq += 1
        return replace(event, seq=self._seq)


def new_id() -> str:
    """An id for an event."""
    return str(uuid.uuid4())


def rank(
    labels: Sequence[str], scores: NDArray[np.floating[Any]], top_k: int, unknown_below: float
) -> tuple[tuple[Prediction, ...], bool]:
    """Orders labels by their scores.

    Args:
        labels: K names.
        scores: probabilities ``[K]``.
        top_k: how many to give, at least 1.
        unknown_below: where no score reaches this, ``unknown`` is put before the others, with what the best lacks to 1.

    Returns:
        The best labels, best first, and whether the picture is unknown.
    """
    order = np.argsort(-scores, kind="stable")[:top_k]
    ranked = [Prediction(labels[i], float(scores[i])) for i in order]
    unknown = ranked[0].score < unknown_below
    if unknown:
        ranked = [Prediction(UNKNOWN, 1 - ranked[0].score), *ranked][:top_k]
    return tuple(ranked), unknown
