"""Runs the models of a project on photos."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from graft_host.studio.project.folder import Project
from graft_host.studio.project.models import model_path, model_status
from graft_host.studio.trials.model_process import ModelProcess

_OPEN = 3
"""Models that are open at a time."""


class Trials:
    """The models of a project, a few of which are open; a context manager. Several threads may use it."""

    def __init__(self, project: Project, cache: Path | None) -> None:
        """Opens nothing yet.

        Args:
            project: with the models.
            cache: the folder of bottlenecks; the usual one if None.
        """
        self.project = project
        self.cache = cache
        self._guard = threading.Lock()
        self._open: OrderedDict[tuple[str, int, int], ModelProcess] = OrderedDict()

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        with self._guard:
            processes = [*self._open.values()]
            self._open.clear()
        for process in processes:
            process.close()

    def describe(self, name: str) -> dict[str, Any]:
        """What a model is: ``labels``, ``card``, ``bytes`` and ``runtime``, as plain values.

        Raises:
            StudioError: there is no such model.
            ModelError: it is no model, or not one that can be used.
        """
        return self.process(name).description()

    def classify(self, name: str, photo: bytes) -> dict[str, Any]:
        """The answer of a model to a photo, with the times of its steps, as the board's server gives it.

        Args:
            name: of the model.
            photo: the bytes of an image file.

        Raises:
            StudioError: there is no such model.
            ModelError: it cannot be used.
            PhotoError: the photo cannot be read.
        """
        return self.process(name).ask("classify", photo)[0]

    def process(self, name: str) -> ModelProcess:
        """The process of a model, which its first request starts; a file that was replaced gets another one.

        Raises:
            StudioError: there is no such model.
        """
        path, status = model_path(self.project, name), model_status(self.project, name)
        key = name, status.st_mtime_ns, status.st_size
        with self._guard:
            process = self._open.pop(key, None) or ModelProcess(path)
            self._open[key] = process
            over = [other for other in self._open if other != key and other[0] == name]
            over += [*self._open][: max(0, len(self._open) - _OPEN)]
            closing = [self._open.pop(other) for other in dict.fromkeys(over)]
        for one in closing:
            one.close()
        return process
