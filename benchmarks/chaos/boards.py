"""A run of ``graft-device`` with a camera, a broker, a webhook and queues; and what it has made and delivered."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.chaos.services import Broker, Receiver
from tests.support.device_models import COLOURS
from tests.support.running import PATIENCE_S
from tests.support.web_camera import WebCamera

FPS = 10


@dataclass(frozen=True)
class Made:
    """One event, as the run has printed it.

    Attributes:
        seq: its number.
        id: its id.
        age_ms: milliseconds from the frame to the answer.
        dropped: frames that were skipped before it.
        at: when it was printed, in seconds of ``time.monotonic``.
    """

    seq: int
    id: str
    age_ms: float
    dropped: int
    at: float


class RunningBoard:
    """A run, its camera and its receivers."""

    def __init__(self, process: subprocess.Popen[str], camera: WebCamera, broker: Broker, receiver: Receiver) -> None:
        self.process = process
        self.camera = camera
        self.broker = broker
        self.receiver = receiver
        self.made: list[Made] = []
        self.notes: list[str] = []
        self._readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True)
            for read, pipe in ((self._read_events, process.stdout), (self._read_notes, process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def all_delivered(self) -> bool:
        """Whether both receivers have every event that was made, and no other."""
        made = {(event.seq, event.id) for event in list(self.made)}
        return set(self.broker.received()) == made == set(self.receiver.received())

    def change_colour(self, number: int) -> None:
        """Shows the camera another colour."""
        self.camera.colour = list(COLOURS)[number % len(COLOURS)]

    def end(self) -> int:
        """Ends the run; returns its exit status.

        Raises:
            subprocess.TimeoutExpired: it does not end.
        """
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return status

    def _read_events(self, pipe: IO[str]) -> None:
        for line in pipe:
            event, at = json.loads(line), time.monotonic()
            if "id" in event:
                self.made.append(Made(event["seq"], event["id"], event["ms"]["age"], event["dropped"], at))

    def _read_notes(self, pipe: IO[str]) -> None:
        for line in pipe:
            self.notes.append(line.strip())


@contextlib.contextmanager
def running_board(model: Path, queue: Path, folder: Path) -> Iterator[RunningBoard]:
    """A run whose events go to a broker and to a webhook, with pictures.

    Args:
        model: the model.
        queue: the folder of the queues.
        folder: an empty folder for everything else.
    """
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(WebCamera())
        broker = stack.enter_context(Broker(folder / "broker"))
        receiver = stack.enter_context(Receiver())
        command = [
            sys.executable, "-m", "graft_device.cli", "run", str(model), "--source", f"{camera.url}/stream",
            "--fps", str(FPS), "--mqtt", broker.url, "--webhook", receiver.url, "--pictures", "--queue", str(queue),
            "--threads", "1", "--json",
        ]  # fmt: skip
        process = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        stack.callback(process.kill)
        yield RunningBoard(process, camera, broker, receiver)
