"""Runs ``graft-device run`` as a user or a service manager does."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.device_models import picture

COMMAND = [sys.executable, "-m", "graft_device.cli", "run"]
PATIENCE_S = 30.0
_MAIN = "from graft_device import cli; cli.main()"


def run_device(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.run([*COMMAND, *map(str, args)], timeout=60, check=False, **streams)


class Job:
    """A run in the background, whose lines are read as they arrive."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: queue.Queue[str] = queue.Queue()
        self.notes: queue.Queue[str] = queue.Queue()
        self._readers: list[threading.Thread] = []
        for stream, lines in ((process.stdout, self.lines), (process.stderr, self.notes)):
            if stream is not None:
                self._readers.append(threading.Thread(target=_pour, args=(stream, lines), daemon=True))
                self._readers[-1].start()

    def line(self) -> str:
        """The next line on standard output."""
        return self.lines.get(timeout=PATIENCE_S)

    def event(self) -> dict[str, Any]:
        """The next line, which must be an object."""
        event = json.loads(self.line())
        assert isinstance(event, dict)
        return event

    def note(self) -> str:
        """The next line on standard error."""
        return self.notes.get(timeout=PATIENCE_S)

    def watches(self) -> None:
        """Waits until the run's loop has had its first turn, and so has seen what a watched folder holds."""
        status = Path(f"/proc/{self.process.pid}/status")
        eventually(lambda: bool(int(status.read_text().split("SigCgt:")[1].split()[0], 16) & 1))  # SIGHUP is handled
        self.process.send_signal(signal.SIGHUP)
        while not self.note().startswith("note: opened again"):
            pass

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)

    def rest(self) -> list[str]:
        """The remaining lines on standard error, after the end."""
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return [self.notes.get_nowait() for _ in range(self.notes.qsize())]


@contextmanager
def running(*args: object, **options: Any) -> Iterator[Job]:
    """A run in the background; it is killed if it still runs at the end of the block.

    ``prefix`` are words in front of the command, and ``patch`` is Python code that is executed before it.
    """
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    patch = options.pop("patch", None)
    program = COMMAND if patch is None else [sys.executable, "-c", f"{patch}\n{_MAIN}", "run"]
    command = [*options.pop("prefix", []), *program, *map(str, args)]
    process = subprocess.Popen(command, **{**streams, **options})
    try:
        yield Job(process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def eventually(condition: Callable[[], bool], what: str = "") -> None:
    """Waits until the condition is true."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, what or "it never came to be"
        time.sleep(0.02)


def drop_photo(folder: Path, name: str, colour: str) -> Path:
    """Moves a whole photo into a folder."""
    path = folder / name
    part = path.with_name(f".{name}")
    picture(colour).save(part, "PNG")
    os.replace(part, path)  # noqa: PTH105
    return path


def _pour(stream: Any, lines: queue.Queue[str]) -> None:
    try:
        for line in stream:
            lines.put(line.rstrip("\n"))
    except ValueError:  # closed by the test
        return
