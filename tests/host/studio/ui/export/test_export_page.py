"""The page that exports models, in a browser, and its downloads."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from graft_host.export.registry import FORMATS
from graft_host.studio.project.folder import open_project
from graft_host.studio.texts.texts import LANGUAGES, catalogue
from graft_host.studio.ui.export.cards import LINES
from graft_host.studio.ui.export.page import SAME_FILE
from tests.conftest import graft
from tests.support.axe import serious
from tests.support.browser import PHONE, chromium
from tests.support.device_models import make_card, write_artifact
from tests.support.frigate_reader import SIDE
from tests.support.studio import studio

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

HARD = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def downloaded(page: Page, mark: str) -> bytes:
    """The file that a link with this name downloads."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name=f"Download {mark}").first.click()
    return waiting.value.path().read_bytes()


def by_the_command(model: Path, kind: str, output: Path) -> Path:
    """What the command makes of a model."""
    output.parent.mkdir(parents=True, exist_ok=True)
    done = graft("export", model, "--format", kind, "-o", output)
    assert done.returncode == 0, done.stderr
    return output


def test_each_format_has_a_title_and_three_lines_in_each_language() -> None:
    texts = catalogue()["export"]
    for name in (*SAME_FILE, *FORMATS):
        keys = [name, *(f"{name}_{line}" for line in range(1, LINES + 1))]
        assert all(texts[key][language].strip() for key in keys for language in LANGUAGES)
        assert f"{name}_{LINES + 1}" not in texts


@pytest.mark.slow
def test_what_is_downloaded_is_what_the_commands_make(browser: Browser, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    root = tmp_path / "pets"
    models = open_project(root).models
    model = write_artifact(
        models / "colours.tflite", labels=(HARD, "green", "blue"), card=make_card(size=SIDE), size=SIDE
    )
    small = write_artifact(models / "small.tflite")
    os.utime(small, (1_000_000_000, 1_000_000_000))
    with studio(root) as running, running.opened(browser, "/export") as seen:
        page = seen.page
        page.get_by_text(f"3 classes: {HARD}, green, blue").wait_for()
        assert downloaded(page, "colours.tflite") == model.read_bytes()
        page.get_by_text(hashlib.sha256(model.read_bytes()).hexdigest()).wait_for()

        frigate = page.get_by_role("region", name="Frigate")
        make = frigate.get_by_role("button", name="Make it")
        make.focus()
        page.keyboard.press("Enter")
        frigate.get_by_text("model_cache/colours").wait_for()
        expected = by_the_command(model, "frigate", tmp_path / "frigate" / "colours")
        with zipfile.ZipFile(io.BytesIO(downloaded(page, "colours.zip"))) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == {
                f"colours/{path.name}": path.read_bytes() for path in expected.iterdir()
            }
        onnx = page.get_by_role("region", name="ONNX")
        onnx.get_by_role("button", name="Make it").click()
        onnx.get_by_role("link", name="Download colours.onnx").wait_for()
        command = "graft export models/colours.tflite --format onnx -o exports/colours.onnx --overwrite"
        onnx.get_by_text(command).wait_for()
        assert downloaded(page, "colours.onnx") == by_the_command(model, "onnx", tmp_path / "x.onnx").read_bytes()

        base = page.url.partition("/export")[0]
        (root / "exports" / "link.onnx").symlink_to(model)
        (root / "exports" / ".hidden").write_text("hidden")
        (root / "exports" / "out").symlink_to(tmp_path)
        os.mkfifo(root / "exports" / "pipe")
        for path in (
            "..%2fmodels%2fcolours.tflite",
            "link.onnx",
            ".hidden",
            "out/x.onnx",
            "pipe",
            "frigate",
            "",
            "%2fetc%2fpasswd",
            "a%00b",
        ):
            assert page.request.get(f"{base}/exports/{path}").status == 404, path
        answer = page.request.get(f"{base}/exports/colours.onnx")
        assert answer.headers["content-disposition"].startswith("attachment")

        page.get_by_label("Model to export").click()
        page.get_by_role("option", name="small.tflite").click()
        frigate.get_by_text("takes 32 x 32 pixels").wait_for()
        expect(frigate.get_by_role("button", name="Make it")).to_be_hidden()
        assert serious(page) == []
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": PHONE, "height": 800})
        page.locator(".studio-language").select_option("zh-CN")
        page.get_by_role("heading", name="导出").wait_for()
        page.get_by_role("link", name="下载 colours.zip").wait_for()
        assert seen.flaws() == []
        assert serious(page) == []
        assert [text for text in seen.errors() if "404" not in text] == []
