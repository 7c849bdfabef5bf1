"""What is selected on the map: small pictures, and what can be done with all of them."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable

import numpy as np
from nicegui import ui

from graft_host.studio.maps.placed import Placed
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.check.pictures import thumbnail
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.problems import attempt, show_done

_MOST = 48


class Selection:
    """The selected photos.

    Attributes:
        token: names the photos that a selection is one of; another one each time that others are offered.
    """

    def __init__(self, studio: Studio, texts: Texts, clear: Callable[[], None]) -> None:
        """Adds them to the page, with nothing selected.

        Args:
            studio: whose photos are moved.
            texts: of the language.
            clear: selects nothing on the map.
        """
        self._studio, self._texts = studio, texts
        self._offered: Placed | None = None
        self._number = 0
        self._rows: tuple[int, ...] = ()
        with ui.element("aside").classes("check-selection studio-card") as aside:
            aside.props["aria-label"] = texts("check.selection")
            self._title = heading(2, texts("check.selected_none"))
            self._classes = ui.label().classes("quiet")
            with ui.element("div").classes("check-remedies") as self._actions:
                self._target = ui.select([], label=texts("check.move_to")).props("dense outlined")
                self._move = ui.button(texts("check.move"), on_click=self._move_all).props("dense color=primary")
                ui.button(texts("check.do_bin"), on_click=self._bin_all).props("dense outline")
                ui.button(texts("check.deselect"), on_click=clear).props("dense flat")
            self._pictures = ui.element("div").classes("check-selected")
        self._show()

    @property
    def token(self) -> str:
        """See the class."""
        return str(self._number)

    def offer(self, photos: Placed) -> None:
        """Takes in which photos are on the map."""
        self._offered = photos
        self._number += 1
        self._rows = ()
        labels = list(photos.labels)
        if self._target.value not in labels:
            self._target.value = None
        self._target.set_options(labels)
        self._show()

    def choose(self, token: str, bits: str) -> None:
        """Takes a selection from the browser.

        Args:
            token: of the photos that it is one of; an old one is left out.
            bits: one for each photo, the first in the highest bit, in Base64.
        """
        if self._offered is None or token != self.token:
            return
        try:
            packed = np.frombuffer(base64.b64decode(bits, validate=True), np.uint8)
        except ValueError:
            return
        chosen = np.flatnonzero(np.unpackbits(packed)[: len(self._offered.ids)])
        self._rows = tuple(chosen.tolist())
        self._show()

    def _show(self) -> None:
        texts, photos, rows = self._texts, self._offered, self._rows
        self._actions.visible = bool(rows)
        self._title.text = texts("check.selected", count=len(rows)) if rows else texts("check.selected_none")
        self._pictures.clear()
        if photos is None or not rows:
            self._classes.text = texts("check.selected_how")
            return
        counts = Counter(photos.labels[photos.classes[row]] for row in rows)
        self._classes.text = ", ".join(f"{label}: {count:,}" for label, count in counts.most_common())
        with self._pictures:
            for row in rows[:_MOST]:
                alt = f"{photos.labels[photos.classes[row]]}: {photos.ids[row].rpartition('/')[2]}"
                thumbnail(photos.ids[row], alt, photos.versions[row])
            if len(rows) > _MOST:
                ui.label(texts("check.more_photos", count=len(rows) - _MOST)).classes("quiet")

    def _ids(self) -> list[str]:
        return [] if self._offered is None else [self._offered.ids[row] for row in self._rows]

    async def _move_all(self) -> None:
        label, ids = self._target.value, self._ids()
        if not label:
            ui.notify(self._texts("check.choose_class"))
            return
        moved = await attempt(self._texts, lambda: self._studio.album.move(ids, str(label)))
        if moved is not None:
            show_done(self._texts("check.moved", count=moved, label=label))

    async def _bin_all(self) -> None:
        ids = self._ids()
        moved = await attempt(self._texts, lambda: self._studio.album.delete(ids))
        if moved is not None:
            show_done(self._texts("check.binned", count=moved, label=""))
