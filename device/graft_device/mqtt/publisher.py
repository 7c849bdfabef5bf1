"""Publishes events to an MQTT broker: at least once, in order, even if the connection or the board fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.errors import why
from graft_device.mqtt.broker import Broker, MqttError
from graft_device.mqtt.connection import ANSWER_S, IN_FLIGHT, Connection, load_paho
from graft_device.outputs.queued import Queued, Receiver

if TYPE_CHECKING:
    from graft_device.outputs.backlog import Backlog
    from graft_device.outputs.event_queue import EventQueue
    from graft_device.sources.base import Note
    from graft_device.system.backoff import Backoff

_TURN_S = 1.0
_LAST_TURN_S = 0.05


class Mqtt(Queued):
    """A sink that publishes to a broker, with a queue on disk.

    Events go to ``TOPIC/event``. The newest one is retained at ``TOPIC/state``. Retained at ``TOPIC/status`` is
    ``online`` while the run is connected and its source gives frames, else ``offline``.
    """

    def __init__(
        self, broker: Broker, queue: EventQueue, model: str, note: Note, backoff: Backoff | None = None
    ) -> None:
        """Starts to connect.

        Args:
            broker: the broker and the topic.
            queue: the events on disk.
            model: the model's name, for Home Assistant.
            note: called with a line when the broker is lost, refuses or is back.
            backoff: the waits between tries; half a second to 30 seconds when None.

        Raises:
            MqttError: paho-mqtt is missing, or the certificates cannot be read.
        """
        super().__init__(Publisher(broker, queue.folder, model), queue, note, backoff)


class Publisher(Receiver):
    """Publishes the events of a queue, several at a time.

    An event leaves the queue when the broker has acknowledged it (QoS 1). Each connection starts with a new client:
    what was not acknowledged is read from the queue again.
    """

    def __init__(self, broker: Broker, queue: Path, model: str) -> None:
        """Loads paho-mqtt and the certificates; connects to nothing.

        Args:
            broker: the broker and the topic.
            queue: the folder of the queue, which is part of the client's identity.
            model: the model's name, for Home Assistant.

        Raises:
            MqttError: paho-mqtt is missing, or the certificates cannot be read.
        """
        self.name = f"broker {broker.name}"
        self._paho = load_paho()
        self._broker = broker
        self._queue = queue
        self._model = model
        self._state: bytes | None = None
        self._state_number = 0
        self._present = True
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
        greeted = False
        while True:
            connection.turn(backlog.descriptor, _LAST_TURN_S if backlog.closing else _TURN_S)
            for number in connection.acknowledged():
                backlog.done(number)
            if not connection.accepted:
                continue
            if not greeted:
                self._greet(connection, backlog)
                backlog.works()
                greeted = True
            self._pump(connection, backlog)
            if backlog.finished:
                connection.say_goodbye(f"{self._broker.base}/status", backlog.descriptor)
                return

    def _greet(self, connection: Connection, backlog: Backlog) -> None:
        if self._broker.discovery is not None:
            topic = f"{self._broker.discovery}/sensor/{self._broker.sensor_id}/config"
            connection.publish(topic, json.dumps(self._broker.discovery_message(self._model)).encode(), retain=True)
        self._publish_status(connection, backlog.present)
        self._state, self._state_number = None, 0

    def _publish_status(self, connection: Connection, present: bool) -> None:
        self._present = present
        connection.publish(f"{self._broker.base}/status", b"online" if present else b"offline", retain=True)

    def _pump(self, connection: Connection, backlog: Backlog) -> None:
        if backlog.present != self._present:
            self._publish_status(connection, backlog.present)
        for number, body in backlog.waiting(connection.sent, IN_FLIGHT - connection.in_flight):
            connection.publish_event(f"{self._broker.base}/event", number, body)
        newest = backlog.newest
        if newest is not self._state and newest is not None and connection.confirmed(self._state_number):
            self._state = newest
            self._state_number = connection.publish(f"{self._broker.base}/state", newest, retain=True)

    def _new_client(self) -> Any:
        broker = self._broker
        client = self._paho.Client(self._paho.CallbackAPIVersion.VERSION2, client_id=broker.client_id(self._queue))
        client.connect_timeout = ANSWER_S
        client.max_inflight_messages_set(2 * IN_FLIGHT)
        client.will_set(f"{broker.base}/status", b"offline", qos=1, retain=True)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            try:
                client.tls_set(ca_certs=broker.ca)
            except (OSError, ValueError) as error:
                raise MqttError(f"cannot use the certificates in {broker.ca}: {why(error)}") from error
        return client
