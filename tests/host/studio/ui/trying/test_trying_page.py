"""The page that tries a model, as a person uses it with a camera and with photos."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from graft_device.outputs.photo_notes import notes_of
from tests.support.axe import serious
from tests.support.browser import PHONE, Visit, chromium
from tests.support.device_models import COLOURS, NOVELTY, make_card, picture, write_artifact
from tests.support.running import eventually
from tests.support.studio import RunningStudio, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page

CARD = replace(make_card(accuracy={"shipped": 0.9818}), thresholds={"unknown": {"score": 0.5}})
HARD = "<img src=x onerror=alert(1)>"
STEEP = np.diag(np.full(3, 0.4, np.float32))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a camera that shows something red for a while, and then something blue, again and again."""
    clip = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    clip.write_bytes(b"".join(image_file(colour, "JPEG") * 15 for colour in ("red", "blue")))
    with chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    ) as opened:
        yield opened


def image_file(colour: str, kind: str = "PNG") -> bytes:
    memory = BytesIO()
    picture(colour, (320, 240)).save(memory, kind)
    return memory.getvalue()


@contextlib.contextmanager
def trying(
    browser: Browser, root: Path, width: int = 1280, *, dark: bool = False
) -> Iterator[tuple[RunningStudio, Visit]]:
    """The page of a project; at the end, checks that no script failed."""
    with (
        studio(root, environment={"GRAFT_CACHE": str(root.parent / "cache")}) as running,
        running.opened(browser, "/try", width, dark=dark) as seen,
    ):
        yield running, seen
        errors = seen.errors()
        assert [text for text in errors if "400 (Bad Request)" not in text] == []


def first_label(page: Page) -> str:
    return page.locator(".answer li").first.locator("bdi").inner_text()


def shows(page: Page, label: str) -> None:
    """Waits for an answer that begins with a label."""
    page.wait_for_function("label => document.querySelector('.answer bdi')?.textContent === label", arg=label)


def give(page: Page, *files: tuple[str, bytes]) -> None:
    given: list[FilePayload] = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files
    ]
    page.locator("input[type=file]").set_input_files(given)


def test_a_person_tries_a_model_with_the_camera_and_with_photos(browser: Browser, tmp_path: Path) -> None:
    root = tmp_path / "pets"
    (root / "models").mkdir(parents=True)
    write_artifact(root / "models/old.tflite", labels=("a", "b", "c"))
    os.utime(root / "models/old.tflite", (1, 1))
    write_artifact(root / "models/colours.tflite", card=CARD)
    with trying(browser, root) as (running, seen):
        page = seen.page
        page.get_by_text("3 classes, 98.2% right on its test photos").wait_for()
        page.get_by_role("button", name="Camera").click()
        shows(page, "red")
        shows(page, "blue")
        page.get_by_role("button", name="Hold").click()
        page.locator(".trying-frame img").wait_for()
        held = first_label(page)
        kill_worker(running)
        page.get_by_role("button", name="Hold").click()
        shows(page, "blue" if held == "red" else "red")
        page.route("**/try/answer*", lambda _: None)  # nothing is answered
        page.get_by_label("Model", exact=True).select_option("old.tflite")
        page.get_by_text("3 classes").wait_for()
        page.get_by_role("button", name="Hold").click()
        expect(page.get_by_role("button", name="Hold")).to_have_attribute(
            "aria-pressed", "false"
        )  # nothing is answered
        page.unroute("**/try/answer*")
        page.get_by_label("Model", exact=True).select_option("colours.tflite")
        page.get_by_text("98.2% right on its test photos").wait_for()
        bomb = BytesIO()
        Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
        files = [("red.png", image_file("red")), ("notes.txt", b"a text"), ("bomb.png", bomb.getvalue())]
        give(page, *files, (f"{HARD}.png", image_file("blue")))
        rows = page.locator(".trying-photos li")
        rows.nth(3).get_by_text("blue").wait_for()
        expect(rows.nth(0).locator("bdi")).to_have_text("red")
        expect(rows.nth(1)).to_contain_text("not a JPEG", ignore_case=True)
        expect(rows.nth(2)).to_contain_text("too large to decode", ignore_case=True)
        expect(rows.nth(3)).to_contain_text(HARD)
        rows.nth(3).get_by_role("button").click()
        shows(page, "blue")
        page.get_by_label("Model", exact=True).select_option("old.tflite")
        shows(page, "c")
        expect(page.get_by_text("graft-device classify models/old.tflite photo.jpg")).to_be_visible()
        assert page.url.endswith("?model=old.tflite")


def test_a_person_asks_why_and_adds_the_picture_to_the_photos(browser: Browser, tmp_path: Path) -> None:
    root = tmp_path / "pets"
    for label in COLOURS:
        (root / "photos" / label).mkdir(parents=True)
        for number in range(3):
            shade = picture(label, (40 + number, 40))
            shade.save(root / "photos" / label / f"{number}.png")
            os.utime(root / "photos" / label / f"{number}.png", (1_000_000, 1_000_000))
    (root / "photos/red").rename(root / "photos" / HARD)
    (root / "models").mkdir()
    write_artifact(root / "models/colours.tflite", card=CARD, kernel=STEEP)
    with trying(browser, root) as (_, seen):
        page = seen.page
        page.get_by_text("3 classes").wait_for()
        give(page, ("patch.png", red_patch()))
        shows(page, "red")
        page.get_by_role("button", name="Why").click()
        page.get_by_text("red: mostly because of the upper left.").first.wait_for()
        near = page.locator(".trying-near li")
        expect(near.first).to_contain_text(HARD)
        expect(near).to_have_count(6)
        link = near.first.get_by_role("link").get_attribute("href")
        shown = page.locator(".trying-frame canvas")
        shown.wait_for()
        assert shadow(page, 0.1, 0.1) < 60
        assert shadow(page, 0.9, 0.9) > 200
        page.get_by_label("Darken the rest").fill("0")
        assert shown.evaluate("canvas => canvas.style.opacity") == "0"

        page.get_by_label("This was").select_option("green")
        page.get_by_role("button", name="Add to the photos").click()
        page.get_by_text("Added to green.").wait_for()
        assert (root / "photos/green/patch.png").read_bytes() == red_patch()
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("Taken back").wait_for()
        assert not (root / "photos/green/patch.png").exists()

        page.get_by_role("button", name="Camera").click()
        page.get_by_role("button", name="Hold").wait_for()  # until then, the photo is shown, whose answer is red too
        page.get_by_label("This was").select_option(label="A new class …")
        page.get_by_label("Name of the new class").fill("odd")
        page.get_by_role("button", name="Add to the photos").click()
        page.get_by_text("Added to odd.").wait_for()
        (frame,) = (root / "photos/odd").iterdir()
        with Image.open(frame) as image:
            notes = notes_of(image)
        assert notes is not None
        assert (notes.said, notes.source) == ("odd", "studio")
        expect(page.get_by_role("button", name="Hold")).to_have_attribute("aria-pressed", "true")
        assert serious(page) == []

        page.goto(f"{page.url.partition('/try')[0]}{link}")
        page.get_by_role("dialog").get_by_role("heading", name=".png").wait_for()
        expect(page.get_by_role("dialog")).to_contain_text(HARD)


def red_patch() -> bytes:
    image = Image.new("RGB", (80, 60), (128, 128, 128))
    image.paste(COLOURS["red"], (0, 0, 20, 15))
    memory = BytesIO()
    image.save(memory, "PNG")
    return memory.getvalue()


def shadow(page: Page, across: float, down: float) -> int:
    """How much a place of the picture is darkened, 0 to 255."""
    return int(
        page.locator(".trying-frame canvas").evaluate(
            "(canvas, [x, y]) =>"
            " canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3]",
            [across, down],
        )
    )


def kill_worker(running: RunningStudio) -> None:
    """Kills the process that runs the model, as a crash of its runtime would."""
    threads = Path(f"/proc/{running.process.pid}/task").iterdir()
    children = {int(child) for thread in threads for child in (thread / "children").read_text().split()}
    workers = [child for child in children if b"trials.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    eventually(lambda: not any(b"trials.worker" in cmdline(worker) for worker in workers))


def cmdline(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_for_everybody_and_without_a_model_it_leads_to_training(
    browser: Browser, tmp_path: Path, dark: bool
) -> None:
    with trying(browser, tmp_path / "empty", PHONE, dark=dark) as (_, seen):
        link = seen.page.get_by_role("link", name="Train a model")
        link.wait_for()
        assert seen.flaws() == []
        write_artifact(tmp_path / "empty/models/colours.tflite", card=CARD, novelty=NOVELTY)
        seen.page.reload()
        seen.page.get_by_text("3 classes").wait_for()
        give(seen.page, ("white.png", white()), ("red.png", image_file("red")))
        shows(seen.page, "Unknown")
        expect(seen.page.get_by_text("Unlike anything it was trained on.")).to_be_visible()
        seen.page.locator(".trying-photos li").nth(1).get_by_text("red", exact=True).wait_for()
        assert seen.flaws() == []
        assert serious(seen.page) == []
        assert [text for ratio, text in seen.contrasts() if ratio < 4.5] == []


def white() -> bytes:
    memory = BytesIO()
    Image.new("RGB", (64, 64), "white").save(memory, "PNG")
    return memory.getvalue()
