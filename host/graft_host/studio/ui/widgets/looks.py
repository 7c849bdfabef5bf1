"""Looks at the disk outside the event loop for what a page shows, however often a change asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from nicegui import ui

from graft_device.errors import GraftError
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.problems import show_error

Seen = TypeVar("Seen")


class Looks(Generic[Seen]):
    """Looks in a thread and shows what was seen; once more if something has changed meanwhile.

    There is one look at a time: of two beside each other, the older one may end last, and its page would stay.
    """

    def __init__(
        self, texts: Texts, around: ui.element, look: Callable[[], Seen], show: Callable[[Seen], None]
    ) -> None:
        """Does not look yet.

        Args:
            texts: for what is shown where a look raises a GraftError.
            around: an element of the page; nothing is shown once it is deleted.
            look: called in a thread.
            show: called in the event loop with what was seen.
        """
        self._texts, self._around, self._look, self._show = texts, around, look, show
        self._asked = self._busy = False

    def ask(self) -> None:
        """Has it look, once more if it looks at this moment."""
        self._asked = True
        if not self._busy and not self._around.is_deleted:
            with self._around:
                ui.timer(0, self._update, once=True)

    async def _update(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            while self._asked:
                self._asked = False
                await self._look_once()
        finally:
            self._busy = False

    async def _look_once(self) -> None:
        try:
            seen = await asyncio.to_thread(self._look)
        except GraftError as error:
            if not self._around.is_deleted:
                show_error(self._texts, error.what, error.remedy)
            return
        if not self._around.is_deleted:
            self._show(seen)
