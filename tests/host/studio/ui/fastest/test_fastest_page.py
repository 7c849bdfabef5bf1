"""The page that finds the fastest network, in a browser, with the families of a small package."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from graft_host.demo.rendering.render import render_dataset
from graft_host.studio.project.folder import open_project
from tests.host.network_search.latency.test_board_latency import bench
from tests.support.axe import serious
from tests.support.browser import PHONE, chromium
from tests.support.running import eventually
from tests.support.studio import studio
from tests.support.tiny_family import install_twins

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

LOADED = "() => document.querySelectorAll('.fastest-families .q-checkbox').length === 6"
RUNNING = """() => document.querySelectorAll('.fastest-point').length >= 2
  && document.querySelector('.job-view')?.dataset.state === 'running'"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    found = install_twins(tmp_path / "site")
    return {**found, "GRAFT_WEIGHTS": "random", "GRAFT_CACHE": str(tmp_path / "cache")}


def project(root: Path, **wishes: object) -> Path:
    """A project with photos, and with what a person wanted of the last search."""
    found = open_project(root)
    render_dataset(found.photos, 10, 0)
    (found.work / "search.json").write_text(json.dumps(wishes))
    return root


def trained(root: Path) -> list[dict[str, object]]:
    """The arguments of the jobs that train."""
    jobs = [json.loads(path.read_text()) for path in sorted(root.glob(".studio/jobs/*/job.json"))]
    return [job["arguments"] for job in jobs if job["kind"] == "train"]


def test_a_network_is_found_and_taken_by_keyboard_alone(
    browser: Browser, tmp_path: Path, environment: dict[str, str]
) -> None:
    root = project(tmp_path / "parts", backbones=["tiny", "twin"])
    with studio(root, environment=environment) as running, running.opened(browser, "/fastest") as seen:
        page = seen.page
        search = page.get_by_role("button", name="Search", exact=True)
        page.wait_for_function(LOADED)
        expect(page.get_by_role("checkbox", name="Inception-v3")).to_have_attribute("aria-checked", "false")
        search.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(RUNNING)  # networks appear before the search ends
        page.locator(".job-view[data-state=done]").wait_for()
        page.wait_for_function("() => document.querySelectorAll('.fastest-point').length === 8")
        expect(page.locator(".fastest-table tbody tr")).to_have_count(8)
        expect(page.locator("#content .studio-code")).to_have_text("graft search photos --backbones tiny,twin")
        page.get_by_text("Quickest that is good enough: ").wait_for()

        page.get_by_label("Milliseconds at most").first.fill("0.0000001")
        page.get_by_text("No network meets your limits").wait_for()
        handle = page.get_by_role("slider", name="Milliseconds at most")
        handle.focus()
        page.keyboard.press("Delete")
        page.get_by_text("Quickest that is good enough: ").wait_for()

        page.locator(".fastest-point[tabindex='0']").focus()
        page.keyboard.press("ArrowRight")
        wanted = page.evaluate("() => document.activeElement.dataset.key")
        page.locator(".fastest-words").wait_for()
        page.keyboard.press("Enter")
        name = page.get_by_label("Name of the model")
        name.wait_for()
        assert serious(page, ".q-dialog") == []
        name.fill("quick")
        page.keyboard.press("Enter")
        page.wait_for_url("**/train")
        (arguments,) = trained(root)
        assert f"{arguments['backbone']} {arguments['tap']} {arguments['image_size']}" == wanted
        assert arguments["output"] == "models/quick.tflite"
        assert seen.errors() == []


def test_a_cancelled_search_is_shown_again_after_a_kill_with_a_limit_that_is_dragged(
    browser: Browser, tmp_path: Path, environment: dict[str, str]
) -> None:
    root = project(tmp_path / "parts", backbones=["tiny", "efficientnet-lite0"])
    with studio(root, environment=environment) as running, running.opened(browser, "/fastest") as seen:
        page = seen.page
        page.get_by_role("button", name="Search", exact=True).click()
        page.wait_for_function(RUNNING)
        page.get_by_role("button", name="Cancel Find the fastest").click()
        page.locator(".job-view[data-state=cancelled]").wait_for()
        points = page.locator(".fastest-point").count()
        page.get_by_text(f"{points} networks", exact=True).wait_for()
        running.end(signal.SIGKILL)
    with studio(root, environment=environment) as running, running.opened(browser, "/fastest") as seen:
        page = seen.page
        page.wait_for_function("many => document.querySelectorAll('.fastest-point').length === many", arg=points)
        page.wait_for_function(LOADED)  # what is loaded is kept, with a limit that is dragged at this moment
        line = page.locator("[data-limit=max_ms] .fastest-hit")
        line.scroll_into_view_if_needed()
        box = line.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] - 200, box["y"] + box["height"] / 2, steps=3)
        page.mouse.up()
        number = page.get_by_label("Milliseconds at most").first
        wishes = root / ".studio" / "search.json"
        eventually(lambda: "max_ms" in json.loads(wishes.read_text()))  # the last place of the line
        limit = json.loads(wishes.read_text())["max_ms"]
        eventually(lambda: float(number.input_value() or 0) == limit)
        page.wait_for_function("() => document.querySelector('.fastest-point.missed')")
        page.reload()
        page.wait_for_function("() => document.querySelector('.fastest-point.missed')")
        eventually(lambda: float(number.input_value() or 0) == limit)
        expect(page.locator("#content .studio-code")).to_contain_text(f"--max-ms {limit} ")

        page.locator("input[type=file]").set_input_files(
            bench(tmp_path / "board.json", "late", 32, {("litert", 4): 60.0}, family="tiny")
        )
        page.get_by_role("radio", name="Raspberry Pi 5 Model B Rev 1.0").wait_for()
        page.wait_for_function(
            "() => /--latency latency.board.json/.test(document.querySelector('#content .studio-code').textContent)"
        )
        assert serious(page, "#content") == []  # without the message, which fades in
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": PHONE, "height": 800})
        page.locator(".studio-language").select_option("zh-CN")
        page.get_by_role("button", name="开始搜索").wait_for()
        page.wait_for_function("() => document.querySelector('.fastest-point.missed')")
        assert seen.flaws() == []
        assert serious(page) == []
        assert seen.errors() == []
