"""Passes on the stages of work at a board, as steps of one whole."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from graft_host.studio.tasks.task import TaskReporter

PATIENCE_S = 120.0
"""Seconds to put back what a board ran before: its self-test and a restart of the service, on a slow board."""

FRESH_S = 3600.0
"""Seconds after which nobody expects any more that a board is changed by a studio that is started again."""


class Stages:
    """Reports which stage has begun; a context manager."""

    def __init__(self, names: Sequence[str], reporter: TaskReporter) -> None:
        """Names the stages that there may be, in order."""
        self._names = list(names)
        self._reporter = reporter
        self._current = contextlib.ExitStack()

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self._current.close()

    def begin(self, name: str) -> None:
        """Ends the stage before, and begins another."""
        self._current.close()
        report = self._current.enter_context(self._reporter.progress(name, "steps"))
        report(self._names.index(name), len(self._names))
