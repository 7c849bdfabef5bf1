"""The events that are not on disk yet: a bounded number of them, with their pictures."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graft_device.outputs.events import Event

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

MOST_EVENTS = 2000
"""How many events wait at most; the oldest are given up."""

MOST_RAW_BYTES = 32 << 20
"""How many bytes of photos wait to be encoded at most; further events are kept without a picture."""

MOST_ENCODED_BYTES = 16 << 20
"""How many bytes of encoded pictures wait to be written at most; the oldest are given up."""


@dataclass(frozen=True)
class Waiting:
    """An event that is not on disk yet.

    Attributes:
        number: its place in the history.
        event: the event.
        since: when it came, in seconds of the monotonic clock.
        raw: the photo, until it is encoded; None for none.
        picture: the photo as JPEG; None for none.
        corrected: the label that a person gave.
    """

    number: int
    event: Event
    since: float
    raw: PhotoSource | None = None
    picture: bytes | None = None
    corrected: str | None = None

    @property
    def raw_bytes(self) -> int:
        """The memory that the photo takes until it is encoded; a region keeps the whole frame alive."""
        if isinstance(self.raw, np.ndarray):
            return self.raw.base.nbytes if isinstance(self.raw.base, np.ndarray) else self.raw.nbytes
        return len(self.raw) if isinstance(self.raw, bytes) else 0


class WaitingEvents:
    """Events between the loop and the thread that writes them. Any thread may use it.

    Attributes:
        lost_events: how many events were given up.
        lost_pictures: how many events stayed without their picture.
        changed: notified when there is something to do; its lock guards everything here.
    """

    def __init__(self) -> None:
        """Holds nothing yet."""
        self.changed = threading.Condition()
        self.lost_events = self.lost_pictures = 0
        self._last = 0
        self._raw_bytes = self._encoded_bytes = 0
        self._events: deque[Waiting] = deque()
        self._corrections: dict[int, str] = {}
        self._suspected = False

    def __len__(self) -> int:
        return len(self._events)

    @property
    def last(self) -> int:
        """The highest number that was given."""
        return self._last

    def start_after(self, number: int) -> None:
        """Gives only numbers above that of the newest event on disk, also to the events that wait already."""
        with self.changed:
            first = self._events[0].number if self._events else None
            self._last = max(self._last, number)
            if first is not None and first <= number:
                shifted = [replace(one, number=one.number + number + 1 - first) for one in self._events]
                self._events = deque(shifted)
                self._last = max(self._last, shifted[-1].number)

    def add(self, event: Event, since: float, with_picture: bool) -> None:
        """Adds an event.

        Args:
            event: the event with its number.
            since: the monotonic clock, in seconds.
            with_picture: whether its photo is kept.
        """
        with self.changed:
            self._last = max(self._last + 1, event.seq)
            raw = event.photo if with_picture else None
            one = Waiting(self._last, replace(event, photo=None), since, raw)
            if self._raw_bytes + one.raw_bytes > MOST_RAW_BYTES:
                one = replace(one, raw=None)
                self.lost_pictures += 1
            self._raw_bytes += one.raw_bytes
            self._events.append(one)
            if len(self._events) > MOST_EVENTS:
                self._forget(self._events.popleft())
                self.lost_events += 1
            self.changed.notify()

    def oldest(self) -> Waiting | None:
        """The event that waits longest."""
        with self.changed:
            return self._events[0] if self._events else None

    def to_encode(self) -> Waiting | None:
        """The oldest event whose photo is not encoded."""
        with self.changed:
            return next((one for one in self._events if one.raw is not None), None)

    def encoded(self, number: int, picture: bytes | None) -> None:
        """Replaces the photo of an event by its picture; None if it cannot be encoded."""
        with self.changed:
            for index, one in enumerate(self._events):
                if one.number == number:
                    self._raw_bytes -= one.raw_bytes
                    self._encoded_bytes += len(picture or b"")
                    self._events[index] = replace(one, raw=None, picture=picture)
            self.lost_pictures += picture is None
            index = 0
            while self._encoded_bytes > MOST_ENCODED_BYTES:
                one = self._events[index]
                self.lost_pictures += one.picture is not None
                self._encoded_bytes -= len(one.picture or b"")
                self._events[index] = replace(one, picture=None)
                index += 1

    def group(self, most_events: int, most_bytes: int) -> list[Waiting]:
        """The oldest events whose photos are encoded; at least one, if there is one.

        Args:
            most_events: how many at most.
            most_bytes: the size of their pictures at most.
        """
        group: list[Waiting] = []
        size = 0
        with self.changed:
            for one in self._events:
                size += len(one.picture or b"")
                if one.raw is not None or len(group) == most_events or (group and size > most_bytes):
                    break
                group.append(one)
        return group

    def written(self, group: Sequence[Waiting], corrections: Mapping[int, str]) -> None:
        """Removes events and corrections that are on disk now."""
        known = {one.number: one for one in group}
        with self.changed:
            for number, label in corrections.items():
                if self._corrections.get(number) == label:
                    del self._corrections[number]
            for one in self._events:
                if one.number in known:
                    self._forget(one)
                    if one.corrected is not None and one.corrected != known[one.number].corrected:
                        self._corrections[one.number] = one.corrected
            self._events = deque(one for one in self._events if one.number not in known)

    def snapshot(self) -> list[Waiting]:
        """All events, the oldest first."""
        with self.changed:
            return list(self._events)

    def correct(self, event_id: str, label: str) -> bool:
        """Remembers the label that a person gave to an event; returns whether it waits here."""
        found = False
        with self.changed:
            for index, one in enumerate(self._events):
                if one.event.id == event_id:
                    self._events[index] = replace(one, corrected=label)
                    found = True
        return found

    def correct_stored(self, number: int, label: str) -> None:
        """Remembers the label that a person gave to an event on disk, until that is on disk too."""
        with self.changed:
            self._corrections[number] = label
            self.changed.notify()

    def corrections(self) -> dict[int, str]:
        """The labels that people gave to events on disk, by the event's number."""
        with self.changed:
            return dict(self._corrections)

    def suspect(self) -> None:
        """Has the database checked, which a reader found damaged."""
        with self.changed:
            self._suspected = True
            self.changed.notify()

    def suspected(self) -> bool:
        """Whether the database should be checked; asked once."""
        with self.changed:
            suspected, self._suspected = self._suspected, False
        return suspected

    def _forget(self, one: Waiting) -> None:
        self._raw_bytes -= one.raw_bytes
        self._encoded_bytes -= len(one.picture or b"")
