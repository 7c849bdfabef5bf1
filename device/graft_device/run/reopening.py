"""Handles SIGHUP: tries the model file and opens it again, or ends the run if the terminal was closed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from graft_device.errors import GraftError
from graft_device.model import without_checksum
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft_device.classifier import Classifier
    from graft_device.run.opened import NewModel


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
    """While this is entered, SIGHUP has the model file tried, and a later call opens it if it has passed.

    The file is tried in another process meanwhile, and the run goes on with the old model.
    """

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
        self._new: NewModel | None = None
        self._terminal = Terminal()
        self._previous: Any = signal.SIG_DFL

    def __enter__(self) -> Reopening:
        self._previous = signal.signal(signal.SIGHUP, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._previous)
        if self._new is not None:
            self._new.cancel()

    def __call__(self) -> Classifier | None:
        """Returns the new model once it has passed its trial, else None; starts a trial if SIGHUP has arrived."""
        if self._new is None:
            if self._wanted:
                from graft_device.run.opened import NewModel  # slow to import, and SIGHUP may come before

                self._wanted = False
                self._new = NewModel(self._path, self._runtime, self._threads)
            return None
        if not self._new.tried.done():
            return None
        new, self._new = self._new, None
        return self._opened(new)

    def _opened(self, new: NewModel) -> Classifier | None:
        try:
            classifier = new.open()
        except Exception as error:  # noqa: BLE001  whatever is wrong with the new file, the old model works
            self._note(f"{_reason(error)}; the old model stays in use")
            return None
        self._note(f"opened again: {self._path.name}, {len(classifier.labels)} labels")
        line = without_checksum(classifier.model, self._path)
        if line is not None:
            self._note(line)
        return classifier

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self._terminal.closed():
            self._stop.wanted = True
        else:
            self._wanted = True


def _reason(error: Exception) -> str:
    if isinstance(error, GraftError):
        return str(error)
    return "out of memory" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
