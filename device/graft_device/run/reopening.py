"""Handles SIGHUP: opens the model file again, or ends the run if the terminal was closed."""

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
    """The terminal that a command was started from, if any.

    The system sends SIGHUP when a terminal is closed, for example when an SSH connection breaks. The command must end
    then; otherwise it would keep its port or camera unseen. In all other cases SIGHUP means that there is a new model.
    """

    def __init__(self) -> None:
        self._descriptors = [number for number in (0, 1) if os.isatty(number)]

    def closed(self) -> bool:
        """Whether there was a terminal and it is closed now."""
        return not all(map(os.isatty, self._descriptors))


class Reopening:
    """While this is entered, the first call after SIGHUP opens the model file again."""

    def __init__(self, path: Path, runtime: str, threads: int | None, stop: Stop, note: Callable[[str], None]) -> None:
        """Opens nothing until SIGHUP arrives.

        Args:
            path: the model file, or a link to the current one.
            runtime: ``auto``, ``litert`` or ``tflite-runtime``.
            threads: the number of threads for one inference. None means all usable cores.
            stop: is set if the terminal was closed.
            note: called with a line about the new model, or the reason why the old one stays in use.
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
        """Returns the new model if SIGHUP arrived since the last call and the model can be run, else None."""
        if not self._wanted:
            return None
        self._wanted = False
        from graft_device.run.opened import open_copy  # slow to import, and SIGHUP may come before

        try:
            classifier = open_copy(self._path, self._runtime, self._threads)
        except (GraftError, MemoryError) as error:
            self._note(f"{str(error) or 'out of memory'}; the old model stays in use")
            return None
        self._note(f"opened again: {self._path.name}, {len(classifier.labels)} labels")
        return classifier

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self._terminal.closed():
            self._stop.wanted = True
        else:
            self._wanted = True
