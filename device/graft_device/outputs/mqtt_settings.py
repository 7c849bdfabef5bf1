"""Which broker, which topics: what an ``mqtt://`` URL says."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from graft_device import __version__
from graft_device.errors import GraftError
from graft_device.outputs.queue_folder import queue_folder
from graft_device.system.machine import read_text

PASSWORD_VARIABLE = "GRAFT_MQTT_PASSWORD"  # noqa: S105  the name, not a password
FORM = "mqtt://USER@HOST:1883/TOPIC, or mqtts:// for TLS"

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEYS = ("ca", "discovery")
_IDENTITIES = (Path("/etc/machine-id"), Path("/sys/firmware/devicetree/base/serial-number"))


class MqttError(GraftError):
    """A broker's URL cannot be used, or what it needs is missing."""


@dataclass(frozen=True)
class Broker:
    """Where events are published.

    Attributes:
        base: events go to ``base/event``, the newest one stays at ``base/state``, and ``base/status`` says ``online``
            or ``offline``.
        ca: a file with the certificates to trust; the system's own when None.
        discovery: Home Assistant's prefix; None for no discovery.
    """

    host: str
    port: int
    tls: bool
    base: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    discovery: str | None = "homeassistant"

    @property
    def name(self) -> str:
        """The broker, fit to be shown."""
        return f"{self.host}:{self.port}"

    @property
    def queue_folder(self) -> Path:
        """The default folder of the queue; raises GraftError if there is no home folder."""
        identity = f"{self.host}:{self.port}/{self.base}"
        return queue_folder(f"{self.host}-{self.port}-{self.base}", identity)

    @property
    def sensor_id(self) -> str:
        """What Home Assistant knows the sensor by: the same for the same machine and topic, another for any other."""
        return _id(self.base)

    def client_id(self, queue: Path) -> str:
        """The same for the same machine, topic and queue, another for any other.

        A broker ends an old connection when its client comes back. Two runs of one id would end each other's for ever,
        with a new one each time the old one's last will would come late and say ``offline``.
        """
        return _id(self.base, str(queue.resolve()))

    def discovery_message(self, model: str) -> dict[str, Any]:
        """What tells Home Assistant of a sensor: the label, with the whole event as its attributes."""
        return {
            "name": None,
            "unique_id": self.sensor_id,
            "state_topic": f"{self.base}/state",
            "value_template": "{{ value_json.label }}",
            "json_attributes_topic": f"{self.base}/state",
            "json_attributes_template": "{{ {'score': value_json.score, 'unknown': value_json.unknown, "
            "'time': value_json.time, 'predictions': value_json.predictions} | tojson }}",
            "availability_topic": f"{self.base}/status",
            "icon": "mdi:camera-iris",
            "device": {
                "identifiers": [self.sensor_id],
                "name": self.base,
                "manufacturer": "graftkit",
                "model": model,
                "sw_version": __version__,
            },
            "origin": {"name": "graftkit", "sw_version": __version__},
        }


def parse_broker(url: str) -> Broker:
    """Reads ``mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC][?ca=FILE&discovery=PREFIX|off]``.

    The topic is ``graftkit/`` and the host's name when not given; the password may stand in ``$GRAFT_MQTT_PASSWORD``.

    Raises:
        MqttError: the URL is no such one; the message shows no password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)) if parts.query else {}
    except ValueError as error:
        raise MqttError(f"the broker's URL cannot be read; give {FORM}") from error
    if parts.scheme not in _PORTS or not host:
        raise MqttError(f"the broker's URL has no host or starts with neither mqtt:// nor mqtts://; give {FORM}")
    if parts.fragment or not set(query) <= set(_KEYS):
        raise MqttError(
            f"the broker's URL may say ?ca=FILE and ?discovery=PREFIX or off, and nothing else; give {FORM}"
        )
    base = unquote(parts.path).strip("/") or f"graftkit/{socket.gethostname()}"
    discovery = query.get("discovery", "homeassistant").strip("/")
    _check_topic(base)
    _check_topic(discovery or "homeassistant")
    password = unquote(parts.password) if parts.password else os.environ.get(PASSWORD_VARIABLE)
    user = unquote(parts.username) if parts.username else None
    if query.get("ca") is not None and parts.scheme != "mqtts":
        raise MqttError("?ca= is for TLS: write mqtts:// instead of mqtt://")
    return Broker(
        host, port or _PORTS[parts.scheme], parts.scheme == "mqtts", base,
        user, password if user else None, query.get("ca"), None if discovery in {"", "off"} else discovery,
    )  # fmt: skip


def _id(*parts: str) -> str:
    digest = hashlib.sha256(" ".join(("graftkit", _machine(), *parts)).encode()).hexdigest()
    return f"graftkit-{digest[:12]}"


def _check_topic(topic: str) -> None:
    try:
        topic.encode()
    except UnicodeEncodeError as error:
        raise MqttError("the broker's URL names a topic that is not UTF-8") from error
    if re.search(r"[+#\x00-\x1f\x7f]", topic) or topic.startswith("$") or len(topic.encode()) > 1000:  # noqa: PLR2004
        raise MqttError("the broker's URL names a topic that cannot be published to: no +, no #, no leading $")


def _machine() -> str:
    """What tells this machine from others; boards that were set up from one image differ by their serial number."""
    return "-".join(filter(None, (read_text(path).strip() for path in _IDENTITIES))) or socket.gethostname()
