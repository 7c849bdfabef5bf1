"""Handles SIGHUP: tries the model file and opens it again, or ends the run if the terminal was closed."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import TYPE_CHECKING, Any

from graft_device.errors import GraftError
from graft_device.model import without_checksum
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graft_device.classifier import Classifier
    from graft_device.config.settings import ModelSettings
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
    """While this is entered, SIGHUP has the model files tried, and a later call opens those that have passed.

    A file is tried in another process meanwhile, and the run goes on with the old model.
    """

    def __init__(self, stop: Stop, note: Callable[[str], None], models: Callable[[], Sequence[ModelSettings]]) -> None:
        """Opens nothing until SIGHUP arrives.

        Args:
            stop: is set if the terminal was closed.
            note: called with a line about each new model, or the reason why the old one stays in use.
            models: called after SIGHUP; returns the models to try. What it raises, ``__call__`` raises.
        """
        self._stop = stop
        self._note = note
        self._models = models
        self._wanted = False
        self._new: dict[str, NewModel] = {}
        self._terminal = Terminal()
        self._previous: Any = signal.SIG_DFL

    def __enter__(self) -> Reopening:
        self._previous = signal.signal(signal.SIGHUP, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._previous)
        self._cancel()

    def __call__(self) -> dict[str, Classifier]:
        """Returns the new models that have passed their trial, by name; starts the trials if SIGHUP has arrived."""
        if self._wanted and not self._new:
            from graft_device.run.opened import NewModel  # slow to import, and SIGHUP may come before

            self._wanted = False
            for model in self._models():
                self._new[model.name] = NewModel(model.file, model.runtime, model.threads)
            return {}
        done = [name for name, new in self._new.items() if new.tried.done()]
        opened = {name: self._opened(self._new.pop(name)) for name in done}
        return {name: classifier for name, classifier in opened.items() if classifier is not None}

    def _opened(self, new: NewModel) -> Classifier | None:
        try:
            classifier = new.open()
        except Exception as error:  # noqa: BLE001  whatever is wrong with the new file, the old model works
            self._note(f"{_reason(error)}; the old model stays in use")
            return None
        self._note(f"opened again: {new.path.name}, {len(classifier.labels)} labels")
        line = without_checksum(classifier.model, new.path)
        if line is not None:
            self._note(line)
        return classifier

    def _cancel(self) -> None:
        while self._new:
            self._new.popitem()[1].cancel()

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self._terminal.closed():
            self._stop.wanted = True
        else:
            self._wanted = True


def _reason(error: Exception) -> str:
    if isinstance(error, GraftError):
        return str(error)
    return "out of memory" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
