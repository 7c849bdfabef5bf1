"""The page with the photos, as people use it: with a camera, with files, with keys alone, in two windows."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support.axe import serious
from tests.support.browser import PHONE, chromium
from tests.support.fake_camera import camera_flags, write_film
from tests.support.host_data import image_bytes
from tests.support.running import eventually
from tests.support.studio import RunningStudio, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

FORBID_CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };
}"""
ASK_FOR_CAMERA = """() => {
  const devices = navigator.mediaDevices, real = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    window.given = await real(wanted);
    await new Promise((resolve) => { window.allow = resolve; });
    return window.given;
  };
}"""
"""As a browser that asks a person first; ``window.allow()`` is the answer."""
HOSTILE = '<img src=x onerror=alert(1)>"'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a camera that shows a film."""
    film = write_film(tmp_path_factory.mktemp("film") / "film.mjpeg")
    with chromium(*camera_flags(film)) as opened:
        yield opened


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningStudio]:
    with studio(tmp_path / "pets", environment={"GRAFT_CACHE": str(tmp_path / "cache")}) as opened:
        yield opened


def photos_in(running: RunningStudio, label: str) -> list[str]:
    folder = running.root / "photos" / label
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def card(page: Page, label: str) -> Locator:
    return page.get_by_role("region", name=label, exact=True)


def add_class(page: Page, label: str) -> None:
    page.get_by_role("button", name="Add a class", exact=True).click()
    page.get_by_label("Name of the class").fill(label)
    page.keyboard.press("Enter")
    card(page, label).wait_for()


def holds(page: Page, label: str, count: str) -> None:
    card(page, label).locator(".photos-count", has_text=count).wait_for()


def write_class(running: RunningStudio, label: str, count: int) -> None:
    """Photos whose names count from the newest to the oldest."""
    folder = running.root / "photos" / label
    folder.mkdir(parents=True)
    for number in range(count):
        path = folder / f"{label}{number:04}.png"
        path.write_bytes(image_bytes(number))
        os.utime(path, (1e9 - number, 1e9 - number))


def drop(page: Page, target: Locator, *paths: Path) -> None:
    """Drops files and folders as a file manager does."""
    box = target.bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] - 6}
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})


def record_without_holding(page: Page, running: RunningStudio, label: str) -> None:
    before = len(photos_in(running, label))
    page.get_by_label("Press to begin, press again to end").check()
    button = page.get_by_role("button", name=f"Hold to record {label}")
    button.click()
    eventually(lambda: len(photos_in(running, label)) > before)
    button.click()
    page.locator(".photos-record.on").wait_for(state="detached")


def goes_to_the_end(page: Page, label: str, photos: int) -> None:
    """Goes to the last of many photos, of which the page has only those in sight."""
    grid = page.get_by_role("listbox", name=f"Photos of {label}")
    grid.focus()
    page.keyboard.press("End")
    last = grid.locator(".current")
    for name in ("aria-posinset", "aria-setsize"):
        expect(last).to_have_attribute(name, str(photos))
    eventually(lambda: page.locator(".photos-tile").count() < 200)
    assert "old0100" not in page.content()
    expect(last).to_be_in_viewport()
    eventually(lambda: last.get_attribute("id") == grid.get_attribute("aria-activedescendant"))


def test_classes_are_recorded_with_the_camera_and_an_undo_takes_a_recording_back(
    browser: Browser, running: RunningStudio
) -> None:
    with running.opened(browser) as seen:
        page = seen.page
        page.get_by_role("heading", name="Your first model in three steps").wait_for()
        add_class(page, "cat")
        add_class(page, HOSTILE)
        page.get_by_text("has no photos yet").wait_for()
        hold = page.get_by_role("button", name="Hold to record cat")
        hold.hover()
        page.mouse.down()
        page.wait_for_function("() => parseInt(document.querySelector('.photos-taken')?.textContent) >= 4")
        page.mouse.up()
        eventually(lambda: len(photos_in(running, "cat")) >= 4)
        expect(page.locator("video.mirrored")).to_have_count(1)
        first = running.root / "photos" / "cat" / photos_in(running, "cat")[0]
        with Image.open(first) as photo:
            assert photo.format == "JPEG"
            left = photo.convert("RGB").crop((0, 0, 100, 100)).resize((1, 1)).tobytes()
        assert left[0] > left[2] + 100  # the left half is red: not mirrored

        page.get_by_role("button", name=f"Hold to record {HOSTILE}").focus()
        page.keyboard.down(" ")
        eventually(lambda: len(photos_in(running, HOSTILE)) >= 3)
        page.keyboard.up(" ")
        page.locator(".photos-record.on").wait_for(state="detached")
        page.locator(".photos-taken", has_text="taken").wait_for()
        taken = int(page.inner_text(".photos-taken").split()[0])
        eventually(lambda: len(photos_in(running, HOSTILE)) == taken)
        holds(page, HOSTILE, f"{taken} photos")
        page.get_by_role("button", name=f"Undo: {taken} photos to {HOSTILE}").click()
        holds(page, HOSTILE, "0 photos")
        assert photos_in(running, HOSTILE) == []
        page.keyboard.press("Control+Shift+z")
        holds(page, HOSTILE, f"{taken} photos")

        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        record_without_holding(page, running, "cat")
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            assert serious(page, without="#q-loading-bar") == []  # which axe itself sets off
        page.set_viewport_size({"width": PHONE, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        page.get_by_role("button", name="Turn the camera off").click()
        expect(page.locator("video")).to_have_count(0)
        page.reload()
        page.get_by_role("button", name="Hold to record cat").click()
        expect(page.get_by_label("Press to begin, press again to end")).to_be_checked()  # it is remembered
        expect(page.locator("img[src='x']")).to_have_count(0)
        # A photo may move while a window asks for it.
        assert [text for text in seen.errors() if "/media/" not in text] == []


def test_files_folders_and_archives_are_added_and_what_is_no_photo_is_named(
    browser: Browser, running: RunningStudio, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    (given / "pets" / "dog").mkdir(parents=True)
    (given / "pets" / "bird" / "small").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "same.png", "pets/dog/c.png", "pets/bird/small/d.png")):
        (given / name).write_bytes(image_bytes(0 if name == "same.png" else number))
    (given / "broken.jpg").write_bytes(image_bytes(9, "JPEG")[:200])
    (given / "notes<b>.txt").write_text("no photo", "utf-8")
    with zipfile.ZipFile(given / "more.zip", "w") as archive:
        archive.writestr("cat/e.png", image_bytes(20))
        archive.writestr("fish/f.png", image_bytes(21))
    with running.opened(browser) as seen:
        page = seen.page
        add_class(page, "cat")
        drop(page, card(page, "cat"), *(given / name for name in ("a.png", "broken.jpg", "notes<b>.txt")))
        report = page.get_by_role("region", name="Photos that are added")
        report.get_by_role("paragraph").filter(has_text="1 photo added. 2 files could not be used:").wait_for()
        expect(report.get_by_role("listitem")).to_have_count(2)
        refused = report.get_by_role("listitem").all_inner_texts()
        assert sorted(line.partition(":")[0] for line in refused) == ["broken.jpg", "notes<b>.txt"]
        holds(page, "cat", "1 photo")  # what the page learns of later would move the class away from the drop
        report.get_by_role("button", name="Close").click()
        report.wait_for(state="hidden")

        drop(page, card(page, "cat"), given / "b.png", given / "same.png")
        report.get_by_role("paragraph").filter(has_text="1 photo added. 1 was there already.").wait_for()
        holds(page, "cat", "2 photos")

        drop(page, page.locator(".photos-bar"), given / "pets", given / "more.zip")
        for label, count in (("dog", "1 photo"), ("bird", "1 photo"), ("fish", "1 photo"), ("cat", "3 photos")):
            holds(page, label, count)

        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Add photos to dog").press("Enter")
        chooser.value.set_files(given / "b.png")
        holds(page, "dog", "2 photos")
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Add a folder of classes").press("Enter")
        chooser.value.set_files(given / "pets")
        report.get_by_role("paragraph").filter(has_text="0 photos added. 2 were there already.").wait_for()


def test_keys_alone_select_move_delete_and_take_back_among_thousands(browser: Browser, running: RunningStudio) -> None:
    write_class(running, "cat", 3)
    write_class(running, "dog", 3)
    for number in range(3000):
        os.link(running.root / "photos/dog/dog0002.png", running.root / f"photos/dog/old{number:04}.png")
    with running.opened(browser) as seen:
        page = seen.page
        cats = page.get_by_role("listbox", name="Photos of cat")
        cats.focus()
        for key in ("ArrowRight", "Shift+ArrowRight"):
            page.keyboard.press(key)
        expect(cats.locator("[aria-selected=true]")).to_have_count(2)
        page.keyboard.press("2")
        holds(page, "cat", "1 photo")
        assert photos_in(running, "cat") == ["cat0000.png"]
        page.keyboard.press("Control+z")
        holds(page, "cat", "3 photos")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        holds(page, "cat", "0 photos")
        page.keyboard.press("Control+z")
        holds(page, "cat", "3 photos")

        cats.focus()
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        page.get_by_role("dialog", name="cat0000.png").wait_for()
        page.keyboard.press("ArrowRight")
        page.get_by_role("dialog", name="cat0001.png").wait_for()
        page.keyboard.press("Delete")
        page.get_by_role("dialog", name="cat0002.png").wait_for()
        page.keyboard.press("Escape")
        assert photos_in(running, "cat") == ["cat0000.png", "cat0002.png"]
        page.keyboard.press("Control+z")
        holds(page, "cat", "3 photos")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("m")
        page.keyboard.type("bird")
        page.keyboard.press("Enter")
        holds(page, "bird", "1 photo")
        assert photos_in(running, "bird") == ["cat0001.png"]

        goes_to_the_end(page, "dog", 3003)
        page.keyboard.press("n")
        page.keyboard.type("fish")
        page.keyboard.press("Enter")
        card(page, "fish").wait_for()
        page.wait_for_function("() => document.activeElement.ariaLabel === 'Hold to record fish'")


def test_two_windows_and_the_folder_show_the_same_photos(browser: Browser, running: RunningStudio) -> None:
    write_class(running, "cat", 4)
    write_class(running, "dog", 1)
    with running.opened(browser) as seen:
        other = seen.page.context.new_page()
        other.goto(seen.page.url)
        holds(other, "cat", "4 photos")
        cats = seen.page.get_by_role("listbox", name="Photos of cat")
        cats.get_by_role("option", name="cat0000.png").click()
        cats.get_by_role("option", name="cat0002.png").click(modifiers=["Shift"])
        cats.get_by_role("option", name="cat0001.png").drag_to(card(seen.page, "dog"))
        for page in (seen.page, other):
            holds(page, "dog", "4 photos")
        other.get_by_role("button", name="Rename dog").click()
        other.get_by_label("Name of the class").fill("wolf")
        other.keyboard.press("Enter")
        holds(seen.page, "wolf", "4 photos")
        (running.root / "photos" / "cat" / "cat0003.png").unlink()
        for page in (seen.page, other):
            holds(page, "cat", "0 photos")
        other.evaluate(FORBID_CAMERA)
        other.get_by_role("button", name="Hold to record cat").press("Enter")
        other.get_by_text("The browser does not let this page use the camera.").wait_for()
        seen.page.get_by_role("button", name="Move wolf to the bin").click()
        card(other, "wolf").wait_for(state="detached")
        other.get_by_role("button", name="Undo: 4 photos to the bin").click()
        holds(seen.page, "wolf", "4 photos")


def test_a_camera_that_is_allowed_too_late_is_turned_off_again(browser: Browser, running: RunningStudio) -> None:
    write_class(running, "cat", 1)
    with running.opened(browser) as seen:
        page = seen.page
        page.evaluate(ASK_FOR_CAMERA)
        page.get_by_role("button", name="Hold to record cat").press("Enter")
        page.wait_for_function("() => window.allow")
        page.get_by_role("button", name="Turn the camera off").click()
        page.evaluate("window.allow()")
        page.wait_for_function("() => given.getTracks().every((track) => track.readyState === 'ended')")
        expect(page.locator("video")).to_have_count(0)
        assert photos_in(running, "cat") == ["cat0000.png"]
        assert seen.errors() == []


def test_an_answer_that_breaks_off_does_not_keep_the_page_from_looking_again(
    browser: Browser, running: RunningStudio
) -> None:
    write_class(running, "cat", 2)
    with running.opened(browser) as seen:
        page = seen.page
        holds(page, "cat", "2 photos")
        with page.expect_event("pageerror"):
            page.route("**/album", lambda route: route.fulfill(body='{"classes": ['))
            (running.root / "photos" / "cat" / "cat0001.png").unlink()
        page.unroute("**/album")
        (running.root / "photos" / "cat" / "cat0000.png").unlink()
        holds(page, "cat", "0 photos")
