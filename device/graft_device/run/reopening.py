"""What SIGHUP asks for: the model file is opened anew, or the terminal is gone and the run ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from graft_device.errors import GraftError
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft_device.classifier import Classifier


class Terminal:
    """The terminal that a command was started from, if there was one.

    The system sends SIGHUP when it is closed, as when an SSH connection breaks: the command must end then, or it would
    go on unseen and keep its port or camera. From anyone else the signal means that there is a new model.
    """

    def __init__(self) -> None:
        self._descriptors = [number for number in (0, 1) if os.isatty(number)]

    def closed(self) -> bool:
        """Whether there was one that is gone."""
        return not all(map(os.isatty, self._descriptors))


class Reopening:
    """While it is entered, SIGHUP has the next call open the model file anew."""

    def __init__(self, path: Path, runtime: str, threads: int | None, stop: Stop, note: Callable[[str], None]) -> None:
        """Opens nothing yet.

        Args:
            path: the model file, or a link that is switched from one to the next.
            runtime: ``auto``, ``litert`` or ``tflite-runtime``.
            threads: for one inference; all usable cores when None.
            stop: set where the terminal is gone.
            note: takes a line about the new model, or why the old one stays.
        """
        self._path = path
        self._runtime = runtime
        self._threads = threads
        self._stop = stop
        self._note = note
        self._wanted = False
        self._terminal = Terminal()
        self._previous: Any = signal.SIG_DFL

    def __enter__(self) -> Reopening:
        self._previous = signal.signal(signal.SIGHUP, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._previous)

    def __call__(self) -> Classifier | None:
        """The new model where one was asked for since the last call and can be run, else None."""
        if not self._wanted:
            return None
        self._wanted = False
        from graft_device.run.opened import open_copy  # slow to import, and SIGHUP may come before

        try:
            classifier = open_copy(self._path, self._runtime, self._threads)
        except (GraftError, MemoryError) as error:
            self._note(f"{str(error) or 'out of memory'}; the old model stays in use")
            return None
        self._note(f"opened anew: {self._path.name}, {len(classifier.labels)} labels")
        return classifier

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self._terminal.closed():
            self._stop.wanted = True
        else:
            self._wanted = True
