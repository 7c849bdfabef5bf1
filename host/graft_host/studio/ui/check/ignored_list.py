"""The findings that are ignored for good, each with a button that takes it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui

from graft_host.photos.findings import KINDS
from graft_host.studio.remedies.ignored import Entry
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.problems import attempt

_MOST = 200


def ignored_list(texts: Texts, entries: Sequence[Entry], take_back: Callable[[Entry], None]) -> None:
    """Adds the list, folded; nothing if nothing is ignored."""
    if not entries:
        return
    with ui.element("details").classes("check-ignored studio-card"):
        with ui.element("summary"):
            ui.label(texts("check.ignored_list", count=len(entries)))
        with ui.element("ul"):
            for entry in entries[-_MOST:]:
                with ui.element("li"):
                    _entry(texts, entry, take_back)


def _entry(texts: Texts, entry: Entry, take_back: Callable[[Entry], None]) -> None:
    kind = texts(f"check.kind_{entry.kind}", count=1) if entry.kind in KINDS else entry.kind
    ui.label(f"{kind}: {entry.name}")

    async def back() -> None:
        await attempt(texts, lambda: take_back(entry))

    button = ui.button(texts("check.take_back"), on_click=back).props("flat dense")
    button.props["aria-label"] = f"{texts('check.take_back')}: {entry.name}"
