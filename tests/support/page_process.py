"""A process that serves a page and prints addresses, each with a code that works once."""

from __future__ import annotations

import contextlib
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.running import PATIENCE_S


@dataclass
class PageProcess:
    """The process.

    Attributes:
        process: that serves the page.
        root: the folder that it works in.
        said: its lines on standard error.
    """

    process: subprocess.Popen[str]
    root: Path
    said: list[str] = field(default_factory=list)
    _lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def address(self) -> str:
        """The next address that it prints."""
        return self.says(r"https?://\S+")

    def says(self, pattern: str) -> str:
        """What the next of its lines that has a pattern has there."""
        while True:
            line = self._lines.get(timeout=PATIENCE_S)
            assert line is not None, self.said
            if found := re.search(pattern, line):
                return found[0]

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ends it; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Collects its lines on standard error until the end of the block, and kills it then."""
        follower = threading.Thread(target=self._follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            self.process.kill()
            self.process.wait(PATIENCE_S)
            follower.join(PATIENCE_S)

    def _follow(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            self._lines.put(self.said[-1])
        self._lines.put(None)
