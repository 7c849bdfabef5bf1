"""A reporter that keeps what it hears."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from graft_host.isolated import Progress


class QuietReporter:
    """Collects notes and progress."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.counts: list[tuple[str, int, int]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    @contextlib.contextmanager
    def progress(self, stage: str) -> Iterator[Progress]:
        yield lambda done, total: self.counts.append((stage, done, total))


QUIET = QuietReporter()
