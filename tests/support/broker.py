"""A real mosquitto on a free loopback port, and a subscriber."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.running import PATIENCE_S, eventually

paho = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")
_PROBE = "of the subscriber itself"
_FOUND = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin")


class Mosquitto:
    """A broker that may be killed and started again, with its persistent data."""

    def __init__(self, folder: Path, *lines: str, port: int | None = None) -> None:
        if _FOUND is None:
            pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
        self.port = port or free_port()
        self._config = folder / "mosquitto.conf"
        anonymous = [] if any(line.startswith("password_file") for line in lines) else ["allow_anonymous true"]
        settings = [
            f"listener {self.port} 127.0.0.1", *anonymous, "user root", "persistence true",
            f"persistence_location {folder}/", "autosave_on_changes true", "autosave_interval 1", *lines,
        ]  # fmt: skip
        self._config.write_text("\n".join(settings) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the broker and waits until it listens."""
        assert self._process is None
        assert _FOUND is not None
        self._process = subprocess.Popen(
            [_FOUND, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self._listens, "mosquitto did not start")

    def freeze(self) -> None:
        """Stops the broker until it is killed: it takes nothing more, and its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Goes on after ``freeze``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ends the broker, as a service manager does: it stores its messages first."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def kill(self) -> None:
        """Kills the broker, as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "mosquitto ended at once"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Subscriber:
    """Collects all messages of a broker, even across its restarts."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._probes: set[bytes] = set()
        self._ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="subscriber", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_disconnect = lambda *_: self._ready.clear()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> Subscriber:
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self) -> None:
        """Waits until the subscriber receives what is published now; the loss of a broker is noticed only later."""
        assert self._ready.wait(PATIENCE_S)
        probe = uuid.uuid4().bytes

        def arrives() -> bool:
            self._client.publish(_PROBE, probe)
            return probe in self._probes

        eventually(arrives, "the subscriber receives nothing")

    def texts(self, topic: str) -> list[str]:
        """The messages received on a topic."""
        return [body.decode() for name, body, _ in list(self.messages) if name == topic]

    def events(self, base: str) -> list[dict[str, Any]]:
        """All received events, including repeated ones."""
        return [json.loads(text) for text in self.texts(f"{base}/event")]

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        if message.topic == _PROBE:
            self._probes.add(bytes(message.payload))
        else:
            self.messages.append((message.topic, message.payload, message.retain))


class Link:
    """A TCP link to a broker that can drop the broker's answers, like a network that fails in one direction."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._pairs: list[_Pair] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """Drops what the broker answers from now on, in the connections that there are."""
        for pair in self._pairs:
            pair.swallows = True

    def cut(self) -> None:
        """Closes all connections."""
        while self._pairs:
            pair = self._pairs.pop()
            for end in (pair.client, pair.broker):
                _shut(end)

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        _shut(self._listener)
        self.cut()
        time.sleep(0.05)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                broker = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            pair = _Pair(client, broker)
            self._pairs.append(pair)
            threading.Thread(target=_forward, args=(client, broker, lambda: False), daemon=True).start()
            swallows = partial(getattr, pair, "swallows")
            threading.Thread(target=_forward, args=(broker, client, swallows), daemon=True).start()


@dataclass
class _Pair:
    """The two ends of a connection, and whether the broker's answers are dropped."""

    client: socket.socket
    broker: socket.socket
    swallows: bool = False


def _forward(source: socket.socket, target: socket.socket, swallows: Callable[[], bool]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if not swallows():
                target.sendall(data)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
