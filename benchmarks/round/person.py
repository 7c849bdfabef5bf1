"""A person who sorts on the page of ``graft sort``: sees what each picture shows, and uses keys and clicks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

UNKNOWN = "unknown"
_SAYS = re.compile(r"^(?:a person said|like) (.+?)(?: \d[\d.]*%)?$")
_ALL_INTO = re.compile(r"^All into (.+) \(A\)$")


@dataclass
class Effort:
    """What a person does by hand.

    Attributes:
        commands: the command lines that were typed.
        keys: keys that were pressed on the page.
        clicks: clicks on the page.
        letters: letters that were typed into a field of the page.
    """

    commands: list[str] = field(default_factory=list)
    keys: int = 0
    clicks: int = 0
    letters: int = 0


class Sorter:
    """Sorts all pictures of an open page."""

    def __init__(self, page: Page, shows: Mapping[str, str], effort: Effort) -> None:
        """Sorts nothing yet.

        Args:
            page: an open page of ``graft sort``.
            shows: what each picture shows, by the SHA-256 of its file; ``unknown`` for none of the classes.
            effort: counts what is done.
        """
        self._page = page
        self._shows = {digest[:16]: thing for digest, thing in shows.items()}
        self._effort = effort

    def sort(self) -> Counter[str]:
        """Sorts until nothing is left; returns how many pictures were put into each place."""
        self._page.wait_for_selector("section.group, #empty:not(:text('Loading…'))")
        put: Counter[str] = Counter()
        while self._page.locator("section.group").count():
            group = self._page.locator("section.group").first
            put += self._sort_group(group)
        return put

    def _sort_group(self, group: Locator) -> Counter[str]:
        """Puts away what does not fit the offer of a group, and then accepts it; or puts all away by kind."""
        ids = group.locator(".tile").evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")
        tiles = {str(one): self._page.locator(f"#picture-{one}") for one in ids}
        truth = {one: self._shows[one] for one in tiles}
        offered = self._offered(group, tiles)
        wrong = [one for one in tiles if offered.get(one) != truth[one]]
        if offered and len(wrong) * 2 < len(tiles):
            for thing in dict.fromkeys(truth[one] for one in wrong):
                self._put({one: tiles[one] for one in wrong if truth[one] == thing}, thing)
            if len(wrong) < len(tiles):
                self._frame(next(tiles[one] for one in tiles if one not in wrong))
                self._press("a")
        else:
            *minor, most = [thing for thing, _ in reversed(Counter(truth.values()).most_common())]
            for thing in minor:
                self._put({one: tiles[one] for one in tiles if truth[one] == thing}, thing)
            group.locator("button.whole").click()
            self._effort.clicks += 1
            self._press_place(most)
        self._gone(tiles)
        return Counter(truth.values())

    def _offered(self, group: Locator, tiles: Mapping[str, Locator]) -> dict[str, str]:
        """The label that accepting the group gives each picture, as a person reads it; empty if nothing is offered."""
        button = group.locator("button.accept")
        if not button.is_visible():
            return {}
        everything = _ALL_INTO.match(button.inner_text().strip())
        if everything:
            return dict.fromkeys(tiles, everything[1])
        offered = {}
        for one, tile in tiles.items():
            texts = (text.strip() for text in tile.locator(".caption span").all_inner_texts())
            says = [match[1] for text in texts if (match := _SAYS.match(text))]
            if says:
                offered[one] = says[0]
        return offered

    def _put(self, tiles: Mapping[str, Locator], thing: str) -> None:
        """Selects pictures and puts them into a class, which may be new."""
        for number, tile in enumerate(tiles.values()):
            tile.click(modifiers=["Control"] if number else [])
            self._effort.clicks += 1
        self._press_place(thing)
        self._gone(tiles)

    def _press_place(self, thing: str) -> None:
        """Presses the key of a class, or types the name of a new one."""
        if thing == UNKNOWN:
            self._press("u")
            return
        place = self._page.locator(f"button.place[data-place='class {thing}'] kbd")
        if place.count():
            self._press(place.inner_text())
        else:
            self._press("c")
            field_ = self._page.locator("#chooser-name")
            field_.fill(thing)
            self._effort.letters += len(thing)
            field_.press("Enter")
            self._effort.keys += 1

    def _frame(self, tile: Locator) -> None:
        tile.focus()

    def _press(self, key: str) -> None:
        self._page.keyboard.press(key)
        self._effort.keys += 1

    def _gone(self, ids: Iterable[str]) -> None:
        """Waits until pictures have left the page."""
        for one in ids:
            self._page.locator(f"#picture-{one}").wait_for(state="detached")
