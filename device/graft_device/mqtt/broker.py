"""Reads an ``mqtt://`` URL: the broker, the topic and the options."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

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
        host: the host name or address of the broker.
        port: the TCP port.
        tls: whether the connection is encrypted.
        base: the topic. Events go to ``base/event``; ``base/state`` keeps the newest one; ``base/status`` is
            ``online`` while the run is connected and its source gives frames, else ``offline``.
        user: the user name; None for an anonymous connection.
        password: the password of the user.
        ca: a file with the certificates to trust; None for those of the system.
        discovery: the prefix of Home Assistant's discovery topics; None for no discovery.
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
        """Host and port, without the password."""
        return f"{self.host}:{self.port}"

    @property
    def queue_folder(self) -> Path:
        """The default folder of the queue; raises GraftError if there is no home folder."""
        identity = f"{self.host}:{self.port}/{self.base}"
        return queue_folder(f"{self.host}-{self.port}-{self.base}", identity)

    @property
    def sensor_id(self) -> str:
        """The sensor's id in Home Assistant. It depends on the machine and the topic."""
        return _id(self.base)

    def client_id(self, queue: Path) -> str:
        """The MQTT client's id. It depends on the machine, the topic and the queue.

        A broker closes a connection when another client with the same id connects. Two runs with one id would close
        each other's connections forever, and each last will would report ``offline``.
        """
        return _id(self.base, str(queue.resolve()))


def parse_broker(url: str) -> Broker:
    """Reads ``mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC][?ca=FILE&discovery=PREFIX|off]``.

    The default topic is ``graftkit/`` and the host's name. The password may be given in ``$GRAFT_MQTT_PASSWORD``.

    Raises:
        MqttError: the URL cannot be used. The message contains no password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)) if parts.query else {}
    except ValueError as error:
        raise MqttError("the broker's URL cannot be read", f"give {FORM}") from error
    if parts.scheme not in _PORTS or not host:
        raise MqttError("the broker's URL has no host or does not start with mqtt:// or mqtts://", f"give {FORM}")
    if parts.fragment or not set(query) <= set(_KEYS):
        raise MqttError(
            "the broker's URL has an option other than ?ca=FILE and ?discovery=PREFIX or off", f"give {FORM}"
        )
    base = unquote(parts.path).strip("/") or f"graftkit/{socket.gethostname()}"
    discovery = query.get("discovery", "homeassistant").strip("/")
    check_topic(base)
    check_topic(discovery or "homeassistant")
    password = unquote(parts.password) if parts.password else os.environ.get(PASSWORD_VARIABLE)
    user = unquote(parts.username) if parts.username else None
    if query.get("ca") is not None and parts.scheme != "mqtts":
        raise MqttError("?ca= needs TLS", "write mqtts:// instead of mqtt://")
    return Broker(
        host, port or _PORTS[parts.scheme], parts.scheme == "mqtts", base,
        user, password if user else None, query.get("ca"), None if discovery in {"", "off"} else discovery,
    )  # fmt: skip


def _id(*parts: str) -> str:
    digest = hashlib.sha256(" ".join(("graftkit", _machine(), *parts)).encode()).hexdigest()
    return f"graftkit-{digest[:12]}"


def check_topic(topic: str) -> None:
    """Raises MqttError for a topic that nothing can be published to."""
    try:
        topic.encode()
    except UnicodeEncodeError as error:
        raise MqttError("the topic in the broker's URL is not UTF-8", f"give {FORM}") from error
    if re.search(r"[+#\x00-\x1f\x7f]", topic) or topic.startswith("$") or len(topic.encode()) > 1000:  # noqa: PLR2004
        raise MqttError(
            "the topic in the broker's URL cannot be published to", "use no +, no #, no control character, no leading $"
        )


def _machine() -> str:
    """An id of this machine. It holds the serial number because boards that share an image share the machine id."""
    return "-".join(filter(None, (read_text(path).strip() for path in _IDENTITIES))) or socket.gethostname()
