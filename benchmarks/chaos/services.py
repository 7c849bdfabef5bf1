"""What a run needs and may lose: a broker, a receiver of webhooks, and room on its disk."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import subprocess
from pathlib import Path
from typing import Protocol

from tests.support.broker import Mosquitto, Subscriber
from tests.support.ports import free_port
from tests.support.sinks import WebhookReceiver

DISK_MB = 8


class Service(Protocol):
    """Something that can be taken away and given back."""

    name: str

    def take(self, chance: random.Random) -> None:
        """Takes it away, in one of several ways."""

    def give(self) -> None:
        """Gives it back."""


class Broker:
    """A mosquitto that ends, or hangs, and a subscriber that reconnects."""

    name = "broker"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.mosquitto = Mosquitto(folder)
        self._hangs = False

    def __enter__(self) -> Broker:
        self.mosquitto.start()
        self._subscriber = Subscriber(self.mosquitto.port)
        self._subscriber.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._subscriber.__exit__()
        self.mosquitto.kill()

    @property
    def url(self) -> str:
        """Where events are published."""
        return f"mqtt://127.0.0.1:{self.mosquitto.port}/chaos?discovery=off"

    def received(self) -> list[tuple[int, str]]:
        """Number and id of each event that the subscriber has got, repeated ones too."""
        return [(event["seq"], event["id"]) for event in self._subscriber.events("chaos")]

    def take(self, chance: random.Random) -> None:
        """Ends it, or lets it hang."""
        self._hangs = chance.random() < 0.5  # noqa: PLR2004  one of two ways
        if self._hangs:
            self.mosquitto.freeze()
        else:
            self.mosquitto.stop()

    def give(self) -> None:
        """Starts it again, or lets it go on."""
        if self._hangs:
            self.mosquitto.thaw()
        else:
            self.mosquitto.start()


class Receiver:
    """A receiver of webhooks that is gone, refuses, or takes events and does not answer."""

    name = "receiver"

    def __init__(self) -> None:
        self._port = free_port()
        self._receivers: list[WebhookReceiver] = []
        self._gone = False

    def __enter__(self) -> Receiver:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._gone:
            self._receivers[-1].__exit__()

    @property
    def url(self) -> str:
        """Where events are posted."""
        return self._receivers[-1].url

    def received(self) -> list[tuple[int, str]]:
        """Number and id of each event that was taken, repeated ones too."""
        return [(body["seq"], body["id"]) for receiver in self._receivers for body in list(receiver.bodies)]

    @property
    def pictures(self) -> int:
        """How many of the events had a picture."""
        return sum("picture" in body for receiver in self._receivers for body in list(receiver.bodies))

    def take(self, chance: random.Random) -> None:
        """Ends it, or has it refuse or forget to answer."""
        way = chance.choice(("gone", "refusing", "forgetful"))
        if way == "gone":
            self._gone = True
            self._receivers[-1].__exit__()
        else:
            setattr(self._receivers[-1], way, True)

    def give(self) -> None:
        """Starts it again, or has it answer again."""
        if self._gone:
            self._gone = False
            self._start()
        self._receivers[-1].refusing = self._receivers[-1].forgetful = False

    def _start(self) -> None:
        self._receivers.append(WebhookReceiver(self._port))
        self._receivers[-1].__enter__()


class Disk:
    """A small disk in memory for the queues, which another file fills up. Needs root."""

    name = "disk"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def __enter__(self) -> Disk:
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "graft-chaos", str(self.folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            self.folder.rmdir()
            raise PermissionError(errno.EPERM, f"cannot mount a disk: {done.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)  # noqa: S607
        self.folder.rmdir()

    def take(self, _: random.Random) -> None:
        """Fills it to the last byte."""
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 16, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def give(self) -> None:
        """Makes room again."""
        self._filler.unlink()


def may_mount(folder: Path) -> bool:
    """Whether a disk can be mounted here."""
    if os.geteuid() != 0:
        return False
    try:
        with Disk(folder / "probe"):
            return True
    except OSError:
        return False
