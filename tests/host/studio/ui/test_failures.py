"""A bug in a page ends neither the studio nor the other pages, and says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import chromium
from tests.support.studio import studio

pytestmark = pytest.mark.service

BROKEN = """
import asyncio
import time
import graft_host.studio.ui.check.page as check
import graft_host.studio.ui.export.page as export
from nicegui import ui
from graft_host.studio.project.errors import StudioError

def fail(studio, texts):
    raise ZeroDivisionError("<b>no</b> number")

async def wait():
    ui.label("it waits")
    await asyncio.to_thread(time.sleep, 3600)

def refuse():
    raise StudioError("the disk is full", "free some space")

def build(studio, texts):
    ui.button("bug", on_click=lambda: 1 / 0)
    ui.button("trouble", on_click=refuse)
    ui.button("wait", on_click=wait)

check.build, export.build = fail, build
"""


def test_errors_are_shown_where_they_happen_and_reported_in_one_line(tmp_path: Path) -> None:
    kept = {"GRAFT_CACHE": str(tmp_path / "cache")}
    with (
        studio(tmp_path / "pets", environment=kept, before=BROKEN) as running,
        chromium() as browser,
        running.opened(browser, "/export") as seen,
    ):
        page = seen.page
        page.get_by_role("button", name="trouble").click()
        page.get_by_role("alert").filter(has_text="the disk is full").filter(has_text="free some space").wait_for()
        page.get_by_role("button", name="bug").click()
        page.get_by_role("alert").filter(has_text="ZeroDivisionError: division by zero").wait_for()
        answer = page.goto(f"{page.url.removesuffix('/export')}/check")
        assert answer is not None
        assert answer.status == 500
        page.get_by_role("heading", name="The studio could not show this page").wait_for()
        page.get_by_text("<b>no</b> number").wait_for()
        page.get_by_role("link", name="Go to the photos").click()
        page.wait_for_function("() => document.title.startsWith('Photos ')")
        errors = [line for line in running.said if "rror" in line]
        assert running.end() == 0
    assert errors == [
        "error: unexpected ZeroDivisionError in a page: division by zero",
        "error: unexpected ZeroDivisionError in a page: <b>no</b> number",
    ]


def test_ctrl_c_does_not_wait_for_what_a_page_waits_for(tmp_path: Path) -> None:
    kept = {"GRAFT_CACHE": str(tmp_path / "cache")}
    with (
        studio(tmp_path / "pets", environment=kept, before=BROKEN) as running,
        chromium() as browser,
        running.opened(browser, "/export") as seen,
    ):
        seen.page.get_by_role("button", name="wait").click()
        seen.page.get_by_text("it waits").wait_for()
        assert running.end() == 0
        assert [line for line in running.said if "rror" in line or "Traceback" in line] == []
