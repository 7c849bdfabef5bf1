"""Asks axe what keeps people from using a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_STILL = """() => document.getAnimations().every((each) =>
  each.playState !== 'running' || each.effect.getComputedTiming().endTime === Infinity)"""


def serious(page: Page, part: str = "html", *, without: str = "") -> list[str]:
    """What axe finds serious or critical for people who cannot see or use a mouse; empty if nothing.

    Waits until nothing fades in or moves any more, for a text that fades in has too little contrast.

    Args:
        page: to look at.
        part: the selector of the element to look at.
        without: the selector of what is left out.
    """
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_function(_STILL)
    context = {"include": [[part]], "exclude": [[without]] if without else []}
    found = Axe().run(page, context=context, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
