"""Looks at the disk outside the event loop for what a page shows, however often a change asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from nicegui import ui

Seen = TypeVar("Seen")


class Looks(Generic[Seen]):
    """Looks in a thread and shows what was seen; once more if something has changed meanwhile."""

    def __init__(self, around: ui.element, look: Callable[[], Seen], show: Callable[[Seen], None]) -> None:
        """Does not look yet.

        Args:
            around: an element of the page; nothing is shown once it is deleted.
            look: called in a thread.
            show: called in the event loop with what was seen.
        """
        self._around, self._look, self._show = around, look, show
        self._asked = self._busy = False

    def ask(self) -> None:
        """Has it look, once more if it looks at this moment."""
        self._asked = True
        if not self._busy:
            with self._around:
                ui.timer(0, self._update, once=True)

    async def _update(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            while self._asked:
                self._asked = False
                seen = await asyncio.to_thread(self._look)
                if not self._around.is_deleted:
                    self._show(seen)
        finally:
            self._busy = False
