"""Takes the picture of the sorting page for the documents, with ``graft sort`` on rendered photos.

Run it after ``graft demo``: ``python -m docs.tools.make_sort_picture graft-demo``. It needs Chromium and the dev extra.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from graft_host.demo.rendering.render import PARTS, render_alone

DOCS = Path(__file__).resolve().parents[1]
_CHROMIUM = "/usr/bin/chromium"
_SORTED, _NEW = 30, 5
_BOARD = "kitchen"


def main() -> None:
    """Sorts rendered photos, and writes ``sort-light.webp`` and, for looking at them, ``-dark`` and ``-phone``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path, help="the folder of 'graft demo'")
    parser.add_argument("--folder", type=Path, default=DOCS, help="where the picture is written")
    parser.add_argument("--all", action="store_true", help="also write the dark one and that of a phone")
    arguments = parser.parse_args()
    screens = [("light", 1180, 900, 1.25)]
    if arguments.all:
        screens += [("dark", 1180, 900, 1.25), ("phone", 360, 740, 2)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _lay_out(arguments.demo.resolve(), root)
        command = [sys.executable, "-m", "graft_host.cli", "sort", "inbox", "photos", "--no-browser"]
        command += ["--model", str(arguments.demo.resolve() / "parts.tflite")]
        with subprocess.Popen(command, cwd=root, text=True, stderr=subprocess.PIPE) as run:
            try:
                for screen in screens:
                    _photograph(_address(run), arguments.folder, *screen)
            finally:
                run.terminate()


def _lay_out(demo: Path, root: Path) -> None:
    """Photos of each part that are sorted, and new ones in an inbox: parts, other objects, and copies."""
    inbox = root / "inbox" / _BOARD / "uncertain"
    inbox.mkdir(parents=True)
    for number, part in enumerate(PARTS):
        known = sorted((demo / "photos" / part).iterdir())[:_SORTED]
        (root / "photos" / part).mkdir(parents=True)
        for path in known:
            shutil.copy(path, root / "photos" / part)
        shutil.copy(known[0], inbox / f"copy-{number}.jpg")
        for place in range(_NEW):
            rng = np.random.default_rng([number, place])
            render_alone(part, rng, 320).save(inbox / f"{number}{place:02}.jpg", quality=90)
    for place, name in enumerate(("leaf", "starfish", "leaf", "banana")):
        render_alone(name, np.random.default_rng([9, place]), 320).save(inbox / f"9{place:02}.jpg", quality=90)


def _address(run: subprocess.Popen[str]) -> str:
    for line in run.stderr or ():
        if found := re.search(r"(http://\S+)", line):
            return found[1]
    raise SystemExit("graft sort did not start")


def _photograph(address: str, folder: Path, name: str, width: int, height: int, scale: float) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--disable-gpu", "--no-first-run"])
        context = browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            color_scheme="dark" if name == "dark" else "light",
            locale="en-GB",
        )
        page = context.new_page()
        page.goto(address)
        page.locator(".tile img").first.wait_for()
        for key in ("Space", "Shift+ArrowRight", "Shift+ArrowRight"):
            page.keyboard.press(key)
        page.mouse.move(width // 2, 8)
        page.wait_for_timeout(2500)  # thumbnails come
        Image.open(io.BytesIO(page.screenshot())).save(folder / f"sort-{name}.webp", quality=76, method=6)
        browser.close()


if __name__ == "__main__":
    main()
