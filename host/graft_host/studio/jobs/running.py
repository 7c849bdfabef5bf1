"""Runs one job in a process of its own, follows it, and ends it with all that it started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from graft_device.errors import os_reason
from graft_device.system.child import module_command
from graft_host.studio.jobs import child
from graft_host.studio.jobs.files import JobFiles
from graft_host.studio.jobs.job import JobError, JobProgress

_LOOK_S = 0.1
_LAST_LINES = 4096  # bytes of what the process wrote to standard error


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the process of a job ended.

    Attributes:
        result: of the task, or the figures of a failed one; None if there are none.
        error: why it failed; None if it did not.
    """

    result: Mapping[str, Any] | None = None
    error: JobError | None = None


def run_job(
    request: Mapping[str, Any],
    files: JobFiles,
    *,
    inherit: Sequence[int],
    ended: Callable[[], bool],
    changed: Callable[[], None],
) -> Outcome | None:
    """Runs a job to its end.

    Args:
        request: what the process needs to know, and ``grace_s``, the seconds that it may take to end.
        files: of the job; its notes and its progress are written there.
        inherit: file descriptors that the process keeps open as long as it lives, such as that of a lock.
        ended: asked several times a second whether to end the job.
        changed: called after each note and step.

    Returns:
        None if it was ended before there was a result or an error.
    """
    try:
        with files.errors.open("wb") as errors:
            process = subprocess.Popen(
                module_command(child.__name__), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                pass_fds=inherit, start_new_session=True,
            )  # fmt: skip
    except OSError as error:
        return Outcome(error=system_error("cannot start another process", error))
    with process:
        lines = _Lines(process, files, changed)
        lines.start(request)
        interrupted = _follow(process, lines, ended, request["grace_s"])
        lines.join()
    if lines.outcome is not None:
        return lines.outcome
    if interrupted:
        return None
    return Outcome(error=_unexplained(process.returncode, files))


class _Lines:
    """Reads the lines of a job's process in a thread."""

    def __init__(self, process: subprocess.Popen[bytes], files: JobFiles, changed: Callable[[], None]) -> None:
        self.outcome: Outcome | None = None
        self.broken = False
        self._process = process
        self._files = files
        self._changed = changed
        self._thread = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)

    def start(self, request: Mapping[str, Any]) -> None:
        """Sends the request, and begins to read."""
        self._thread.start()
        assert self._process.stdin is not None  # noqa: S101  a pipe
        rest = memoryview(json.dumps(request).encode() + b"\n")
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            while rest:
                rest = rest[os.write(self._process.stdin.fileno(), rest) :]

    def join(self) -> None:
        """Waits for the last line."""
        self._thread.join()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            try:
                self._take(json.loads(line))
            except OSError as error:
                if not self.broken:
                    self.broken = True
                    self.outcome = Outcome(error=system_error(f"cannot write {self._files.folder}", error))
            self._changed()

    def _take(self, line: Mapping[str, Any]) -> None:
        if self.broken:
            return
        if "note" in line:
            self._files.note(line["note"])
        elif "event" in line:
            self._files.event(line["event"], line["values"])
        elif "progress" in line:
            self._files.progress(JobProgress(**line["progress"]))
        elif "error" in line:
            self.outcome = Outcome(result=line.get("figures"), error=JobError(**line["error"]))
        else:
            self.outcome = Outcome(result=line["result"])


def _follow(process: subprocess.Popen[bytes], lines: _Lines, ended: Callable[[], bool], grace_s: float) -> bool:
    """Waits for the end of the process; returns whether it was interrupted."""
    interrupted, until = False, float("inf")
    while not _has_ended(process):
        if until == float("inf") and (lines.broken or lines.outcome is not None or ended()):
            until = time.monotonic() + grace_s
            if lines.outcome is None or lines.broken:
                interrupted = True
                os.kill(process.pid, signal.SIGINT)  # Popen's way would wait for the process, and free its number
        if time.monotonic() > until:
            _kill(process)
        time.sleep(_LOOK_S)
    _kill(process)  # what it started and left; its group is its own as long as it has not been waited for
    process.wait()
    return interrupted


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def system_error(what: str, error: OSError) -> JobError:
    """Describes an error of the system."""
    return JobError(what=f"{what}: {os_reason(error)}", remedy="free some space, or see who may write there")


def _unexplained(status: int, files: JobFiles) -> JobError:
    """The error of a process that ended without a word."""
    if status < 0:
        name = signal.Signals(-status).name
        remedy = "see whether there is enough memory" if -status == signal.SIGKILL else "start it again"
        return JobError(what=f"the process of the job was ended by {name}", remedy=remedy)
    text = ""
    with contextlib.suppress(OSError):
        text = files.errors.read_bytes()[-_LAST_LINES:].decode("utf-8", "replace")
    last = [line.strip() for line in text.splitlines() if line.strip()][-1:] or [f"exit status {status}"]
    return JobError(what=f"the process of the job ended: {last[0]}", remedy="start it again")
