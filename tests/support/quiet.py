"""A reporter that records notes and progress instead of printing them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from graft_host.support.progress import Progress


class QuietReporter:
    """Collects notes and progress."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.counts: list[tuple[str, int, int]] = []
        self.units: dict[str, str] = {}

    def note(self, text: str) -> None:
        self.notes.append(text)

    @contextlib.contextmanager
    def progress(self, stage: str, unit: str = "photos") -> Iterator[Progress]:
        self.units[stage] = unit
        yield lambda done, total: self.counts.append((stage, done, total))


QUIET = QuietReporter()
