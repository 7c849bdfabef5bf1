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
PATIENCE_S = 120.0
"""How long tests wait for what must happen. No test waits for this time to pass."""

_MAIN = "from graft_device import cli; cli.main()"
_PATIENT = f"import graft_device.system.stopping as s; s.GRACE_S = {PATIENCE_S}"
_PATIENT_QUEUE = f"import graft_device.outputs.queued as q; q.FLUSH_S = {PATIENCE_S}"
_PATIENT_EXEC = f"import graft_device.actions.exec_program as e; e.CLOSE_S = {PATIENCE_S}"
_DELIVERING = {"--mqtt", "--webhook", "--exec", "--config"}


def run_device(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    command = _command(args, "") if _DELIVERING & {*args} else [*COMMAND, *map(str, args)]
    return subprocess.run(command, timeout=PATIENCE_S, check=False, **streams)


def _command(args: tuple[object, ...], patch: str) -> list[str]:
    """The command line of a run that may take its time to end and to deliver its events, as on a busy machine."""
    lines = [_PATIENT, *([_PATIENT_QUEUE, _PATIENT_EXEC] if _DELIVERING & {*args} else []), patch, _MAIN]
    return [sys.executable, "-c", "\n".join(lines), "run", *map(str, args)]


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
    command = [*options.pop("prefix", []), *_command(args, options.pop("patch", ""))]
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


def drop_photo(folder: Path, name: str, colour: str, time_s: int | None = None) -> Path:
    """Moves a whole photo into a folder; its time is ``time_s``, or now."""
    path = folder / name
    part = path.with_name(f".{name}")
    picture(colour).save(part, "PNG")
    if time_s is not None:
        os.utime(part, (time_s, time_s))
    os.replace(part, path)  # noqa: PTH105
    return path


@contextmanager
def frozen(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Stops a process and its children until the end of the block."""
    stopped = []
    try:
        for pid in _with_children(process.pid):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)
            while state_of(pid) not in "TZ":
                time.sleep(0.001)
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


def _with_children(pid: int) -> Iterator[int]:
    """A process and then, when it can start no more, its children."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (thread / "children").read_text().split())


def state_of(pid: int) -> str:
    """The letter of a process's state in /proc: ``T`` when a signal has stopped it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def _pour(stream: Any, lines: queue.Queue[str]) -> None:
    try:
        for line in stream:
            lines.put(line.rstrip("\n"))
    except ValueError:  # closed by the test
        return
