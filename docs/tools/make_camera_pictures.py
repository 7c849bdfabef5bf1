"""Takes the pictures of the documents of the page of the board's own camera: light, dark, and on a phone.

Run it after ``graft demo``: ``python -m docs.tools.make_camera_pictures graft-demo``. It needs Chromium and the dev
extra. The camera is a stream of rendered trays with parts in them, so that no real photo gets into the repository.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import io
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import sync_playwright

from graft_host.demo.rendering.render import render_alone

if TYPE_CHECKING:
    from playwright.sync_api import Page

DOCS = Path(__file__).resolve().parents[1]
SCENES = (
    ("nut", "screw"), ("nut", "washer"), ("screw", "washer"), ("screw", "nut"), ("washer", "nut"), ("washer", "leaf"),
    ("nut", "screw"), ("nut", "washer"), ("screw", "washer"), ("washer", "nut"), ("nut", "screw"),
)  # fmt: skip
_SCENE_S = 5.0
_PLACE, _TRAY = 11, 288
_CORNERS = ((22, 96), (330, 96))
_SCREENS = (("light", 1180, 1300, 1.5), ("dark", 1180, 1300, 1.5), ("phone", 360, 740, 2))
"""Names, widths and heights in CSS pixels, and pixels of the screen for each."""

_CHROMIUM = "/usr/bin/chromium"
_BOARD = """
confirm = "2/3"

[[model]]
name = "parts"
file = {model!r}

[[source]]
name = "sorting table"
place = {camera!r}
fps = 5

[[source.region]]
name = "left tray"
roi = "22,96,288,288"

[[source.region]]
name = "right tray"
roi = "330,96,288,288"

[http]
listen = "127.0.0.1:0"

[events]
folder = "events"

[uncertain]
folder = "uncertain"

[capture]
folder = "captured"
"""


def main() -> None:
    """Runs a board with a rendered camera, and writes the pictures of its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path, help="the folder of 'graft demo'")
    parser.add_argument("--folder", type=Path, default=DOCS, help="where the pictures are written")
    arguments = parser.parse_args()
    camera = TrayCamera([tray_scene(parts, seed) for seed, parts in enumerate(SCENES)])
    with camera.serving() as stream, _board(arguments.demo.resolve() / "parts.tflite", stream) as address:
        while not camera.at_end.wait(1):
            pass
        photograph(address, arguments.folder)


def tray_scene(parts: Sequence[str], seed: int) -> Image.Image:
    """A frame of 640 x 480 pixels: a table with two trays, and a part in each.

    Args:
        parts: what is in the left and in the right tray.
        seed: chooses the parts and how they are put down.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:480, 0:640]
    level = 74 + 26 * (1 - rows / 480) + 8 * np.sin(columns / 210) + np.random.default_rng(1).normal(0, 1.6, (480, 640))
    table = Image.fromarray(np.stack([level, level + 2, level + 6], axis=2).clip(0, 255).astype(np.uint8))
    shadow = Image.new("L", table.size, 0)
    for x, y in _CORNERS:
        ImageDraw.Draw(shadow).rounded_rectangle((x - 4, y - 2, x + _TRAY + 8, y + _TRAY + 10), 16, fill=150)
    table.paste((20, 21, 24), mask=shadow.filter(ImageFilter.GaussianBlur(7)))
    for (x, y), part in zip(_CORNERS, parts, strict=True):
        ImageDraw.Draw(table).rounded_rectangle((x - 8, y - 8, x + _TRAY + 8, y + _TRAY + 8), 14, fill=(196, 199, 204))
        table.paste(render_alone(part, rng, _TRAY, _PLACE), (x, y))
        _shade(table, x, y)
    return table


def _shade(table: Image.Image, x: int, y: int) -> None:
    """The shadow that a tray's rim casts into it."""
    rim = Image.new("L", (_TRAY, _TRAY), 170)
    ImageDraw.Draw(rim).rectangle((9, 11, _TRAY, _TRAY), fill=0)
    table.paste((15, 15, 18), (x, y), rim.filter(ImageFilter.GaussianBlur(6)))


class TrayCamera:
    """A network camera that shows frames one after another, each for some seconds, and stays at the last."""

    def __init__(self, frames: Sequence[Image.Image]) -> None:
        """Shows the first frame from the first viewer on."""
        self.at_end = threading.Event()
        self._frames = frames
        self._start: float | None = None

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Serves until the end of the block; gives the address of the stream."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/stream"
        finally:
            server.shutdown()
            server.server_close()

    def frame(self) -> bytes:
        """The present frame as a JPEG, with the noise of a camera."""
        self._start = self._start or time.monotonic()
        number = int((time.monotonic() - self._start) / _SCENE_S)
        if number >= len(self._frames):
            self.at_end.set()
        pixels = np.asarray(self._frames[min(number, len(self._frames) - 1)], np.float32)
        noisy = (pixels + np.random.default_rng().normal(0, 1.5, pixels.shape)).clip(0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noisy).save(stream, "JPEG", quality=90)
        return stream.getvalue()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    while True:
                        data = camera.frame()
                        head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data)
                        self.wfile.write(head + data + b"\r\n")
                        time.sleep(0.1)

            def log_message(self, *_: object) -> None:
                """Prints nothing."""

        return Handler


@contextlib.contextmanager
def _board(model: Path, camera: str) -> Iterator[str]:
    """The address of the page of a run with the camera, until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "board.toml").write_text(_BOARD.format(model=str(model.resolve()), camera=camera), "utf-8")
        command = [sys.executable, "-m", "graft_device.cli", "run", "--config", str(Path(folder, "board.toml"))]
        own = {"HOME": folder, "XDG_STATE_HOME": folder, "XDG_DATA_HOME": folder}
        environment = {**os.environ, **own}
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=folder, text=True, env=environment, **streams) as run:  # type: ignore[call-overload]
            try:
                yield _address(run)
            finally:
                run.terminate()


def _address(run: subprocess.Popen[str]) -> str:
    for line in run.stderr or ():
        if found := re.search(r"page on (http://\S+)", line):
            return found[1]
    raise SystemExit("the run did not start")


def photograph(address: str, folder: Path) -> None:
    """Writes ``camera-page-light.webp``, ``-dark`` and ``-phone``.

    Args:
        address: of the page.
        folder: where they are written.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--disable-gpu", "--no-first-run"])
        for name, width, height, scale in (
            ("light", 1180, 1320, 1.5),
            ("dark", 1180, 1320, 1.5),
            ("phone", 360, 740, 2),
        ):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                color_scheme="dark" if name == "dark" else "light",
                locale="en-GB",
            )
            page = context.new_page()
            page.goto(address)
            _settle(page)
            if name == "light":
                _correct(page)
            picture = Image.open(io.BytesIO(page.screenshot()))
            picture.save(folder / f"camera-page-{name}.webp", quality=80, method=6)
            context.close()


def _settle(page: Page) -> None:
    page.locator(".view .answer li").first.wait_for()
    page.locator(".event").first.wait_for()
    page.wait_for_timeout(1500)  # thumbnails come, bars grow


def _correct(page: Page) -> None:
    """Gives the unknown object its label, which the next pictures show."""
    unknown = page.locator(".event", has=page.locator("bdi.unknown"))
    if not unknown.count():
        return
    unknown.first.click()
    page.fill("#event-correct input", "leaf")
    page.keyboard.press("Enter")
    page.locator(".said", has_text="Saved as").wait_for()
    page.keyboard.press("Escape")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)


if __name__ == "__main__":
    main()
