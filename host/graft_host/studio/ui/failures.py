"""Shows what went wrong in a page, where nothing more special does so, and reports it in the terminal."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import context, ui

from graft_device.errors import GraftError
from graft_host.studio.texts.texts import LANGUAGES, Texts
from graft_host.studio.ui.styles import add_styles
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.problems import show_error

_SHOWN = "failed"
"""Marks a window whose page is about an error already."""


def report_failure(error: Exception, say: Callable[[str], None]) -> None:
    """Reports an error of a page, and shows it in its window.

    Args:
        error: what happened. A GraftError is not reported: it is for the person in front of the page.
        say: called with a line for the terminal.
    """
    expected = isinstance(error, GraftError)
    if not expected:
        say(f"error: unexpected {type(error).__name__} in a page: {error}")
    try:
        texts = _texts()
        if context.client.storage.get(_SHOWN):
            return
        if isinstance(error, GraftError):
            show_error(texts, error.what, error.remedy)
        else:
            show_error(texts, texts("shell.internal", error=f"{type(error).__name__}: {error}"), "")
    except RuntimeError:  # it happened outside of a page, or its window is closed
        return


def build_failure(error: Exception) -> None:
    """Builds the page in place of one that could not be built."""
    texts = _texts()
    context.client.storage[_SHOWN] = True
    add_styles()
    with ui.element("div").props("id=content"):
        heading(1, texts("shell.broken_title"))
        if isinstance(error, GraftError):
            ui.label(error.what)
            ui.label(texts("shell.what_to_do", remedy=error.remedy))
        else:
            ui.label(texts("shell.internal", error=f"{type(error).__name__}: {error}"))
        ui.link(texts("shell.back"), "/")


def _texts() -> Texts:
    language = context.client.page.resolve_language()
    return Texts(language if language in LANGUAGES else "en")
