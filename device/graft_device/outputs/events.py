"""The events of ``graft-device run``, as they are printed, published and stored."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graft_device.ranking import UNCERTAIN, UNKNOWN, Prediction

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

_ADDED = ("kind", "region", "model", "duration", "clock_set", "view", "file")
"""The fields that events of earlier versions do not have."""

_HUGE = 1e15
"""No score, time or position of an event is as large as this."""


ANSWER, CHANGE, ENTER, LEAVE = "answer", "change", "enter", "leave"
"""The kinds of events."""


@dataclass(frozen=True)
class Event:
    """One answer of the model.

    Attributes:
        id: a UUID, different for every event of every board and run.
        seq: the number of the event. Counts from 1, and goes on across runs if a sink remembers numbers.
        time: when the frame was taken or the photo was found, ISO 8601 in UTC.
        source: the photo, video or camera.
        predictions: labels with their scores, best first.
        unknown: whether the best score is below the threshold.
        ms: milliseconds: ``preprocess``, ``invoke``, and ``age``, which is the time from the frame to the answer.
        dropped: the number of frames that were skipped since the last event.
        position: seconds from the start of a video file; None for other sources.
        photo: what was classified, a path or RGB pixels ``[H,W,3]``, uint8, for sinks that keep photos. Not part of
            the JSON, and None in an event that was read back from a queue.
        reason: why the frame is unknown, ``novel`` or ``uncertain``; None if it is known.
        kind: ``answer``; ``change`` if only changes are reported; ``enter`` or ``leave`` of a state.
        region: the name of the region; None for the whole frame.
        model: the name of the model; None if the run has only one.
        duration: seconds that a state lasted, of ``leave``; None for the other kinds.
        clock_set: whether the clock that gave ``time`` was set. Many boards have none of their own.
        view: the id of the view; empty if the run has only one.
        file: the photo, if ``source`` is a name that settings give to a folder; else None.
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
    photo: PhotoSource | None = field(default=None, repr=False, compare=False)
    reason: str | None = None
    kind: str = ANSWER
    region: str | None = None
    model: str | None = None
    duration: float | None = None
    clock_set: bool = True
    view: str = ""
    file: str | None = None

    @property
    def label(self) -> str:
        """``unknown`` if the frame is unknown, else the best label."""
        return UNKNOWN if self.unknown else self.predictions[0].label

    @property
    def score(self) -> float:
        """The score of the best label, even if the frame is unknown."""
        return self.predictions[0].score

    def to_json(self) -> dict[str, Any]:
        """The event as plain values; those that do not apply, such as ``position`` without a video, are left out."""
        values: dict[str, Any] = {
            "id": self.id,
            "seq": self.seq,
            "kind": self.kind,
            "time": self.time,
            **({} if self.clock_set else {"clock_set": False}),
            "source": self.source,
            **{name: value for name, value in self._place().items() if value},
            "label": self.label,
            "score": round(self.score, 6),
            "predictions": [{"label": p.label, "score": round(p.score, 6)} for p in self.predictions],
            "unknown": self.unknown,
            **({"reason": self.reason} if self.unknown else {}),
            "ms": {name: round(value, 3) for name, value in self.ms.items()},
            "dropped": self.dropped,
            **({} if self.duration is None else {"duration": round(self.duration, 3)}),
        }
        return values if self.position is None else {**values, "position": self.position}

    def _place(self) -> dict[str, str | None]:
        return {"file": self.file, "region": self.region, "model": self.model, "view": self.view}

    def to_line(self) -> str:
        """The event as one line of JSON."""
        return json.dumps(self.to_json())

    @classmethod
    def from_line(cls, line: str | bytes) -> Event:
        """Reads what ``to_line`` wrote. Scores and times keep the rounding of the JSON.

        Earlier versions wrote ``unknown`` as the first prediction of an unknown frame. It is left out, unless there is
        no other.

        Raises:
            ValueError: the line is not JSON, or a field has a value that no event can have.
            KeyError: a field is missing.
        """
        try:
            values = json.loads(line)
            fields = {name: values[name] for name in ("id", "seq", "time", "source", "unknown", "ms", "dropped")}
            predictions = tuple(Prediction(entry["label"], entry["score"]) for entry in values["predictions"])
            reason = values.get("reason")
            if fields["unknown"] and reason is None:
                reason, predictions = UNCERTAIN, predictions[1:] or predictions
            more = {name: values[name] for name in _ADDED if name in values}
            event = cls(**fields, predictions=predictions, position=values.get("position"), reason=reason, **more)
        except (TypeError, AttributeError, RecursionError) as error:
            raise ValueError("the line is not an event") from error
        if not _is_valid(event):
            raise ValueError("the line has a value that no event can have")
        return event


def _is_valid(event: Any) -> bool:
    """Whether every field has its type and a possible value."""
    return (
        all(type(text) is str for text in (event.id, event.time, event.source))
        and all(type(number) is int and number >= 0 for number in (event.seq, event.dropped))
        and type(event.unknown) is bool
        and type(event.ms) is dict
        and all(_is_number(value) for value in event.ms.values())
        and len(event.predictions) > 0
        and all(type(p.label) is str and _is_number(p.score) for p in event.predictions)
        and (event.position is None or _is_number(event.position))
        and all(text is None or type(text) is str for text in (event.reason, event.region, event.model, event.file))
        and type(event.kind) is str
        and type(event.view) is str
        and (event.duration is None or _is_number(event.duration))
        and type(event.clock_set) is bool
    )


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and -_HUGE < value < _HUGE


def new_id() -> str:
    """A new UUID for an event."""
    return str(uuid.uuid4())
