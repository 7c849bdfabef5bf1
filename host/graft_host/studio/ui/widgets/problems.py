"""Does what a person asked for outside the event loop, and shows what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from nicegui import ui

from graft_device.errors import GraftError
from graft_host.studio.texts.texts import Texts

Result = TypeVar("Result")


async def attempt(texts: Texts, act: Callable[[], Result]) -> Result | None:
    """Calls a function in a thread, so that pages go on; shows its GraftError, and returns None then.

    Args:
        texts: for what is shown.
        act: what to do; must not touch elements of a page.
    """
    try:
        return await asyncio.to_thread(act)
    except GraftError as error:
        show_error(texts, error.what, error.remedy)
        return None


def show_error(texts: Texts, what: str, remedy: str) -> None:
    """Shows an error until it is closed.

    Args:
        texts: for what is shown.
        what: what is wrong.
        remedy: what to do; empty for nothing.
    """
    lines = [what, texts("shell.what_to_do", remedy=remedy)] if remedy else [what]
    ui.notify("\n".join(lines), type="negative", timeout=0, close_button=texts("shell.close"), multi_line=True)


def show_done(text: str) -> None:
    """Shows for a few seconds that something was done."""
    ui.notify(text, type="positive")
