"""Runs one program to its end, within limits, and with what it says on standard error."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO

TERM_S = 1.0
"""Seconds between SIGTERM and SIGKILL."""

_POLL_S = 0.05
_CHUNK = 1 << 16
_LAST_WORDS = 200


def run_program(
    command: Sequence[str], given: bytes, environment: Mapping[str, str | bytes], over: Callable[[], str]
) -> str:
    """Runs a program without a shell; what it prints is not shown.

    Args:
        command: the program and its arguments.
        given: what it reads on standard input.
        environment: its variables.
        over: asked several times a second: why the program must end now; an empty text while it may go on. Then all
            processes that it has started end, too, unless they have left its session.

    Returns:
        Why it failed, such as ``exit status 1: `` and the last line of its error output; empty if it did not fail.

    Raises:
        OSError: it cannot be started.
    """
    with _file_of(given) as file:
        process = subprocess.Popen(
            command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
            start_new_session=True,
        )  # fmt: skip
    said = _Said(process)
    reason = ""
    try:
        while process.poll() is None and not reason:
            said.read(_POLL_S)
            reason = over()
    finally:
        if process.poll() is None:
            end_group(process)
        said.read(0)
        said.close()
    return reason or _failure(process.returncode, said.last_line)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the leader of a session and all that it has started in it: SIGTERM, and SIGKILL after a second at most."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TERM_S)
    process.wait()


class _Said:
    """The end of what a process prints on standard error, read while it runs: a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._pipe = process.stderr
        self._tail = b""

    def read(self, seconds: float) -> None:
        """Reads what there is; waits so long for more, or for the process to end once it has closed the pipe."""
        if self._pipe is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            return
        if not select.select([self._pipe], [], [], seconds)[0]:
            return
        data = os.read(self._pipe.fileno(), _CHUNK)  # what there is, since select found some
        self._tail = (self._tail + data)[-4 * _LAST_WORDS :]
        if not data:
            self.close()

    def close(self) -> None:
        """Closes the pipe, which a process in the background may hold open at its other end."""
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = None

    @property
    def last_line(self) -> str:
        """The last line; empty if there is none."""
        lines = self._tail.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[-_LAST_WORDS:] if lines else ""


def _file_of(data: bytes) -> IO[bytes]:
    """A file in memory to read from: a pipe could fill up while nobody reads it, and a disk may be full."""
    in_memory = hasattr(os, "memfd_create")
    file = os.fdopen(os.memfd_create("event"), "w+b") if in_memory else tempfile.TemporaryFile()  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file


def _failure(status: int, last_line: str) -> str:
    if status == 0:
        return ""
    end = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
    return f"{end}: {last_line}" if last_line else end
