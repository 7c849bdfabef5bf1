"""The interface through which a run reports notes and progress."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Protocol

from graft_host.support.progress import Progress, unwatched

MAX_SKIPPED = 5
"""How many skipped files are named one by one."""


class Reporter(Protocol):
    """Receives notes and progress of a run."""

    def note(self, text: str) -> None:
        """Receives a note for the user."""

    def progress(self, stage: str, unit: str = "photos") -> contextlib.AbstractContextManager[Progress]:
        """Starts a stage; the callback is called with the numbers of finished and of all units."""


class Silent:
    """Drops what a run says, where its result says enough."""

    def note(self, text: str) -> None:
        """Drops a note."""

    def progress(self, stage: str, unit: str = "photos") -> contextlib.AbstractContextManager[Progress]:
        """Starts a stage that nobody watches."""
        del stage, unit
        return contextlib.nullcontext(unwatched)


class WithoutNotes:
    """Passes on the progress of a run but not its notes, for a run that repeats an earlier one."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def note(self, text: str) -> None:
        """Drops a note."""

    def progress(self, stage: str, unit: str = "photos") -> contextlib.AbstractContextManager[Progress]:
        """Starts a stage of the wrapped reporter."""
        return self._reporter.progress(stage, unit)


def note_skipped(skipped: Iterable[tuple[object, str]], reporter: Reporter, where: str) -> None:
    """Reports files that are not used, with a line each for the first few.

    Args:
        skipped: the paths and the reasons.
        reporter: receives the notes.
        where: the end of the line "and 7 more", such as ``: --json lists all``.
    """
    files = list(skipped)
    for path, reason in files[:MAX_SKIPPED]:
        reporter.note(f"skipped {path}: {reason}")
    if len(files) > MAX_SKIPPED:
        reporter.note(f"and {len(files) - MAX_SKIPPED:,} more{where}")
