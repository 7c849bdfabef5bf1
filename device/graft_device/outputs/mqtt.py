"""Publishes events to an MQTT broker: at least once, in order, whatever becomes of the connection."""

from __future__ import annotations

import json
import os
import select
import threading
import time
from typing import Any

from graft_device.errors import why
from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.events import Event
from graft_device.outputs.mqtt_connection import ANSWER_S, IN_FLIGHT, Connection, drain, load_paho
from graft_device.outputs.mqtt_settings import Broker, MqttError
from graft_device.sources.base import Note
from graft_device.system.backoff import Backoff

FLUSH_S = 5.0
"""How long the end of a run waits for the broker to take what is left."""

_TURN_S = 1.0


class Publisher:
    """Sends the events of a queue in a thread of its own.

    An event leaves the queue when the broker has acknowledged it (QoS 1), so it may arrive twice, never not at all.
    Each connection starts with an empty client: what was not acknowledged is read from the queue again. A broker that
    is away, or refuses, is tried again for ever.
    """

    def __init__(
        self, broker: Broker, queue: EventQueue, model: str, note: Note, backoff: Backoff | None = None
    ) -> None:
        """Connects nothing yet.

        Args:
            broker: where to.
            queue: what to send.
            model: the model's name, for Home Assistant.
            note: takes a line when the broker is lost, refuses or is back.
            backoff: the waits between tries; half a second to 30 s when None.

        Raises:
            MqttError: paho-mqtt is missing, or the certificates cannot be read.
        """
        self._paho = load_paho()
        self._broker = broker
        self._queue = queue
        self._model = model
        self._note = note
        self._backoff = backoff or Backoff()
        self._state: bytes | None = None
        self._state_due = False
        self._state_number = 0
        self._trouble: set[str] = set()
        self._close_by: float | None = None
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._new_client()  # for its errors

    def start(self) -> None:
        """Begins to connect and to send."""
        self._thread.start()

    def publish(self, event: Event) -> None:
        """Says that the queue has an event more; it is the newest one, so it is the state as well."""
        self._state = event.to_line().encode()
        self._state_due = True
        self._wake()

    def close(self) -> None:
        """Sends what is left if the broker takes it within ``FLUSH_S``, says ``offline`` and ends the thread."""
        if self._thread.is_alive():
            self._close_by = time.monotonic() + FLUSH_S
            self._wake()
            self._thread.join(FLUSH_S + 2)
        if not self._thread.is_alive():
            os.close(self._wake_reader)
            os.close(self._wake_writer)

    def _wake(self) -> None:
        try:
            os.write(self._wake_writer, b"x")
        except BlockingIOError:
            return  # it is awake already

    def _run(self) -> None:
        while not self._over():
            self._connect()
            self._sleep(self._backoff.next())

    def _connect(self) -> None:
        """One try; what becomes of it is no reason to end the thread."""
        connection = None
        try:
            connection = Connection(self._new_client())
            self._serve(connection)
        except Exception as error:  # noqa: BLE001  what answers there may be no broker at all; events stay queued
            self._troubled(why(error))
        finally:
            if connection is not None:
                connection.drop()
        if connection is not None and connection.steady:
            self._backoff.reset()

    def _over(self) -> bool:
        """Whether the thread is to end without a connection: nothing is left, there is none to be had, or too late."""
        if self._close_by is None:
            return False
        return not len(self._queue) or bool(self._trouble) or time.monotonic() > self._close_by

    def _serve(self, connection: Connection) -> None:
        """One connection, from its opening to its loss (which raises) or the end of the run."""
        connection.open(self._broker.host, self._broker.port)
        greeted = False
        while True:
            connection.turn(self._wake_reader, 0.05 if self._close_by else _TURN_S)
            for seq in connection.acknowledged():
                self._queue.done(seq)
            if not connection.accepted:
                continue
            if not greeted:
                self._greet(connection)
                greeted = True
            self._pump(connection)
            if self._close_by is not None and (not len(self._queue) or time.monotonic() > self._close_by):
                connection.say_goodbye(f"{self._broker.base}/status", self._wake_reader)
                self._close_by = 0.0
                return

    def _greet(self, connection: Connection) -> None:
        base = self._broker.base
        if self._broker.discovery is not None:
            topic = f"{self._broker.discovery}/sensor/{self._broker.sensor_id}/config"
            connection.publish(topic, json.dumps(self._broker.discovery_message(self._model)).encode(), retain=True)
        connection.publish(f"{base}/status", b"online", retain=True)
        self._state_due, self._state_number = self._state is not None, 0
        if self._trouble:
            waiting = len(self._queue)
            self._note(f"broker {self._broker.name} is back; {waiting} event{'s' * (waiting != 1)} to send")
        self._trouble.clear()

    def _pump(self, connection: Connection) -> None:
        for seq, body in self._queue.waiting(connection.sent, IN_FLIGHT - connection.in_flight):
            connection.publish_event(f"{self._broker.base}/event", seq, body)
        if self._state_due and self._state is not None and connection.confirmed(self._state_number):
            self._state_due = False
            self._state_number = connection.publish(f"{self._broker.base}/state", self._state, retain=True)

    def _troubled(self, reason: str) -> None:
        """Notes each reason once an outage."""
        if reason not in self._trouble and not self._over():
            self._note(f"broker {self._broker.name}: {reason}; trying again, events are kept")
        self._trouble.add(reason)

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._close_by is None and time.monotonic() < until:
            select.select([self._wake_reader], [], [], max(0.0, until - time.monotonic()))
            drain(self._wake_reader)

    def _new_client(self) -> Any:
        broker = self._broker
        client = self._paho.Client(
            self._paho.CallbackAPIVersion.VERSION2, client_id=broker.client_id(self._queue.folder)
        )
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
