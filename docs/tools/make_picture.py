"""Takes the picture of the documents: the page of ``graft-device serve``, with a rendered part that it recognises.

Run it after ``graft demo``: ``python -m docs.tools.make_picture graft-demo``. It needs Chromium and the dev extra. The
photo comes from the demo's renderer, so that no real photo gets into the repository.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parents[1] / "live-page.webp"
_WIDTH, _HEIGHT, _SCALE = 960, 640, 2
_CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"
)  # fmt: skip


def main() -> None:
    """Serves the demo's model, shows it a photo in a browser, and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path, help="the folder of 'graft demo'")
    parser.add_argument("--part", default="nut", help="the new photo to show: nut, screw or washer")
    parser.add_argument("--output", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    with _served(arguments.demo / "parts.tflite") as address:
        page = photograph(address, arguments.demo / "new" / f"{arguments.part}.jpg")
    Image.open(io.BytesIO(page)).save(arguments.output, quality=82, method=6)


def photograph(address: str, photo: Path) -> bytes:
    """The page after it has classified a photo, as PNG."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_FLAGS))
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT}, device_scale_factor=_SCALE)
        page.goto(address)
        page.set_input_files("input[type=file]", photo)
        page.get_by_text(re.compile(r"\d ms")).first.wait_for()
        page.wait_for_timeout(500)  # the bars grow
        return page.screenshot(full_page=True)


@contextlib.contextmanager
def _served(model: Path) -> Iterator[str]:
    """The address of a server for the model, which runs until the block ends."""
    command = [sys.executable, "-m", "graft_device.cli", "serve", str(model), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            listening = re.search(r"http://\S+", server.stderr.readline() if server.stderr else "")
            if listening is None:
                raise SystemExit("the server did not start")
            yield listening[0]
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
