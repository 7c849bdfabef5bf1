"""Starts a program for each event, without a shell, and ends it when it takes too long."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.actions.action_error import ActionError
from graft_device.actions.encoding import held, to_jpeg
from graft_device.actions.program_run import TERM_S, run_program
from graft_device.errors import PhotoError, why
from graft_device.outputs.sink import Sink

if TYPE_CHECKING:
    from graft_device.outputs.events import Event
    from graft_device.preprocess import PhotoSource
    from graft_device.sources.base import Note

MOST_WAITING = 16
"""How many events may wait while the program runs for another; beyond, the oldest is dropped."""

CLOSE_S = 5.0
"""How many seconds the end of a run leaves to the program."""

_KEPT_TO_OURSELVES = ("GRAFT_", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "CREDENTIALS_DIRECTORY")
"""How the variables begin that the program does not inherit: secrets, and what systemd says to this process alone."""


class ExecProgram(Sink):
    """Starts a program for each event, one at a time, in a thread of its own.

    Events wait in memory: a program that opens a door or feeds a cat must not run for what was seen hours ago.
    """

    def __init__(self, name: str, command: Sequence[str], timeout: float, pictures: bool, note: Note) -> None:
        """Finds the program, and starts the thread.

        Args:
            name: what notes call the sink.
            command: the program and its arguments.
            timeout: the seconds after which the program and all that it has started are ended.
            pictures: whether the program gets the picture, as a file.
            note: called with a line when the program fails, once per outage, and when events are dropped.

        Raises:
            ActionError: there is no such program, or it may not be executed.
        """
        self.name = name
        self._command = [_found(name, command), *command[1:]]
        self._timeout = timeout
        self._pictures = pictures
        self._note = note
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Event, PhotoSource | None]] = deque()
        self._close_by: float | None = None
        self._failing = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Has the program started for the event; returns at once."""
        photo = held(event.photo) if self._pictures and event.photo is not None else None
        with self._changed:
            self._waiting.append((replace(event, photo=None), photo))  # else whole frames would wait in memory
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._count_dropped()
            self._changed.notify_all()

    def close(self) -> None:
        """Leaves a few seconds to the program and to the events that wait; then ends it."""
        with self._changed:
            self._close_by = time.monotonic() + CLOSE_S
            self._changed.notify_all()
        self._thread.join(CLOSE_S + 2 * TERM_S)
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            self._note(f"{self.name}: the run ends; {left} event{'s' * (left > 1)} had no turn")

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._close_by is not None)
                if not self._waiting or self._is_over:
                    return
                event, photo = self._waiting.popleft()
            try:
                reason = self._start(event, photo)
            except Exception as error:  # noqa: BLE001  the next event has its turn, whatever this one met
                reason = why(error)
            if reason and not self._failing:
                self._note(f"{self.name}: {reason}")
            self._failing = bool(reason)

    @property
    def _is_over(self) -> bool:
        return self._close_by is not None and time.monotonic() > self._close_by

    def _start(self, event: Event, photo: PhotoSource | None) -> str:
        """Runs the program to its end; returns why it failed, empty if it did not."""
        with contextlib.ExitStack() as stack:
            environment = program_environment(event)
            if photo is not None:
                with contextlib.suppress(PhotoError, OSError):  # the photo may be gone, or the disk full
                    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="graft-exec-")))
                    picture = folder / "picture.jpg"
                    picture.write_bytes(to_jpeg(photo))
                    environment["GRAFT_PICTURE"] = os.fsencode(picture)
            until = time.monotonic() + self._timeout
            return run_program(
                self._command, event.to_line().encode() + b"\n", environment, lambda: self._ends_because(until)
            )

    def _ends_because(self, until: float) -> str:
        if time.monotonic() > until:
            return f"ended after {self._timeout:g} seconds"
        return "ended with the run" if self._is_over else ""

    def _count_dropped(self) -> None:
        """Counts an event that had no turn; notes the first, and then each time their number has doubled."""
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:
            events = f"{self.dropped} events were" if self.dropped > 1 else "an event was"
            self._note(f"{self.name}: the program is slower than the events; {events} dropped")


def program_environment(event: Event) -> dict[str, str | bytes]:
    """The variables that a program finds: those of this process without secrets, and the fields of the event."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_TO_OURSELVES)}
    fields = {
        "GRAFT_ID": event.id,
        "GRAFT_SEQ": str(event.seq),
        "GRAFT_KIND": event.kind,
        "GRAFT_TIME": event.time,
        "GRAFT_SOURCE": event.source,
        "GRAFT_REGION": event.region or "",
        "GRAFT_MODEL": event.model or "",
        "GRAFT_VIEW": event.view,
        "GRAFT_LABEL": event.label,
        "GRAFT_SCORE": f"{event.score:.6f}",
        "GRAFT_DURATION": "" if event.duration is None else f"{event.duration:.3f}",
    }
    return {**inherited, **{name: _as_bytes(value) for name, value in fields.items()}}


def _as_bytes(text: str) -> bytes:
    """A text as a variable can hold it: a label may contain anything."""
    return text.encode("utf-8", "replace").replace(b"\0", b"?")


def _found(name: str, command: Sequence[str]) -> str:
    program = command[0] if command else ""
    found = shutil.which(program) if program else None
    if found is not None:
        return str(Path(found).absolute()) if os.sep in found else found
    if os.sep in program and Path(program).is_file():
        raise ActionError(f"{name}: {program} may not be executed", f"run: chmod +x {program}")
    if not program:
        raise ActionError(f"{name} names no program", 'write command = ["/path/of/program"]')
    raise ActionError(f"{name}: there is no program {program}", "name an existing one in its command")
