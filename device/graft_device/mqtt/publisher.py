"""Publishes events to an MQTT broker: at least once, in order, even if the connection or the board fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.errors import why
from graft_device.mqtt.announced import Announced
from graft_device.mqtt.broker import Broker, MqttError
from graft_device.mqtt.connection import ANSWER_S, IN_FLIGHT, Connection, load_paho
from graft_device.mqtt.figures import Diagnostics, Figures
from graft_device.mqtt.home_assistant import Wanted, announcements, wanted_labels
from graft_device.mqtt.pictures import Pictures
from graft_device.mqtt.session import Offer, Session
from graft_device.mqtt.topics import topics_of
from graft_device.outputs.events import LEAVE
from graft_device.outputs.queued import Queued, Receiver
from graft_device.outputs.views import View
from graft_device.system.thermal import read_celsius

if TYPE_CHECKING:
    from graft_device.outputs.backlog import Backlog
    from graft_device.outputs.event_queue import EventQueue
    from graft_device.outputs.events import Event
    from graft_device.sources.base import Note
    from graft_device.system.backoff import Backoff

_TURN_S = 1.0
_LAST_TURN_S = 0.05


class Mqtt(Queued):
    """A sink that publishes to a broker, with a queue on disk.

    Events are published to ``TOPIC/event``. What is retained is described at ``Topics``: the newest event of each
    view, its last picture, the run's figures, and what is available.
    """

    def __init__(
        self,
        broker: Broker,
        queue: EventQueue,
        model: str,
        note: Note,
        backoff: Backoff | None = None,
        *,
        views: Sequence[View] = (),
        labels: Sequence[str] = (),
        pictures: bool = False,
        figures: Callable[[], Figures] | None = None,
    ) -> None:
        """Starts to connect.

        Args:
            broker: the broker and the topic.
            queue: the events on disk.
            model: the model's name, for Home Assistant.
            note: called with a line when the broker is lost, refuses or is back.
            backoff: the waits between tries; half a second to 30 seconds when None.
            views: of the run; one without a name if there are none.
            labels: those that get a binary sensor in Home Assistant; ``*`` for all.
            pictures: whether the last picture of each view is published.
            figures: returns the run's figures; None if there are none.

        Raises:
            MqttError: paho-mqtt is missing, or the certificates cannot be read.
        """
        self._broker = broker
        self._labels = tuple(labels)
        self._wants_pictures = pictures
        self._pictures = Pictures()
        self._diagnostics = Diagnostics(figures, read_celsius)
        self._announced = Announced(queue.folder, broker.name)
        self._say = note
        self._publisher = Publisher(broker, queue.folder, self._offer(views, model))
        super().__init__(self._publisher, queue, note, backoff)

    def put(self, event: Event) -> None:
        """Stores the event and wakes the thread; never blocks on the broker, never fails."""
        if self._wants_pictures and event.photo is not None and event.kind != LEAVE:
            place = self._publisher.offer.topics.place_of(event.view)
            if place is not None:
                self._pictures.put(place.picture, event.photo)
        super().put(event)

    def show(self, views: Sequence[View], model: str) -> None:
        """Announces other views to Home Assistant, as after a new model with other labels.

        Args:
            views: of the run; at least one.
            model: the model's name.
        """
        self._publisher.offer = self._offer(views, model)

    def _offer(self, views: Sequence[View], model: str) -> Offer:
        views = views or (View("", "", None, model, (), 0.0),)
        topics = topics_of(self._broker.base, views)
        for label in self._labels:
            if not any(wanted_labels(view.labels, (label,)) for view in views):
                self._say(f"no model has the label {label!r}, so it gets no binary sensor")
        wanted = Wanted(model, self._labels, self._wants_pictures, self._diagnostics.names)
        messages = announcements(self._broker, topics, wanted)
        return Offer(topics, messages, self._announced, self._pictures, self._diagnostics)


class Publisher(Receiver):
    """Publishes the events of a queue, several at a time.

    An event leaves the queue when the broker has acknowledged it (QoS 1). Each connection starts with a new client:
    what was not acknowledged is read from the queue again.

    Attributes:
        offer: what is published besides the events; may be replaced.
    """

    def __init__(self, broker: Broker, queue: Path, offer: Offer) -> None:
        """Loads paho-mqtt and the certificates; connects to nothing.

        Args:
            broker: the broker and the topic.
            queue: the folder of the queue, which is part of the client's identity.
            offer: what is published besides the events.

        Raises:
            MqttError: paho-mqtt is missing, or the certificates cannot be read.
        """
        self.name = f"broker {broker.name}"
        self.offer = offer
        self._paho = load_paho()
        self._broker = broker
        self._queue = queue
        self._new_client()  # for its errors

    def serve(self, backlog: Backlog) -> None:
        """Keeps one connection: opens it, publishes, and says goodbye at the end of the run.

        Raises:
            MqttError: the connection is lost, or the broker refuses or does not answer.
            OSError: there is no broker.
        """
        connection = Connection(self._new_client())
        try:
            self._converse(connection, backlog)
        finally:
            connection.drop()

    def _converse(self, connection: Connection, backlog: Backlog) -> None:
        connection.open(self._broker.host, self._broker.port)
        session = Session(connection, backlog)
        works = False
        while True:
            connection.turn(backlog.descriptor, _LAST_TURN_S if backlog.closing else _TURN_S)
            for number in connection.acknowledged():
                backlog.done(number)
            if not connection.accepted:
                continue
            session.pump(self.offer)
            if not works:
                backlog.works()
                works = True
            if session.finished:
                connection.say_goodbye(self.offer.topics.status, backlog.descriptor)
                return

    def _new_client(self) -> Any:
        broker = self._broker
        client = self._paho.Client(self._paho.CallbackAPIVersion.VERSION2, client_id=broker.client_id(self._queue))
        client.connect_timeout = ANSWER_S
        client.max_inflight_messages_set(2 * IN_FLIGHT)
        client.will_set(self.offer.topics.status, b"offline", qos=1, retain=True)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            try:
                client.tls_set(ca_certs=broker.ca)
            except (OSError, ValueError) as error:
                raise MqttError(f"cannot use the certificates in {broker.ca}: {why(error)}") from error
        return client
