"""All findings of a kind: what they mean, a button for all of them where that is safe, and their cards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from nicegui import ui

from graft_host.studio.remedies.remedy import SAFE
from graft_host.studio.remedies.standing import Standing
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.check.card import Act, finding_card
from graft_host.studio.ui.check.words import kind_title
from graft_host.studio.ui.widgets.headings import heading

_AT_ONCE = 12


class Group:
    """The section of a kind. Cards that are settled are removed, and the others stay as they are, with the focus."""

    def __init__(self, texts: Texts, act: Act, act_on_all: Callable[[Sequence[Standing]], Awaitable[None]]) -> None:
        """Adds an empty section to the page."""
        self._texts, self._act, self._act_on_all = texts, act, act_on_all
        self._found: Sequence[Standing] = ()
        self._cards: dict[str, ui.element] = {}
        self._limit = _AT_ONCE
        with ui.element("section").classes("check-group") as self._section:
            with ui.element("div").classes("check-group-head"):
                self._title = heading(2, "")
                self._all = ui.button(on_click=self._do_all).props("dense outline")
            self._meaning = ui.label().classes("quiet")
            self._list = ui.element("div").classes("check-cards")
            self._more = ui.button(on_click=self._show_more).props("flat")

    def remove(self) -> None:
        """Removes the section."""
        self._section.delete()

    def show(self, found: Sequence[Standing]) -> None:
        """Shows the findings of the kind, at least one."""
        texts, kind = self._texts, found[0].finding.kind
        self._found = found
        self._title.text = kind_title(texts, found[0].finding, len(found))
        self._meaning.text = texts(f"check.why_{kind}")
        self._all.visible = kind in SAFE and len(found) > 1
        self._all.text = texts(f"check.all_{kind}", count=len(found)) if self._all.visible else ""
        shown = {each.key: each for each in found[: self._limit]}
        gone = [key for key in self._cards if key not in shown]
        if [key for key in self._cards if key in shown] != [*shown][: len(self._cards) - len(gone)]:
            self._list.clear()  # one in between came back
            self._cards.clear()
            gone = []
        for key in gone:
            self._cards.pop(key).delete()
        with self._list:
            for key, each in shown.items():
                if key not in self._cards:
                    self._cards[key] = finding_card(texts, each, self._act)
        self._more.visible = len(found) > len(shown)
        self._more.text = texts("check.more", count=len(found) - len(shown))

    @property
    def cards(self) -> Mapping[str, ui.element]:
        """The cards that are shown, in their order, by the keys of their findings."""
        return self._cards

    async def _do_all(self) -> None:
        self._all.enabled = False
        await self._act_on_all(self._found)
        if not self._all.is_deleted:
            self._all.enabled = True

    def _show_more(self) -> None:
        self._limit += 4 * _AT_ONCE
        self.show(self._found)
