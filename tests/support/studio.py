"""Starts ``graft studio`` as a person does, and opens it in a browser."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browser import DESKTOP, Visit, visit
from tests.support.running import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@dataclass
class RunningStudio:
    """A studio in a process of its own.

    Attributes:
        process: of ``graft studio``.
        root: the folder of the project.
        said: its lines on standard error.
    """

    process: subprocess.Popen[str]
    root: Path
    said: list[str] = field(default_factory=list)
    _lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def address(self) -> str:
        """The next address that it prints, with a code that works once."""
        while True:
            line = self._lines.get(timeout=PATIENCE_S)
            assert line is not None, self.said
            if found := re.search(r"(https?://\S+)", line):
                return found[1]

    def follow(self) -> None:
        """Collects its lines on standard error."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            self._lines.put(self.said[-1])
        self._lines.put(None)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ends it; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    @contextlib.contextmanager
    def opened(self, browser: Browser, page: str = "/", width: int = DESKTOP, *, dark: bool = False) -> Iterator[Visit]:
        """Opens the studio in a new window with the newest address, and goes to one of its pages."""
        address = self.address()
        with visit(browser, address, width, dark=dark) as seen:
            seen.page.wait_for_selector("#content")
            if page != "/":
                seen.page.goto(f"{address.partition('/enter')[0]}{page}")
                seen.page.wait_for_selector("#content")
            yield seen


@contextlib.contextmanager
def studio(
    root: Path, *options: str, environment: Mapping[str, str] | None = None, before: str = ""
) -> Iterator[RunningStudio]:
    """Runs the studio of a folder until the end of the block, without opening a browser.

    Args:
        root: the folder of the project; made if it is missing.
        options: of the command line.
        environment: variables besides those of the test.
        before: statements that its process executes first.
    """
    program = f"{before}\nfrom graft_host.cli import main\nmain()"
    command = [sys.executable, "-c", program, "studio", str(root), "--no-browser", *options]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    ) as process:
        running = RunningStudio(process, root)
        follower = threading.Thread(target=running.follow, daemon=True)
        follower.start()
        try:
            yield running
        finally:
            process.kill()
            process.wait(PATIENCE_S)
            follower.join(PATIENCE_S)
