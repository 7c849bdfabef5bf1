"""A page of cameras that a test, or a person who works on the page, feeds by hand.

``python -m tests.support.camera_page [PORT]`` shows two generated cameras until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.camera_page.hub import Hub
from graft_device.camera_page.parts import Parts
from graft_device.camera_page.server import CameraPage, open_page
from graft_device.camera_page.shown import ShownModel, ShownSource, ShownView
from graft_device.config.areas import parse_mask, parse_roi
from graft_device.config.settings import HttpSettings
from graft_device.outputs.views import View
from graft_device.ranking import Answer, Prediction
from graft_device.run.observers import Box, SeenFrame
from graft_device.sources.base import Frame, utc_now
from tests.support.device_models import COLOURS, LABELS, make_card
from tests.support.running import PATIENCE_S
from tests.support.serving import Reply

Pixels = NDArray[np.uint8]
DOOR = View("door", "door", None, "colours", LABELS, 0.4)
BOWL = View("door-bowl", "door", "bowl", "colours", LABELS, 0.4)
YARD = View("yard", "yard at night", None, "colours", LABELS, 0.4)
SOURCES = (
    ShownSource(
        "door", (ShownView(DOOR), ShownView(BOWL, parse_roi("0.5,0.5,0.25,0.3"))), (parse_mask("0,0,0.3,0.1"),)
    ),
    ShownSource("yard at night", (ShownView(YARD),)),
)
MODEL = ShownModel("colours", json.loads(make_card().to_json()), "litert")


def frame(number: int, pixels: Pixels, dropped: int = 0) -> Frame:
    """A frame of a camera."""
    return Frame(lambda: pixels, "camera", number, utc_now(), time.monotonic(), dropped=dropped)


def answer(label: str, score: float = 0.9) -> Answer:
    """An answer with this label; ``unknown`` for a score below the views' threshold."""
    rest = [Prediction(other, (1 - score) / 2) for other in LABELS if other != label]
    return Answer([Prediction(label, score), *rest], "uncertain" if score < DOOR.threshold else None)


def seen(number: int, pixels: Pixels, label: str = "red", score: float = 0.9, **options: Any) -> SeenFrame:
    """A classified frame; ``box`` for a region, ``whole`` for a photo in place of the pixels, ``dropped``."""
    box: Box | None = options.get("box")
    photo = pixels if box is None else pixels[box[1] : box[3], box[0] : box[2]]
    whole = options.get("whole", pixels)
    ms = {"preprocess": 2.0, "invoke": 20.0, "age": 40.0}
    one = frame(number, pixels, options.get("dropped", 0))
    return SeenFrame(one, lambda: whole, photo, box, answer(label, score), score, ms)


def picture(number: int, size: tuple[int, int] = (64, 48), colour: str = "red") -> Pixels:
    """Pixels in one colour, with a bar that moves with the number."""
    pixels = np.full((size[1], size[0], 3), COLOURS[colour], np.uint8)
    pixels[:, number % size[0]] = 255
    return pixels


@dataclass
class Page:
    """An open page, and what feeds it."""

    page: CameraPage
    hub: Hub
    said: list[str]

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.page.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends one request over a new connection."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())

    def held_bytes(self) -> int:
        """What waits in the server's memory for all clients."""
        return sum(connection.transport.get_write_buffer_size() for connection in self.page.connections)

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, content: object, **headers: str) -> Reply:
        """Posts JSON."""
        return self.ask("POST", path, json.dumps(content).encode(), {"Content-Type": "application/json", **headers})

    @contextlib.contextmanager
    def live(self, source: str = "door", **headers: str) -> Iterator[Iterator[tuple[dict[str, Any], bytes]]]:
        """Watches a source: gives the answers and the JPEG of each picture."""
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", f"/v1/live/{source}", headers=headers)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            assert response.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=graft-frame"
            yield parts(response)


def parts(response: http.client.HTTPResponse) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The parts of a stream of pictures, until it ends."""
    while line := response.readline():
        assert line == b"--graft-frame\r\n", line
        headers = {}
        while (line := response.readline()) not in {b"\r\n", b""}:
            name, _, value = line.decode("ascii").rstrip("\r\n").partition(": ")
            headers[name] = value
        if not headers:
            return
        assert headers["Content-Type"] == "image/jpeg"
        data = response.read(int(headers["Content-Length"]))
        assert response.readline() == b"\r\n"
        yield json.loads(headers["X-Graft-Answers"]), data


@contextlib.contextmanager
def paging(parts: Parts | None = None, hub: Hub | None = None, **options: Any) -> Iterator[Page]:
    """A page with two cameras on a free port of this machine, until the end of the block."""
    hub = hub or Hub()
    hub.configure(SOURCES, [MODEL])
    said: list[str] = []
    settings = HttpSettings(**{"host": "127.0.0.1", "port": 0, **options})
    page = open_page(settings, hub, parts or Parts(), said.append)
    try:
        yield Page(page, hub, said)
    finally:
        page.close()
    unexpected = [line for line in said if line.startswith("error")]
    assert unexpected == [], unexpected


def demo(port: int) -> None:
    """Shows generated cameras until Ctrl-C."""
    hub = Hub()
    hub.configure(SOURCES, [MODEL])
    page = open_page(HttpSettings("127.0.0.1", port), hub, Parts(), lambda text: print(text, file=sys.stderr))  # noqa: T201
    names = list(COLOURS)
    try:
        for number in itertools.count(1):
            _turn(hub, number, names[number // 50 % len(names)])
            time.sleep(0.1)
    finally:
        page.close()


def _turn(hub: Hub, number: int, colour: str) -> None:
    score = 0.6 + 0.39 * abs(math.sin(number / 20))
    pixels = picture(number * 3, (640, 480), colour)
    hub.turned()
    hub.seen(DOOR, seen(number, pixels, colour, score))
    hub.seen(BOWL, seen(number, pixels, colour, score, box=(320, 240, 480, 384)))
    if number % 50 == 1:
        hub.state(DOOR, colour)
    if number % 3:
        hub.still(YARD, frame(number, pixels), lambda: pixels)
    else:
        hub.seen(YARD, seen(number, pixels, colour, 0.3))
    hub.present(YARD.source, number % 200 < 150)


if __name__ == "__main__":
    demo(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
