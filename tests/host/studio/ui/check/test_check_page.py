"""The page that checks photos, as a person uses it: on rendered parts, with the real network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from graft_host.demo.rendering.render import render_part
from tests.support.axe import serious
from tests.support.browser import DESKTOP, PHONE, Visit, chromium
from tests.support.studio import RunningStudio, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.service

HOSTILE = 'nut <img src=x onerror=alert(1)>"'
PER_CLASS = 22


@dataclass(frozen=True)
class Bench:
    """Photos of two parts, with one problem of each kind that the tests are about."""

    photos: Path

    def names(self, label: str) -> set[str]:
        return {path.name for path in (self.photos / label).iterdir()}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Screws and nuts; a nut is among the screws, two screws are there twice, one is small, and one file is broken."""
    root = tmp_path_factory.mktemp("parts") / "photos"
    for label, part in (("screw", "screw"), (HOSTILE, "nut")):
        draw = np.random.default_rng(len(part))
        (root / label).mkdir(parents=True)
        for number in range(PER_CLASS):
            render_part(part, draw, 224).save(root / label / f"{number:02}.jpg", quality=92)
    shutil.move(root / HOSTILE / "07.jpg", root / "screw" / "astray.jpg")
    shutil.copy2(root / "screw" / "03.jpg", root / "screw" / "twice.jpg")
    shutil.copy2(root / "screw" / "04.jpg", root / "screw" / "once more.jpg")
    with Image.open(root / "screw" / "05.jpg") as picture:
        picture.resize((150, 150)).save(root / "screw" / "small.jpg", quality=92)
    (root / "screw" / "broken.jpg").write_bytes((root / "screw" / "09.jpg").read_bytes()[:700])
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bench(photos: Path, tmp_path: Path) -> Bench:
    shutil.copytree(photos, tmp_path / "parts" / "photos")
    return Bench(tmp_path / "parts" / "photos")


@pytest.fixture
def running(bench: Bench, cache: Path) -> Iterator[RunningStudio]:
    with studio(bench.photos.parent, environment={"GRAFT_CACHE": str(cache)}) as started:
        yield started
        assert [line for line in started.said if line.startswith("error")] == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def _card(kind: str, text: str = "") -> str:
    return f'.check-card[data-kind="{kind}"]' + (f':has-text("{text}")' if text else "")


def _check(page: Page, name: str = "Check the photos") -> None:
    page.get_by_role("button", name=name).click()
    page.wait_for_selector('.job-view[data-state="running"], .job-view[data-state="queued"]')
    page.wait_for_selector(".job-view", state="detached")


def _looks_right(seen: Visit) -> None:
    """Axe finds nothing serious in light and dark, and a phone has nothing to scroll sideways."""
    page = seen.page
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert serious(page) == []
    page.set_viewport_size({"width": PHONE, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE
    page.set_viewport_size({"width": DESKTOP, "height": 800})


def test_each_problem_is_settled_with_a_click_and_taken_back(
    bench: Bench, running: RunningStudio, browser: Browser
) -> None:
    with running.opened(browser, "/check") as seen:
        page = seen.page
        _check(page)
        page.wait_for_selector(_card("near"))
        _looks_right(seen)
        astray = page.locator(_card("mislabel", "astray.jpg"))
        expect(astray).to_contain_text(HOSTILE)
        astray.get_by_role("button", name="Move to").press("Enter")
        astray.wait_for(state="detached")
        page.wait_for_function("() => document.activeElement.closest('.check-card')")  # a keyboard goes on from there
        assert "astray.jpg" in bench.names(HOSTILE)

        all_files = bench.names("screw")
        page.get_by_role("button", name="Keep one of each of the 2").click()
        page.locator(_card("identical")).first.wait_for(state="detached")
        assert len(bench.names("screw")) == len(all_files) - 2
        page.keyboard.press("Control+z")
        same = page.locator(_card("identical", "twice.jpg"))
        same.wait_for()
        assert bench.names("screw") == all_files
        expect(same).to_contain_text("the oldest of the same files")
        same.get_by_role("button", name="Keep both").click()
        same.wait_for(state="detached")

        near = page.locator(_card("near", "small.jpg"))
        expect(near.locator(".check-kept")).to_contain_text("larger")
        near.get_by_role("button", name="Keep the better one").click()
        near.wait_for(state="detached")
        assert "small.jpg" not in bench.names("screw")
        assert "05.jpg" in bench.names("screw")

        broken = page.locator(_card("unreadable"))
        broken.get_by_role("button", name="Put into the bin").click()
        broken.wait_for(state="detached")
        assert "broken.jpg" not in bench.names("screw")
        page.keyboard.press("Control+z")
        broken.wait_for()
        assert "broken.jpg" in bench.names("screw")
        (bench.photos / "screw" / "broken.jpg").unlink()  # in another program: it is settled, too
        broken.wait_for(state="detached")

        page.wait_for_selector("text=The photos have changed since this check")
        _check(page, "Check again")
        for kind in ("mislabel", "near", "unreadable"):
            expect(page.locator(_card(kind))).to_have_count(0)
        expect(page.locator(_card("identical"))).to_have_attribute("aria-label", "2 identical files")  # the only one
        expect(page.get_by_text("The photos have changed")).to_be_hidden()
        page.get_by_text("Ignored (1)").click()
        page.get_by_role("button", name="Report again").click()
        same.wait_for()
        # A photo may move while a window asks for it.
        assert [text for text in seen.errors() if "/media/" not in text] == []


def test_the_map_shows_selects_and_moves_photos_in_all_windows(
    bench: Bench, running: RunningStudio, browser: Browser
) -> None:
    with running.opened(browser, "/check") as seen:
        page = seen.page
        page.get_by_role("tab", name="Map").click()
        page.get_by_role("button", name="Draw the map").click()
        canvas = page.get_by_role("application", name="Map of the photos")
        canvas.wait_for()
        count = 2 * PER_CLASS + 3
        page.wait_for_selector(f'.check-map[data-drawn="{count}"]')
        expect(page.locator(".check-explained")).to_contain_text("% of the differences between the photos")

        _looks_right(seen)
        canvas.focus()
        page.keyboard.press("ArrowRight")
        tip = page.locator(".check-map-tip img")
        tip.wait_for()
        page.wait_for_function("() => document.querySelector('.check-map-tip img').naturalWidth > 0")
        state = page.locator(".check-map [role=status]")
        first = state.inner_text()
        page.keyboard.press("Shift+ArrowLeft")
        page.get_by_text("2 photos selected").wait_for()
        expect(state).not_to_have_text(first)
        page.keyboard.press("Escape")
        page.get_by_text("Nothing selected").wait_for()

        page.get_by_role("button", name="screw").click()  # hidden photos are not selected
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        corners = [(0.005, 0.005), (0.995, 0.005), (0.995, 0.995), (0.005, 0.995), (0.005, 0.005)]
        for place, (across, down) in enumerate(corners):
            page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            if not place:
                page.mouse.down()
        page.mouse.up()
        page.get_by_text(f"{PER_CLASS - 1} photos selected").wait_for()
        other = page.context.new_page()
        other.goto(page.url)
        other.get_by_role("tab", name="Map").click()
        other.locator(".check-map-legend button", has_text=HOSTILE).get_by_text(str(PER_CLASS - 1)).wait_for()
        page.get_by_role("combobox", name="Class").click()
        page.get_by_role("option", name="screw", exact=True).click()
        page.get_by_role("button", name="Move", exact=True).click()
        page.get_by_text("Nothing selected").wait_for()
        assert bench.names(HOSTILE) == set()
        other.locator(".check-map-legend small", has_text=str(count)).wait_for()
        page.keyboard.press("Control+z")
        page.locator(".check-map-legend button", has_text=HOSTILE).get_by_text(str(PER_CLASS - 1)).wait_for()
        assert len(bench.names(HOSTILE)) == PER_CLASS - 1
        # A photo may move while a window asks for it.
        assert [text for text in seen.errors() if "/media/" not in text] == []
