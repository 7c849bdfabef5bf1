"""What one connection to a broker publishes, from its greeting to its end."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.mqtt.connection import IN_FLIGHT, Connection

if TYPE_CHECKING:
    from graft_device.mqtt.announced import Announced
    from graft_device.mqtt.figures import Diagnostics
    from graft_device.mqtt.pictures import Pictures
    from graft_device.mqtt.topics import Topics
    from graft_device.outputs.backlog import Backlog

_AGAIN_S = 60.0


@dataclass(frozen=True)
class Offer:
    """What a run publishes besides its events.

    Attributes:
        topics: where.
        messages: for Home Assistant, by topic; all retained.
        announced: remembers the retained topics.
        pictures: those that wait.
        diagnostics: the run's figures.
    """

    topics: Topics
    messages: dict[str, bytes]
    announced: Announced
    pictures: Pictures
    diagnostics: Diagnostics

    @property
    def retained(self) -> frozenset[str]:
        """All topics that have a retained message."""
        of_views = {topic for place in self.topics.places for topic in (place.state, place.picture)}
        of_run = {self.topics.status, self.topics.diagnostics, *self.topics.sources.values()}
        return frozenset(self.messages) | of_views | of_run


class Session:
    """Publishes over one connection that the broker has accepted."""

    def __init__(self, connection: Connection, backlog: Backlog) -> None:
        """Publishes nothing yet."""
        self._connection = connection
        self._backlog = backlog
        self._offer: Offer | None = None
        self._clearing: list[int] = []
        self._unwritten: frozenset[str] | None = None
        self._tried = 0.0
        self._statuses: dict[str, bool] = {}
        self._states: dict[str, tuple[bytes, int]] = {}
        self._pictures: dict[str, int] = {}

    def pump(self, offer: Offer) -> None:
        """Publishes what is new.

        Args:
            offer: what the run publishes. If it is another than before, it is announced.
        """
        if offer is not self._offer:
            self._greet(offer)
            self._offer = offer
        self._forget_cleared(offer)
        self._publish_statuses(offer.topics)
        for number, body in self._backlog.waiting(self._connection.sent, IN_FLIGHT - self._connection.in_flight):
            self._connection.publish_event(offer.topics.event, number, body)
        self._publish_states(offer.topics)
        self._publish_pictures(offer.pictures)
        figures = offer.diagnostics.due(time.monotonic())
        if figures is not None:
            self._retain(offer.topics.diagnostics, figures)

    @property
    def finished(self) -> bool:
        """Whether the run is ending, and the broker has all, or the time is up."""
        return self._backlog.finished and (self._backlog.overdue or self._connection.settled)

    def _greet(self, offer: Offer) -> None:
        """Announces the entities, and clears those that an earlier run announced and this one does not have."""
        retained = offer.retained
        before = offer.announced.read()
        self._remember(offer.announced, before | retained)
        self._clearing = [self._retain(topic, b"") for topic in sorted(before - retained)]
        for topic, body in offer.messages.items():
            self._retain(topic, body)
        self._statuses, self._states, self._pictures = {}, {}, {}
        for topic, picture in offer.pictures.last.items():
            if topic in retained:
                self._pictures[topic] = self._retain(topic, picture)
        offer.diagnostics.again()

    def _forget_cleared(self, offer: Offer) -> None:
        if self._clearing and all(map(self._connection.confirmed, self._clearing)):
            self._clearing = []
            self._remember(offer.announced, offer.retained)
        if self._unwritten is not None and time.monotonic() - self._tried > _AGAIN_S:
            self._remember(offer.announced, self._unwritten)

    def _remember(self, announced: Announced, topics: frozenset[str]) -> None:
        """Writes the list; where the disk is full, the queue has noted it, and the list is written later."""
        self._unwritten, self._tried = topics, time.monotonic()
        with contextlib.suppress(OSError):
            announced.write(topics)
            self._unwritten = None

    def _publish_statuses(self, topics: Topics) -> None:
        now = {topic: self._backlog.has(source) for source, topic in topics.sources.items()}
        now[topics.status] = self._backlog.present or bool(topics.sources)
        for topic, present in now.items():
            if self._statuses.get(topic) != present:
                self._retain(topic, b"online" if present else b"offline")
        self._statuses = now

    def _publish_states(self, topics: Topics) -> None:
        """Publishes the newest event of each view; one that is followed before it is acknowledged is passed over."""
        for view, body in list(self._backlog.newest.items()):
            place = topics.place_of(view)
            if place is None:
                continue
            last, number = self._states.get(place.state, (None, 0))
            if body is not last and self._connection.confirmed(number):
                self._states[place.state] = body, self._retain(place.state, body)

    def _publish_pictures(self, pictures: Pictures) -> None:
        if not all(map(self._connection.confirmed, self._pictures.values())):
            return  # a slow network gets the newest one when it has taken the last
        for topic, picture in pictures.due(time.monotonic(), self._backlog.closing).items():
            self._pictures[topic] = self._retain(topic, picture)

    def _retain(self, topic: str, body: bytes) -> int:
        return self._connection.publish(topic, body, retain=True)
