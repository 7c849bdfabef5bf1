"""Serves the page on the loopback until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.serve.listening import QuietServer, Say, report_errors
from graft_device.serve.settings import Listener, listen
from graft_host.sorting.page.access import Access
from graft_host.sorting.page.desk import Desk
from graft_host.sorting.page.pictures import Thumbnails
from graft_host.sorting.page.routes import Application

if TYPE_CHECKING:
    from graft_host.sorting.state import TableState
    from graft_host.sorting.table import SortingTable

END_SECONDS = 5
"""How long running requests may take to finish at the end; a move that has begun is finished however long it takes."""

_THREADS = 6


@dataclass(frozen=True)
class _Place:
    """Where the page listens, as ``listen`` takes it."""

    port: int
    host: str = "127.0.0.1"
    token: str | None = None
    insecure: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sorted:
    """What was sorted while the page was served.

    Attributes:
        classes: the number of photos that each class has gained, or lost, by its label.
        unknown: the same for the photos that are none of the classes.
        binned: the same for the bin.
        left: the number of pictures that are still in the inbox.
    """

    classes: dict[str, int]
    unknown: int
    binned: int
    left: int

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {**vars(self)}


def serve(table: SortingTable, cache: Path, port: int, say: Say, show: Callable[[str], None] | None) -> Sorted:
    """Serves the page of a table until Ctrl-C, SIGTERM, or the end of the terminal.

    Args:
        table: the pictures.
        cache: the folder of caches, which gets the thumbnails.
        port: the port on the loopback; 0 for a free one.
        say: called with each line for the user; must not raise.
        show: called in a thread of its own with an address to open in a browser; None for no browser.

    Raises:
        ServeError: it cannot listen on the port.
    """
    listener = listen(_Place(port))
    with contextlib.closing(listener.socket):
        before = table.state()
        asyncio.run(_serve(Desk(table), Thumbnails(cache), listener, say, show))
        return _gained(before, table.state())


async def _serve(
    desk: Desk, thumbnails: Thumbnails, listener: Listener, say: Say, show: Callable[[str], None] | None
) -> None:
    access = Access()
    printed = ""

    def announce() -> None:
        nonlocal printed
        printed = access.issue()
        say(f"sort at {_address(listener, printed)} (works once; Ctrl-C ends)")
        if show is not None:
            threading.Thread(target=show, args=(_address(listener, access.issue()),), daemon=True).start()

    def entered(code: str) -> None:
        nonlocal printed
        if code == printed:
            printed = access.issue()
            say(f"the page is open; for another browser: {_address(listener, printed)}")

    application = Application(desk, access, thumbnails, entered)
    server = QuietServer(application.asgi(say), END_SECONDS, announce)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "graft-sort"))
    report_errors(loop, say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, server.end)
    await server.serve(sockets=[listener.socket])


def _address(listener: Listener, code: str) -> str:
    return f"{listener.url}/#{code}"


def _gained(before: TableState, after: TableState) -> Sorted:
    had = {count.label: count.photos for count in before.classes}
    gains = {count.label: count.photos - had.get(count.label, 0) for count in after.classes}
    return Sorted(
        classes={label: gain for label, gain in gains.items() if gain},
        unknown=after.unknown - before.unknown,
        binned=after.binned - before.binned,
        left=sum(len(group.pictures) for group in after.groups),
    )
