"""Queues of events: what a power cut, a bad card or another program left in the file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.event_store import DATABASE
from graft_device.outputs.events import Event, new_id
from graft_device.ranking import Prediction
from tests.fuzz import databases
from tests.fuzz.target import Target

if TYPE_CHECKING:
    import random
    from pathlib import Path

_LIMIT = 1 << 20


class Kind(Target):
    """A queue that is opened after damage, takes an event, and delivers all it has."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._queue = folder / "queue"

    def seeds(self) -> list[bytes]:
        shutil.rmtree(self._queue, ignore_errors=True)
        queue = EventQueue(self._queue, _LIMIT, _ignore)
        for number in range(1, 21):
            queue.put(_event(number))
        queue.close()
        with databases.alone(self._queue / "copy"):
            (self._queue / "copy").write_bytes((self._queue / DATABASE).read_bytes())
        return [(self._queue / "copy").read_bytes()]

    def read(self, data: bytes) -> str:
        shutil.rmtree(self._queue)
        self._queue.mkdir()
        databases.write(self._queue / DATABASE, data)
        notes: list[str] = []
        queue = EventQueue(self._queue, _LIMIT, notes.append)
        try:
            number = queue.last_number + 1
            queue.put(_event(number))
            delivered = _deliver_all(queue)
        finally:
            queue.close()
        assert number in delivered, f"event {number} was not delivered: {sorted(delivered)}; {notes}"
        assert all("\n" not in note for note in notes), notes
        assert notes or len(delivered) > 0
        return "noted" if notes else "accepted"

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        return databases.changed(data, self.folder / "scratch.sqlite", rng)


def _deliver_all(queue: EventQueue) -> set[int]:
    delivered: set[int] = set()
    while batch := queue.waiting(0, 8):
        for seq, body in batch:
            assert seq not in delivered, f"event {seq} is delivered for ever"
            Event.from_line(body)  # what a receiver does
            queue.done(seq)
            delivered.add(seq)
    return delivered


def _event(number: int) -> Event:
    predictions = (Prediction("red", 0.9), Prediction("blue", 0.1))
    return Event(new_id(), number, "2026-11-27T03:00:00+00:00", "yard", predictions, False, {"invoke": 1.0})


def _ignore(_: str) -> None:
    """Takes the notes of a sound queue."""
