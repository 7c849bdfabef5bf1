"""What a page shows of the disk is what was there last, however slowly an earlier look ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import chromium
from tests.support.device_models import write_artifact
from tests.support.studio import studio

pytestmark = pytest.mark.service

LOOKING = """
import threading, time
import graft_host.studio.ui.check.page as check
from nicegui import ui
from graft_host.studio.project.errors import StudioError
from graft_host.studio.ui.widgets.looks import Looks

def build(studio, texts):
    now, alone = ["old"], threading.Lock()
    shown, around = ui.label().props("id=shown"), ui.element()

    def look():
        assert alone.acquire(blocking=False), "two looks beside each other"
        with_it = now[0]
        time.sleep(1 if with_it in {"old", "late"} else 0)
        alone.release()
        if with_it == "bad":
            raise StudioError("the disk is full", "free some space")
        return with_it

    looks = Looks(texts, around, look, shown.set_text)

    def change(value):
        now[0] = value
        looks.ask()

    for value in ("new", "bad", "late"):
        ui.button(value, on_click=lambda value=value: change(value))
    ui.button("remove", on_click=around.delete)
    looks.ask()

check.build = build
"""

SLOW = """
import sys
import time
import graft_host.studio.ui.export.page as export

read = export.read_choice

def read_slowly(project, name):
    model = read(project, name)
    if name == "large.tflite":
        time.sleep(1)
        print("large was read", file=sys.stderr, flush=True)
    return model

export.read_choice = read_slowly
"""


def test_the_newest_look_is_shown_an_error_is_named_and_nothing_once_the_part_is_gone(tmp_path: Path) -> None:
    kept = {"GRAFT_CACHE": str(tmp_path / "cache")}
    with (
        studio(tmp_path / "pets", environment=kept, before=LOOKING) as running,
        chromium() as browser,
        running.opened(browser, "/check") as seen,
    ):
        page, shown = seen.page, seen.page.locator("#shown")
        page.get_by_role("button", name="new").click()  # during the first look
        expect(shown).to_have_text("new")
        page.get_by_role("button", name="bad").click()
        page.get_by_role("alert").filter(has_text="the disk is full").filter(has_text="free some space").wait_for()
        page.get_by_role("button", name="late").click()
        page.get_by_role("button", name="new").click()
        page.get_by_role("button", name="late").click()
        expect(shown).to_have_text("late")
        page.get_by_role("button", name="late").click()
        page.get_by_role("button", name="remove").click()
        page.get_by_role("button", name="new").click()
        page.wait_for_timeout(1500)  # a look takes a second
        expect(shown).to_have_text("late")
        assert [line for line in running.said if "rror" in line] == []
        assert running.end() == 0


def test_a_model_that_is_read_slowly_does_not_replace_the_one_that_was_chosen_after_it(tmp_path: Path) -> None:
    models = tmp_path / "pets" / "models"
    models.mkdir(parents=True)
    write_artifact(models / "small.tflite", labels=("small", "b", "c"))
    large = write_artifact(models / "large.tflite", labels=("large", "b", "c"))
    os.utime(large, (1_000_000_000, 1_000_000_000))
    with (
        studio(tmp_path / "pets", environment={"GRAFT_CACHE": str(tmp_path / "cache")}, before=SLOW) as running,
        chromium() as browser,
        running.opened(browser, "/export") as seen,
    ):
        page = seen.page
        page.get_by_text("3 classes: small").wait_for()
        for name in ("large", "small"):
            page.get_by_label("Model to export").click()
            page.get_by_role("option", name=name).click()
        running.says("large was read")
        page.wait_for_timeout(500)  # an answer that came too late would be shown by then
        expect(page.get_by_text("3 classes: small")).to_be_visible()
        expect(page.get_by_role("link", name="Download small.tflite").first).to_be_visible()
