"""One connection to an MQTT broker, from CONNECT to its end, driven through paho-mqtt."""

from __future__ import annotations

import importlib
import select
import time
from typing import Any

from graft_device.mqtt.broker import MqttError
from graft_device.outputs.backlog import drain

INSTALL = 'python3 -m pip install "paho-mqtt>=2"'
IN_FLIGHT = 20
"""How many events may be sent before the broker acknowledges the first of them."""

ANSWER_S = 10.0
"""Seconds in which a broker must answer."""

_KEEPALIVE_S = 30


class Connection:
    """One client from CONNECT to the end of its connection, driven by ``turn``.

    Attributes:
        accepted: whether the broker has accepted the client.
        refused: why it has not, if it gave a reason.
        sent: the number of the last event that was sent.
    """

    def __init__(self, client: Any) -> None:
        """Connects when ``open`` is called; ``client`` is a new paho client."""
        self._client = client
        self._numbers: dict[int, int] = {}
        self._acknowledged: list[int] = []
        self._unconfirmed: set[int] = set()
        self._answer_by = 0.0
        self.accepted = False
        self.refused: str | None = None
        self.sent = 0
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish

    @property
    def in_flight(self) -> int:
        """How many events the broker has not acknowledged."""
        return len(self._numbers)

    def open(self, host: str, port: int) -> None:
        """Connects; raises OSError where there is no broker."""
        self._client.connect(host, port, keepalive=_KEEPALIVE_S)
        self._answer_by = time.monotonic() + ANSWER_S

    def turn(self, wake: int, timeout: float) -> None:
        """Reads and writes what is ready; waits for it up to ``timeout`` seconds, or until ``wake`` is readable.

        Raises:
            MqttError: the connection is lost, or the broker refuses or does not answer.
        """
        client, sock = self._client, self._client.socket()
        if sock is None:
            raise MqttError(self.refused or "the connection was lost")
        pending = bool(getattr(sock, "pending", int)())  # select does not see what TLS has read ahead
        writing = [sock] if client.want_write() else []
        readable, writable, _ = select.select([sock, wake], writing, [], 0 if pending else timeout)
        if wake in readable:
            drain(wake)
        codes = [client.loop_misc()]
        if pending or sock in readable:
            codes.append(client.loop_read(IN_FLIGHT))
        if writable:
            codes.append(client.loop_write())
        if self.refused is not None:
            raise MqttError(self.refused)
        if any(codes):
            raise MqttError("the connection was lost")
        if not self.accepted and time.monotonic() > self._answer_by:
            raise MqttError("it does not answer")

    def publish_event(self, topic: str, seq: int, body: bytes) -> None:
        """Sends an event (QoS 1); its number is in ``acknowledged`` when the broker has it."""
        self._numbers[self.publish(topic, body)] = seq
        self.sent = seq

    def publish(self, topic: str, body: bytes, retain: bool = False) -> int:
        """Sends any other message (QoS 1); returns its number for ``confirmed``."""
        number = int(self._client.publish(topic, body, qos=1, retain=retain).mid)
        self._unconfirmed.add(number)
        return number

    def confirmed(self, number: int) -> bool:
        """Whether the broker has acknowledged the message with this number."""
        return number not in self._unconfirmed

    @property
    def settled(self) -> bool:
        """Whether the broker has acknowledged everything."""
        return not self._unconfirmed

    def acknowledged(self) -> list[int]:
        """The numbers of the events that the broker has acknowledged since the last call."""
        numbers, self._acknowledged = self._acknowledged, []
        return numbers

    def say_goodbye(self, topic: str, wake: int) -> None:
        """Publishes ``offline``, waits up to a second for the acknowledgement, and disconnects."""
        number = self.publish(topic, b"offline", retain=True)
        until = time.monotonic() + 1
        while not self.confirmed(number) and time.monotonic() < until:
            self.turn(wake, 0.05)
        self._client.disconnect()

    def drop(self) -> None:
        """Closes the socket in any state."""
        sock = self._client.socket()
        self._client.on_connect = self._client.on_publish = None
        if sock is not None:
            sock.close()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.accepted = not code.is_failure
        if code.is_failure:
            self.refused = f"it refuses: {str(code).lower()}"

    def _on_publish(self, _client: Any, _data: Any, number: int, _code: Any, _properties: Any) -> None:
        self._unconfirmed.discard(number)
        seq = self._numbers.pop(number, None)
        if seq is not None:
            self._acknowledged.append(seq)


def load_paho() -> Any:
    """paho-mqtt's client module; raises MqttError where it is missing or too old."""
    try:
        paho = importlib.import_module("paho.mqtt.client")
    except ImportError as error:
        raise MqttError("--mqtt needs paho-mqtt, which is not installed", f"run: {INSTALL}") from error
    if not hasattr(paho, "CallbackAPIVersion"):
        raise MqttError("--mqtt needs paho-mqtt 2 or later", f"run: {INSTALL}")
    return paho
