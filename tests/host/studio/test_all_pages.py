"""What holds for all pages of the studio: for eyes, screen readers, keyboards, phones and both languages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from graft_host.studio.texts.texts import catalogue
from tests.support.axe import serious
from tests.support.browser import DESKTOP, PHONE, chromium
from tests.support.studio import studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.service

PAGES = {
    "photos": "/", "check": "/check", "train": "/train", "fastest": "/fastest", "trying": "/try", "boards": "/boards",
    "export": "/export",
}  # fmt: skip

_ORDER = """() => {
  const seen = document.activeElement;
  if (!seen || seen === document.body) return null;
  window.tabbed ||= [];
  if (window.tabbed.includes(seen)) return "again";
  window.tabbed.push(seen);
  return seen.outerHTML.slice(0, 120);
}"""

_LEFT_OUT = """() => {
  const usual = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  const visible = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 1;
  return [...document.querySelectorAll(usual)]
    .filter((e) => visible(e) && !e.disabled && e.tabIndex >= 0 && e.getAttribute('aria-disabled') !== 'true')
    .filter((e) => !window.tabbed.includes(e) && !(e.type === 'radio'))
    .map((e) => e.outerHTML.slice(0, 120));
}"""

_BACKWARDS = """() => window.tabbed.slice(1).filter((e, i) =>
  !(window.tabbed[i].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING) &&
  !window.tabbed[i].contains(e)).map((e) => e.outerHTML.slice(0, 120))"""


@dataclass
class Window:
    """A window of the studio, and what went wrong in it."""

    page: Page
    address: str
    problems: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def show(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")
        self.page.wait_for_selector("#content h1, #content")
        self.page.wait_for_function("() => window.did_handshake")
        self.page.wait_for_load_state("networkidle")
        shown, before = self.page.locator("#content").aria_snapshot(), ""
        while shown != before:  # what a page looks up comes after the rest
            self.page.wait_for_timeout(500)
            shown, before = self.page.locator("#content").aria_snapshot(), shown


@dataclass(frozen=True)
class Opened:
    """A browser that was let in."""

    browser: Browser
    address: str
    state: Any

    def window(self, width: int, *, dark: bool = False, language: str = "en") -> Window:
        context = self.browser.new_context(
            storage_state=self.state,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            locale=language,
            reduced_motion="reduce",
        )
        context.set_default_timeout(120_000)
        window = Window(context.new_page(), self.address)
        window.page.on("console", lambda said: window.problems.append(said.text) if said.type == "error" else None)
        window.page.on("pageerror", lambda error: window.problems.append(str(error)))
        window.page.on(
            "request",
            lambda sent: (
                None if sent.url.startswith((self.address, "data:", "blob:")) else window.elsewhere.append(sent.url)
            ),
        )
        return window


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("pages")
    for label, colour in (("cat <img src=x onerror=alert(1)>", "red"), ("dog", "blue")):
        (folder / "pets" / "photos" / label).mkdir(parents=True)
        for number in range(4):
            noise = Image.effect_noise((64, 48), 40 + random.Random(label + str(number)).random() * 40)
            Image.merge("RGB", (noise, noise, Image.new("L", (64, 48), 200 if colour == "red" else 20))).save(
                folder / "pets" / "photos" / label / f"{number}.jpg"
            )
    environment = {"GRAFT_CACHE": str(folder / "cache"), "HOME": str(folder)}
    with studio(folder / "pets", environment=environment) as running, chromium() as browser:
        address = running.address()
        context = browser.new_context()
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#content")
        state = context.storage_state()
        context.close()
        yield Opened(browser, address.partition("/enter")[0], state)
        assert [line for line in running.said if line.startswith("error")] == []


@pytest.mark.parametrize(
    ("width", "dark", "language"), [(DESKTOP, False, "en"), (PHONE, True, "en"), (PHONE, False, "zh-CN")]
)
def test_each_page_is_sound_for_all_people(opened: Opened, width: int, dark: bool, language: str) -> None:
    window = opened.window(width, dark=dark, language=language)
    faults = []
    for name, path in PAGES.items():
        window.show(path)
        found = [*serious(window.page), *_flaws(window.page, width)]
        found += _untranslated(window.page, name) if language != "en" else []
        faults += [f"{name}: {fault}" for fault in found]
        assert window.page.evaluate("document.documentElement.lang") == {"en": "en-US"}.get(language, language)
    assert faults == []
    assert window.problems == []
    assert window.elsewhere == []
    window.page.context.close()


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(opened: Opened) -> None:
    window = opened.window(DESKTOP)
    faults: list[str] = []
    for name, path in PAGES.items():
        window.show(path)
        reached = []
        while (focused := _next(window.page)) not in {None, "again"}:
            reached.append(focused)
            assert len(reached) < 300, name
        assert len(reached) >= len(PAGES) + 2, name
        faults += [f"{name} leaves out {one}" for one in window.page.evaluate(_LEFT_OUT)]
        faults += [f"{name} goes back to {one}" for one in window.page.evaluate(_BACKWARDS)]
    assert faults == []
    window.page.context.close()


def test_the_menu_changes_the_language_of_all_pages(opened: Opened) -> None:
    window = opened.window(DESKTOP)
    window.show("/train")
    with window.page.expect_navigation():
        window.page.get_by_label("Language").select_option("zh-CN")
    window.page.wait_for_selector('html[lang="zh-CN"]')
    window.show("/boards")
    expect(window.page.get_by_role("link", name="开发板")).to_have_attribute("aria-current", "page")
    window.page.context.close()


def _flaws(page: Page, width: int) -> list[str]:
    """What is wrong with the size and the landmarks of a page."""
    wide = int(page.evaluate("document.documentElement.scrollWidth"))
    counts = {one: page.locator(one).count() for one in ("main", "header", "nav", "h1")}
    flaws = [f"{count} {one}" for one, count in counts.items() if count != 1]
    flaws += [] if page.get_by_role("banner").count() == 1 else ["no banner"]
    return [*flaws, f"{wide} px wide in {width}"] if wide > width else flaws


def _untranslated(page: Page, name: str) -> list[str]:
    """English texts of the catalogue that a Chinese page shows."""
    shown = page.locator("body").inner_text()
    texts = {**catalogue()["shell"], **catalogue()[name]}
    english = {text["en"]: text["zh-CN"] for text in texts.values() if isinstance(text["en"], str)}
    return [
        text
        for text, chinese in english.items()
        if len(text) > 4 and "{" not in text and text != chinese and text in shown
    ]


def _next(page: Page) -> str | None:
    page.keyboard.press("Tab")
    focused: str | None = page.evaluate(_ORDER)
    return focused
