"""A camera for a headless browser: a film that shows a thing from many sides, and can show another thing meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from graft_host.demo.rendering.render import render_alone

_WIDTH, _HEIGHT = 320, 240
_RENDERED = 40
_RATE = 8  # frames a second: each thing is seen for 20 s before a frame comes again


class Film:
    """A file that Chromium reads frame by frame, again and again (YUV4MPEG2 with planes of 4:2:0).

    All films are of the same size, so that one can be written over another while the camera is on, as a person puts
    another thing before it.
    """

    def __init__(self, path: Path) -> None:
        """Shows nothing yet; the file is made by the first ``show``.

        Args:
            path: the file, whose name ends with ``.y4m``.
        """
        self.path = path
        self._films: dict[tuple[str, int], bytes] = {}

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of a Chromium whose camera shows this film, and which lets every page use it."""
        return (
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={self.path}",
        )

    def prepare(self, thing: str, seed: int) -> None:
        """Renders a thing, which takes a few seconds."""
        if (thing, seed) not in self._films:
            self._films[thing, seed] = _film(thing, seed)

    def show(self, thing: str, seed: int) -> None:
        """Has the camera see a thing from now on.

        Args:
            thing: what ``graft demo`` can render.
            seed: of its places, light and sides.
        """
        self.prepare(thing, seed)
        self.path.touch()
        with self.path.open("r+b") as file:  # in place: the browser has it open
            file.write(self._films[thing, seed])


def _film(thing: str, seed: int) -> bytes:
    film = [f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F{_RATE}:1 Ip A1:1 C420\n".encode()]
    for number in range(_RENDERED):
        photo = render_alone(thing, np.random.default_rng([seed, number]), _WIDTH)
        middle = photo.crop((0, (_WIDTH - _HEIGHT) // 2, _WIDTH, (_WIDTH + _HEIGHT) // 2))
        turned = (middle, ImageOps.mirror(middle), ImageOps.flip(middle), ImageOps.mirror(ImageOps.flip(middle)))
        film.extend(b"FRAME\n" + _planes(one) for one in turned)
    return b"".join(film)


def _planes(image: Image.Image) -> bytes:
    """An image as luma and two chroma planes of half the width and height, in the range of video (ITU-R BT.601)."""
    luma, *chroma = image.convert("YCbCr").split()
    small = [plane.resize((_WIDTH // 2, _HEIGHT // 2), Image.Resampling.BOX) for plane in chroma]
    narrow = luma.point([16 + value * 219 // 255 for value in range(256)])
    return narrow.tobytes() + b"".join(
        plane.point([128 + (value - 128) * 224 // 255 for value in range(256)]).tobytes() for plane in small
    )
