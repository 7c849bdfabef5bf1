"""How a run tells of itself, without knowing who listens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Protocol

from graft_host.support.progress import Progress

MAX_SKIPPED = 5
"""Files that are not used and are named one by one."""


class Reporter(Protocol):
    """Hears how a run goes."""

    def note(self, text: str) -> None:
        """Something that the person should know."""

    def progress(self, stage: str, unit: str = "photos") -> contextlib.AbstractContextManager[Progress]:
        """Progress of a stage, called with (done, all) of what the unit names."""


class WithoutNotes:
    """Passes on how far a run has come, and none of its notes; for one that repeats what was told of."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def note(self, text: str) -> None:
        """Drops a note."""

    def progress(self, stage: str, unit: str = "photos") -> contextlib.AbstractContextManager[Progress]:
        """Progress of a stage."""
        return self._reporter.progress(stage, unit)


def note_skipped(skipped: Iterable[tuple[object, str]], reporter: Reporter, where: str) -> None:
    """Tells of files that are not used, a line each for the first few.

    Args:
        skipped: paths and reasons.
        reporter: hears of them.
        where: completes "and 7 more", such as ``: --json lists all``.
    """
    files = list(skipped)
    for path, reason in files[:MAX_SKIPPED]:
        reporter.note(f"skipped {path}: {reason}")
    if len(files) > MAX_SKIPPED:
        reporter.note(f"and {len(files) - MAX_SKIPPED:,} more{where}")
