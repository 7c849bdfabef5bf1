"""Remembers which retained messages a run has left at its broker, so that a later run can clear them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from graft_device.mqtt.broker import MqttError, check_topic
from graft_device.system.durable import write_durably
from graft_device.system.plain import open_plain

FILE = "announced.json"
_MOST_BYTES = 10_000_000


class Announced:
    """The retained topics of a broker, in a file beside the queue of events.

    The file is written before anything new is published, and again when everything old is cleared. So it names every
    topic that may be at the broker, whenever the run ends.
    """

    def __init__(self, folder: Path, broker: str) -> None:
        """Reads nothing.

        Args:
            folder: of the queue.
            broker: host and port. Topics of another broker cannot be cleared, and are forgotten.
        """
        self._path = folder / FILE
        self._broker = broker

    def read(self) -> frozenset[str]:
        """The topics that may be at the broker; none if there is no file, or a damaged one."""
        try:
            with open_plain(self._path) as file:
                values = json.loads(file.read(_MOST_BYTES))
            if values["broker"] != self._broker:
                return frozenset()
            topics = [str(topic) for topic in values["topics"]]
            for topic in topics:
                check_topic(topic)
        except (OSError, ValueError, TypeError, KeyError, RecursionError, MqttError):
            return frozenset()
        return frozenset(filter(None, topics))

    def write(self, topics: Iterable[str]) -> None:
        """Replaces the file, unless it names these topics already; raises OSError if that fails."""
        topics = frozenset(topics)
        if topics != self.read():
            body = {"broker": self._broker, "topics": sorted(topics)}
            write_durably(self._path, json.dumps(body, ensure_ascii=False, indent=1).encode())
