"""Keeps a page up to date when something changes elsewhere: in another window, in a job, on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nicegui import ui

from graft_host.studio.project.signal import Signal

_PAUSE_S = 0.15
"""Changes that follow each other more quickly are shown together."""


def on_change(signal: Signal, update: Callable[[], None]) -> None:
    """Has this page updated after each change, until its window is closed, or the element around this is deleted.

    Args:
        signal: of what the page shows.
        update: changes elements of this page; called in the event loop, and must be quick.
    """
    slot, client, loop = ui.context.slot, ui.context.client, asyncio.get_running_loop()
    around = slot.parent
    waiting = False

    def show() -> None:
        nonlocal waiting
        waiting = False
        if client.is_deleted or around.is_deleted:
            end()
            return
        with slot:
            update()

    def schedule() -> None:
        nonlocal waiting
        if not waiting:
            waiting = True
            loop.call_later(_PAUSE_S, show)

    def changed() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(schedule)

    end = signal.subscribe(changed)
    client.on_delete(end)
