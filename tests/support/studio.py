"""Starts ``graft studio`` as a person does, and opens it in a browser."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browser import DESKTOP, Visit, visit
from tests.support.page_process import PageProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class RunningStudio(PageProcess):
    """A studio in a process of its own; its root is the folder of the project."""

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
        with running.followed():
            yield running
