"""Takes the pictures of the studio for the documents, with ``graft studio`` on rendered photos.

Run it after ``graft demo``, each time when a page of the studio looks different:
``python -m docs.tools.make_studio_pictures graft-demo``. It takes a few minutes, needs Chromium and the dev extra, and
writes beside the pictures what the pages were then, which the tests compare with what they are.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

import graft_device
import graft_host
from graft_host.studio.texts.texts import Texts, catalogue

DOCS = Path(__file__).resolve().parents[1]
SHOWN = DOCS / "tools" / "studio_pages.json"
"""What each page was when its picture was taken."""

_CHROMIUM = "/usr/bin/chromium"
_PHOTOS = 40
_WAIT_MS = 580_000
_CALM_MS = 700
_UI = Path(graft_host.__file__).parent / "studio" / "ui"
_SHARED = (Path(graft_device.__file__).parent / "serve/page/shared/tokens.css", _UI / "static/studio.css")
_SAY = Texts("en")

PAGES = {
    "photos": "/", "check": "/check", "train": "/train", "fastest": "/fastest", "trying": "/try", "boards": "/boards",
    "export": "/export",
}  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """How a picture is taken.

    Attributes:
        name: of the file, without ``.webp``.
        page: one of ``PAGES``.
        width: of the window in CSS pixels.
        height: the same.
        scale: pixels of the picture in a CSS pixel.
        dark: whether the person prefers dark pages.
    """

    name: str
    page: str
    width: int = 1180
    height: int = 800
    scale: float = 1.1
    dark: bool = False


SCREENS = (
    Screen("studio-photos", "photos"),
    Screen("studio-check", "check"),
    Screen("studio-train", "train"),
    Screen("studio-fastest", "fastest"),
    Screen("studio-try", "trying"),
    Screen("studio-boards", "boards"),
    Screen("studio-export", "export"),
    Screen("studio-dark", "train", dark=True),
    Screen("studio-phone", "trying", 360, 740, 2),
)


def described(page: Page, name: str) -> dict[str, str]:
    """What a page is, apart from fonts and photos: digests of its look and its texts, and its parts.

    Args:
        page: of a studio whose folder is ``empty``, in English.
        name: one of ``PAGES``.
    """
    sheets = (*_SHARED, *sorted((_UI / "static").glob(f"{name}*.css")))
    texts = {key: text["en"] for key, text in catalogue()[name].items()}
    parts, before = page.locator("#content").aria_snapshot(), ""
    while parts != before:  # what a page reads from the disk comes after the rest
        page.wait_for_timeout(_CALM_MS)
        parts, before = page.locator("#content").aria_snapshot(), parts
    return {
        "look": _digest("".join(sheet.read_text("utf-8") for sheet in sheets)),
        "texts": _digest(json.dumps(texts, sort_keys=True)),
        "parts": _digest(re.sub(r"/url: .*|\d+|\S*/empty\b", "", parts)),
    }


def show(page: Page, address: str, name: str) -> None:
    """Goes to a page of the studio at an address, and waits until it is there."""
    page.goto(f"{address}{PAGES[name]}")
    page.wait_for_selector("#content")
    page.wait_for_function("() => window.did_handshake")
    page.wait_for_load_state("networkidle")


def main() -> None:
    """Trains on rendered photos in the studio, and takes a picture of each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path, help="the folder of 'graft demo'")
    parser.add_argument("--folder", type=Path, default=DOCS, help="where the pictures are written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--disable-gpu", "--no-first-run"])
        with _studio(root / "empty") as address:
            page = _window(browser, address, Screen("", "photos"))
            place = address.partition("/enter")[0]
            shown = {name: _seen(page, place, name) for name in PAGES}
        SHOWN.write_text(f"{json.dumps(shown, indent=1)}\n", "utf-8")
        _lay_out(arguments.demo.resolve(), root / "parts")
        with _studio(root / "parts") as address:
            _use(browser, address, arguments.demo.resolve(), arguments.folder)
        browser.close()


def _seen(page: Page, place: str, name: str) -> dict[str, str]:
    show(page, place, name)
    return described(page, name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _lay_out(demo: Path, root: Path) -> None:
    """Photos of each part, with a copy and a photo in the wrong class, as people have them."""
    classes = sorted(path for path in (demo / "photos").iterdir() if path.is_dir())
    for folder in classes:
        (root / "photos" / folder.name).mkdir(parents=True)
        for path in sorted(folder.iterdir())[:_PHOTOS]:
            shutil.copy(path, root / "photos" / folder.name)
    first, second = (sorted((root / "photos" / folder.name).iterdir()) for folder in classes[:2])
    shutil.copy(first[0], first[0].with_stem("IMG_0412"))
    second[0].rename(first[1].with_stem("IMG_0391"))


@contextmanager
def _studio(root: Path) -> Iterator[str]:
    """Runs a studio, and gives its address."""
    command = [sys.executable, "-m", "graft_host.cli", "studio", str(root), "--no-browser"]
    environment = {**os.environ, "HOME": str(root.parent)}
    with subprocess.Popen(command, text=True, stderr=subprocess.PIPE, env=environment) as run:
        try:
            found = (re.search(r"(http://\S+)", line) for line in run.stderr or ())
            yield next(match[1] for match in found if match)
        finally:
            run.terminate()


def _window(browser: Browser, address: str, screen: Screen, state: Any = None) -> Page:
    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        device_scale_factor=screen.scale,
        color_scheme="dark" if screen.dark else "light",
        locale="en-GB",
        storage_state=state,
        reduced_motion="reduce",
    )
    context.set_default_timeout(_WAIT_MS)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#content")
    return page


def _use(browser: Browser, address: str, demo: Path, folder: Path) -> None:
    place = address.partition("/enter")[0]
    page = _window(browser, address, Screen("", "photos"))
    for name, act in _ACTS.items():
        show(page, place, name)
        act(page, demo)
    state = page.context.storage_state()
    for screen in SCREENS:
        window = _window(browser, place, screen, state)
        show(window, place, screen.page)
        if screen.page in _BEFORE:
            _BEFORE[screen.page](window, demo)
        window.mouse.move(screen.width - 3, screen.height // 2)
        window.wait_for_timeout(1500)  # pictures come
        picture = Image.open(io.BytesIO(window.screenshot()))
        picture.save(folder / f"{screen.name}.webp", quality=74, method=6)
        window.context.close()


def _train(page: Page, _: Path) -> None:
    page.get_by_role("button", name=_SAY("train.train"), exact=True).click()
    page.wait_for_selector(".train-result", state="visible")


def _try(page: Page, demo: Path) -> None:
    photos = [demo / "new" / f"{name}.jpg" for name in ("washer", "leaf", "screw")]
    page.set_input_files("input[type=file]", photos)
    page.wait_for_timeout(3000)


def _check(page: Page, _: Path) -> None:
    page.get_by_role("button", name=_SAY("check.start"), exact=True).click()
    page.get_by_role("button", name=_SAY("check.again"), exact=True).wait_for()


def _search(page: Page, _: Path) -> None:
    page.get_by_role("button", name=_SAY("fastest.search"), exact=True).click()
    page.get_by_role("button", name=_SAY("fastest.take_chosen"), exact=True).wait_for()


def _look_down(page: Page, _: Path) -> None:
    found = page.get_by_role("button", name=_SAY("fastest.take_chosen"), exact=True)
    found.evaluate("(button) => button.closest('.studio-card').scrollIntoView()")


_ACTS: dict[str, Callable[[Page, Path], None]] = {"check": _check, "train": _train, "fastest": _search}
"""What a person does on a page before the pictures are taken."""

_BEFORE: dict[str, Callable[[Page, Path], None]] = {"trying": _try, "fastest": _look_down}
"""What a person does in the window of the picture, because it is forgotten afterwards."""


if __name__ == "__main__":
    main()
